"""A network that was found in a file: how it is made, where its parameters lie, and how its forward pass and its step are called."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .layers import Layer
from .unrounded import unrounded

CONVENTIONS = {"params": "list", "weights": "out_in", "records": "rows", "bias": "(k,)"}
_RATES = (0.5, 0.25)
_RECORDS = 7      # as many as no layer has units


@dataclass
class Network:
    """A network in a file. `new(x, y, lr)` makes its root, an object below which the layers' arrays lie.

    `run(root, x)` returns the output as rows; `step(root, x, y, lr)` the root after a step; `back(root, x, y)` the gradients, in the
    order of the parameters; and `cost(root, output, y)` the loss. Each is None where the file has nothing of the kind. `said` and `option`
    say what was recognised.
    """

    module: Any
    said: str
    option: str
    sizes: tuple[int, ...]
    layers: list[Layer]
    new: Callable[[Any, Any, float], Any]
    run: Callable[[Any, Any], Any] | None = None
    step: Callable[[Any, Any, Any, float], Any] | None = None
    back: Callable[[Any, Any, Any], Any] | None = None
    cost: Callable[[Any, Any, Any], Any] | None = None
    is_index: bool = False
    is_single: bool = False      # records are handed over, or learnt from, one by one
    has_rate: bool = True
    is_made_of_data: bool = False      # the object is made with the records, and so anew for each step
    is_made_with_rate: bool = False      # it takes its learning rate when it is made, and keeps it
    notes: list[str] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)      # by which the same network is built in the file when it is loaded anew
    penalty: float = (
        0.0      # the strength of a regularisation that the file takes; multiplied by the number of records, if it is divided by it
    )
    is_per_record: bool = False
    is_random: bool = False      # a step depends on random numbers, such as an order of records
    loss: float | None = None      # what the way back has returned beside the gradients
    has_shown_loss: bool = True      # the loss that it computes is compared
    fixed: list[Layer] = field(default_factory=list)      # layers whose biases the file says are not trained: they are 0
    _last: tuple[Any, list[Any]] | None = None
    _rate: float | None = None
    _kept: Any = None

    @property
    def has_bias(self) -> bool:
        """Whether each layer has a bias."""
        return all(layer.bias is not None or layer.within is not None for layer in self.layers)

    @property
    def problem(self) -> dict[str, Any]:
        """What is known of the problem: the rest is found by its numbers."""
        return {"sizes": self.sizes, "bias": self.has_bias}

    @property
    def conventions(self) -> dict[str, Any]:
        """The layout of what is handed over, and what the file leaves no choice of."""
        limits: dict[str, Any] = {"batch": 1} if self.is_single else {}
        limits |= {"classes": "all"} if self.is_index else {}
        return {**CONVENTIONS, **limits, **({} if self.has_rate else {"lr": "fixed"})}

    @property
    def moving(self) -> dict[str, float]:
        """The momentum, for arguments that stand for it; none where it is 0, as by default."""
        return {"momentum": self.plan["momentum"]} if self.plan.get("momentum") else {}

    def strength(self, n: int) -> float:
        """Return what a regularisation's argument is to be for n records."""
        return self.penalty * (n if self.is_per_record else 1)

    def note_loss(self, answer: Any) -> None:
        """Keep the number that comes first in the answer of the way back: it is the loss."""
        first: Any = answer[0] if isinstance(answer, tuple) and answer else None
        is_number = first is not None and np.shape(first) == () and isinstance(first, (float, np.floating, np.ndarray))
        self.loss = float(first) if is_number else None

    def note_plain(self, names: list[str]) -> None:
        """Note what of an optimiser is set to 0, and so not compared."""
        self._note(f"{name} is set to 0: it is not compared" for name in names)

    def note_rate(self, names: Iterable[str]) -> None:
        """Note that the file changes its learning rate from step to step."""
        self._note(f"{name} changes from step to step: that is not compared, each step has a rate of its own" for name in names)

    def _note(self, texts: Iterable[str]) -> None:
        self.notes += [text for text in dict.fromkeys(texts) if text not in self.notes]

    def with_parameters(self, params: Any, x: Any, y: Any, lr: float) -> Any:
        """Return the root of a new network with copies of these parameters."""
        root = self.new(x, y, lr)
        for layer in self.fixed:
            root = layer.without_bias(root)
        return self.written(root, params)

    def written(self, root: Any, params: Any) -> Any:
        """Set copies of these parameters, and return the root."""
        left = list(params)
        for layer in self.layers:
            count = 1 + (layer.bias is not None or layer.within is not None)
            root = layer.write(root, *left[:count])
            left = left[count:]
        return root

    def parameters(self, root: Any) -> list[Any]:
        """Return copies of the parameters of that root: W1, b1, W2, …"""
        return [array for layer in self.layers for array in layer.read(root)]

    def forward(self, params: Any, x: Any) -> Any:
        """Return the output (n, k)."""
        assert self.run is not None
        root = self.with_parameters(params, x, np.zeros((len(x), self.sizes[-1])), 1.0)
        with unrounded(self.module) as rounded:
            output = self.run(root, x)
        self._note(f"it rounds its output, by {name}: that is compared before" for name in rounded)
        return output

    def after(self, params: Any, x: Any, y: Any, lr: float) -> list[Any]:
        """Return the parameters after a step; a network that ended the last step with exactly these goes on, with its state."""
        if self.step is None:      # with a regularisation, which gradients have in them, and in PyTorch the update adds
            return [array - lr * gradient for array, gradient in zip(params, self.gradients(params, x, y), strict=True)]
        root = None
        goes_on = not self.is_made_of_data and not (self.is_made_with_rate and lr != self._rate)
        if self._last is not None and goes_on and all(map(np.array_equal, params, self._last[1])):
            root = self._last[0]
        root = self.with_parameters(params, x, y, lr) if root is None else root
        root = self.step(root, x, y, lr)
        arrays = self.parameters(root)
        self._last, self._rate = (root, [array.copy() for array in arrays]), lr
        return arrays

    def gradients(self, params: Any, x: Any, y: Any) -> Any:
        """Return the gradients; the network stays the same from call to call, with all that it keeps."""
        assert self.back is not None
        if self._kept is None or self.is_made_of_data:
            self._kept = self.with_parameters(params, x, y, 1.0)
        else:
            self._kept = self.written(self._kept, params)
        return self.back(self._kept, x, y)

    def tried(self, lr: float = _RATES[0], seed: int = 0) -> tuple[list[Any], list[Any], Any, Any]:
        """Make a step from drawn weights on drawn records; return the parameters before and after it, and the records."""
        generator = np.random.default_rng(1)
        params = [generator.normal(size=shape, scale=0.7) for shape in self.shapes()]
        n = 1 if self.is_single else max(_RECORDS, self.sizes[-1])      # each class has a record
        x, y = generator.normal(size=(n, self.sizes[0])), self.drawn_targets(n)
        np.random.seed(seed)
        self._last = None
        return params, self.after([array.copy() for array in params], x, y, lr), x, y

    def drawn_targets(self, n: int = _RECORDS) -> Any:
        """Return targets of n records as one-hot rows, or 0 and 1, which every loss can have."""
        k = self.sizes[-1]
        classes = np.resize(np.arange(max(k, 2)), n)
        return np.eye(k)[classes] if k > 1 else classes[:, None].astype(float)

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of the parameters, in order."""
        found: list[tuple[int, ...]] = []
        for number, layer in enumerate(self.layers, start=1):
            found.append((self.sizes[number], self.sizes[number - 1]))
            if layer.bias is not None or layer.within is not None:
                found.append((self.sizes[number],))
        return found

    def note_rounding(self) -> None:
        """Note whether the output is rounded."""
        generator = np.random.default_rng(1)
        with suppress(Exception):      # whatever the file raises, it raises again where that is said
            self.forward([generator.normal(size=shape) for shape in self.shapes()], generator.normal(size=(1, self.sizes[0])))

    def learn_limits(self) -> None:
        """Find out whether the file has a learning rate, and whether it changes the weights after each record."""
        before, after, x, y = self.tried()
        if not self.is_single:
            try:
                again = self.tried(seed=5)[1]
            except Exception:
                again = after
            if not _alike(after, again):
                self.is_single = self.is_random = True
            else:
                self._find_single(before, x, y)
        if self.is_single:
            before, after, x, y = self.tried()
        halved = self.tried(_RATES[1])[1]
        self._last = None
        self.has_rate = not _alike(after, halved)

    def is_proportional(self) -> bool:
        """Return whether half the rate makes half the step."""
        before, after, _, _ = self.tried()
        halved = self.tried(_RATES[1])[1]
        self._last = None
        steps = [[two - one for one, two in zip(before, each, strict=True)] for each in (after, halved)]
        return _alike([step * (_RATES[1] / _RATES[0]) for step in steps[0]], steps[1])

    def _find_single(self, before: list[Any], x: Any, y: Any) -> None:
        """Set `is_single` if two records make the same as one after the other."""
        try:
            self._last = None
            together = self.after([array.copy() for array in before], x[:2], y[:2], _RATES[0])
            apart = []
            for order in ((0, 1), (1, 0)):
                params = [array.copy() for array in before]
                for i in order:
                    self._last = None
                    params = self.after(params, x[i : i + 1], y[i : i + 1], _RATES[0])
                apart.append(params)
        except Exception:
            return
        self.is_single = any(_alike(together, each) for each in apart)


def _alike(one: list[Any], other: list[Any]) -> bool:
    return all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(one, other, strict=True))


def assigned(arrays: Any, shapes: Any, layers: list[Layer]) -> list[Any] | None:
    """Return the file's gradients (out, in) and (out,) in the order of the parameters, told by their shapes; None if one is missing."""
    left, found = list(arrays), []
    is_out_in = layers[0].is_out_in
    for shape in shapes:
        wanted = [shape, (1, *shape), (*shape, 1)] if len(shape) == 1 else [shape if is_out_in else shape[::-1]]
        at = next((i for i, array in enumerate(left) if np.shape(array) in wanted), None)
        if at is None:
            return None
        array = np.array(left.pop(at), dtype=float)
        found.append(array.reshape(-1) if len(shape) == 1 else array if is_out_in else array.T)
    return found
