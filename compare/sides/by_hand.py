"""A layer of `manual`, trained with its losses and optimisers, as an `Implementation` beside any module."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from ..problem.validation import check_choice
from ..support.arrays import Array
from ..support.boundary import public_methods
from ..support.packages import beside
from .interface import Abilities, StepRecord

if TYPE_CHECKING:
    import manual
else:
    manual = beside("manual")


_METHODS = ("forward", "gradients")      # of a layer, that are watched


class Criterion(Protocol):
    """A loss by hand: its value, and its gradient ∂L/∂ŷ for outputs ŷ and targets y."""

    def value(self, output: Array, y: Any, reduction: str = "mean") -> Array:
        """Return L, of shape ()."""

    def gradient(self, output: Array, y: Any, reduction: str = "mean") -> Array:
        """Return ∂L/∂ŷ, of the shape of the output."""


@public_methods
class ByHand:
    """A layer, often a `manual.Sequential`, with a loss, by its name in `manual.LOSSES` or itself, and an optimiser.

        layer = manual.Sequential(manual.Conv2d(weight, bias), manual.Flatten())
        assert_equivalent(ByHand(layer, "mse", manual.Adam(0.01)), Problem.of(module, loss="mse", optimizer="adam", lr=0.01, …))

    It takes the problem's parameters and buffers, which have the layer's names and shapes, in the layer's own arrays. Beside what every
    side shows, it shows the error at an input of floating point, and with `stages` each inner layer's output and the error at it, by its
    path; those of paths that the module has, too, are compared.

    Gradients are clipped to a norm of `clip_grad_norm`, and then their numbers to ±`clip_grad_value`, if given, and are shown as they were.
    """

    abilities = Abilities(own_stages=True)

    def __init__(
        self, layer: manual.Layer, loss: str | Criterion, optimizer: manual.Update, *, reduction: str = "mean", stages: bool = True,
        clip_grad_norm: float | None = None, clip_grad_value: float | None = None,
    ) -> None:
        if isinstance(loss, str):
            check_choice("loss", loss, manual.LOSSES)
        self.layer, self.optimizer = layer, optimizer
        self.loss: Criterion = manual.LOSSES[loss] if isinstance(loss, str) else loss
        self.reduction = reduction
        self.clip_grad_norm, self.clip_grad_value = clip_grad_norm, clip_grad_value
        self.inner = list(_inner(layer)) if stages else []
        self.outputs: dict[str, Array] = {}      # of the last step, by path
        self.errors: dict[str, Array] = {}

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Copy these parameters and buffers, and start the optimiser afresh."""
        manual.state.copy_into("parameters", self.layer.entries(), params)
        self.optimizer.load_state_dict({"steps": 0}, self.layer)

    def step(self, x: Array, y: Array) -> StepRecord:
        """Make one step of training on inputs x and targets y, and show it."""
        layer, loss = self.layer, self.loss
        with self._watched():
            output = layer.forward(x)
            value, error = loss.value(output, y, self.reduction), loss.gradient(output, y, self.reduction)
            grads = layer.gradients(error)
            errors = {"input 0": layer.backward(error)} if x.dtype.kind == "f" else {}      # tokens have none
        deltas = self.optimizer.step(layer, self._clipped(grads))
        shown = {"buffers": layer.buffers(), "state": self.optimizer.flat_state(), "params": layer.parameters()}
        copies = {phase: {name: array.copy() for name, array in arrays.items()} or None for phase, arrays in shown.items()}
        stages = {"activations": self.outputs or None, "errors": errors | self.errors or None}
        return StepRecord(output=output, loss=value, grads=grads, deltas=deltas, **stages, **copies)

    def _clipped(self, grads: Mapping[str, Array]) -> Mapping[str, Array]:
        if self.clip_grad_norm is not None:
            grads = manual.clip_grad_norm(grads, self.clip_grad_norm)
        return grads if self.clip_grad_value is None else manual.clip_grad_value(grads, self.clip_grad_value)

    def predict(self, x: Array) -> Array:
        """Return the output for inputs x in evaluation."""
        return self.layer.predict(x)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Keep, in this step, what each inner layer returns, and the error that its backward pass begins with."""
        self.outputs, self.errors = {}, {}
        before = [(layer, {name: vars(layer)[name] for name in _METHODS if name in vars(layer)}) for _, layer in self.inner]
        for path, layer in self.inner:
            self._watch(path, layer)
        try:
            yield
        finally:
            for layer, own in before:      # the object is as it was, and may be copied
                for name in _METHODS:
                    vars(layer).pop(name, None)
                vars(layer).update(own)

    def _watch(self, path: str, layer: manual.Layer) -> None:
        """Keep what the layer of that path returns, and the error that its backward pass begins with."""
        forward, gradients = layer.forward, layer.gradients

        def kept_forward(a: Array) -> Array:
            output = forward(a)
            self.outputs[path] = output.copy()
            return output

        def kept_gradients(error: Array) -> dict[str, Array]:
            self.errors = {path: error.copy()} | self.errors      # the first layer's first
            return gradients(error)

        layer.forward, layer.gradients = kept_forward, kept_gradients  # type: ignore[method-assign]


def _inner(layer: manual.Layer, path: str = "") -> Iterator[tuple[str, manual.Layer]]:
    """Yield each layer that this one is made of, at any depth, with its path."""
    for name, child in layer.children().items():
        yield f"{path}{name}", child
        yield from _inner(child, f"{path}{name}.")
