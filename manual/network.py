"""The network: layers stacked, run forward, and run backward by the chain rule."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .arrays import Array
from .dropout import Dropout
from .layers import Layer
from .losses import LOSSES, TAKES_CLASSES
from .nesting import Sequential
from .perceptron import perceptron
from .state import copy_into


class Network:
    """Linear layers of the given sizes, each followed by an activation.

        network = Network((6, 2, 1), "sigmoid")        # the lesson's: 6 features, 2 hidden units, 1 output

    `sizes` are the numbers of units, input first. `activations` is one name for all layers or one for each. Each hidden layer may have a
    `normalization` before its activation ("layer_norm", "batch_norm"), and a `dropout` after it with that probability.
    Weights and biases are drawn from a normal distribution with deviation in^-½ by `numpy.random.default_rng(seed)`; `load_state_dict`
    replaces them. All arithmetic is in `dtype`, "float64" or "float32". Raises ValueError for an invalid argument.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: str | Sequence[str] = "sigmoid",
        *,
        bias: bool = False,
        normalization: str | None = None,
        dropout: float = 0.0,
        seed: int = 0,
        dtype: DTypeLike = "float64",
    ) -> None:
        self.sizes = tuple(sizes)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float64, np.float32):
            raise ValueError(f"dtype is {self.dtype}; expected float64 or float32")
        layers = perceptron(
            self.sizes, activations, bias=bias, normalization=normalization, dropout=dropout, seed=seed, dtype=self.dtype
        )
        self._stack = Sequential(*layers)
        self._flat = np.empty(0, self.dtype)
        assert self.flat is self._flat      # from here on the parameters are views of it

    @property
    def layers(self) -> list[Layer]:
        """The layers, input first."""
        return self._stack.layers

    @property
    def flat(self) -> Array:
        """All parameters in one flat array, in order; the layers' arrays are views of it, so that writing to it changes the network."""
        params = self.parameters()
        if any(array.base is not self._flat for array in params.values()):      # they were replaced, or copied
            self._flat = np.concatenate([array.ravel() for array in params.values()])
            for name, view in named_views(self._flat, {name: array.shape for name, array in params.items()}).items():
                index, _, own = name.partition(".")
                setattr(self.layers[int(index)], own, view)
        return self._flat

    def forward(self, x: ArrayLike, masks: Mapping[str, Any] | None = None) -> Array:
        """Return the output ŷ (n, k) for inputs x (n, in), in training; `masks`, by the index of dropout's layer, replace drawn ones."""
        a = self.inputs(x)
        for index, layer in enumerate(self.layers):
            if masks is not None and isinstance(layer, Dropout):
                if str(index) not in masks:
                    raise ValueError(f"masks are of the layers {', '.join(masks) or 'none'}; expected one of layer {index} too")
                layer.mask = masks[str(index)]
            a = layer.forward(a)
        return a

    def backward(self, error: Array) -> dict[str, Array]:
        """Return the gradients of all parameters by name, from ∂L/∂ŷ (n, k) of the last forward pass."""
        return self._stack.gradients(error)

    def gradients(
        self,
        x: ArrayLike,
        y: ArrayLike,
        loss: str = "half_mse",
        *,
        reduction: str = "mean",
        masks: Mapping[str, Any] | None = None,
        weight: float = 1.0,
    ) -> tuple[Array, Array, dict[str, Array]]:
        """Run forward and backward over inputs x (n, in) and targets y; return the output, the loss and the gradients by name.

        Targets are (n, k), or class indices (n,) where the loss takes them. The loss is multiplied by `weight`.
        """
        output = self.forward(x, masks)
        targets = self.targets(y, len(output), loss)
        value, error = LOSSES[loss].value(output, targets, reduction), LOSSES[loss].gradient(output, targets, reduction)
        if weight != 1:
            value, error = value * weight, error * weight
        return output, value, self.backward(error)

    def predict(self, x: ArrayLike) -> Array:
        """Return the output ŷ (n, k) for inputs x (n, in), in evaluation: without dropout, and with the running statistics unchanged."""
        return self._stack.predict(self.inputs(x))

    def parameters(self) -> dict[str, Array]:
        """Return the network's own arrays by name, in order: `0.weight`, `0.bias`, `2.weight`, …; changing them changes the network."""
        return self._stack.parameters()

    def buffers(self) -> dict[str, Any]:
        """Return the running statistics of the batches seen, by name: `1.running_mean`, …; these too are the network's own arrays."""
        return self._stack.buffers()

    def entries(self) -> dict[str, Any]:
        """Return parameters and buffers, layer by layer, in PyTorch's order."""
        return self._stack.entries()

    def state_dict(self) -> dict[str, Any]:
        """Return copies of parameters and buffers by name."""
        return {name: array.copy() for name, array in self.entries().items()}

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Copy arrays into parameters and buffers; raises ValueError that names a missing, unknown or misshapen one."""
        copy_into("parameters", self.entries(), state)

    def inputs(self, x: ArrayLike) -> Array:
        """Return inputs (n, in) in the network's dtype. Raises ValueError for another shape."""
        a = np.asarray(x, dtype=self.dtype)
        if a.ndim != 2 or a.shape[1] != self.sizes[0]:
            raise ValueError(f"x has shape {a.shape}; expected (records, {self.sizes[0]})")
        return a

    def targets(self, y: ArrayLike, n: int, loss: str) -> Any:
        """Return targets (n, k) in the network's dtype, or class indices (n,) unchanged. Raises ValueError for another shape."""
        targets, expected = np.asarray(y), (n, self.sizes[-1])
        if loss in TAKES_CLASSES and targets.dtype.kind in "iu" and targets.shape == (n,):
            return targets
        if targets.shape != expected:
            raise ValueError(f"y has shape {targets.shape}; expected {expected}, that of the output")
        return targets.astype(self.dtype, copy=False)


def named_views(flat: Array, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Return consecutive parts of a flat array as views of the given shapes, by name."""
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()]).tolist()
    return {name: flat[end - math.prod(shape) : end].reshape(shape) for (name, shape), end in zip(shapes.items(), ends, strict=True)}
