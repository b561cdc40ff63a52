"""The problem that both sides are given: network, loss, learning rate, data and initial parameters, all from one seed."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from compare.errors import ProblemError
from compare.implementation import Array, Batch
from compare.rounding import ACTIVATIONS, LOSSES

DTYPES = ("float64", "float32")


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What is trained, and on what. Linear layers of `sizes` units, input first, each followed by its activation.

    `batches` are the (x, y) of the steps: inputs (n, sizes[0]) and targets (n, sizes[-1]), started over when they are used up, so
    that one batch is full-batch training; `test` is an (x, y) too, or None. `activations` is one name for all layers or one for
    each. Arrays are taken by copy, in `dtype`, and handed out read-only. `initial_parameters` are drawn from `seed` as the lesson
    draws them unless they are given.

    Raises ProblemError, a ValueError, for anything that cannot be trained.
    """

    sizes: tuple[int, ...]
    activations: str | tuple[str, ...] = "sigmoid"
    bias: bool = False
    loss: str = "half_mse"
    lr: float = 0.005
    seed: int = 21
    dtype: str = "float64"
    batches: tuple[Batch, ...]
    test: Batch | None = None
    initial_parameters: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sizes = _checked_sizes(self.sizes)
        _check_choice("dtype", self.dtype, DTYPES)
        _check_choice("loss", self.loss, LOSSES)
        names = (self.activations,) * (len(sizes) - 1) if isinstance(self.activations, str) else tuple(self.activations)
        for name in names:
            _check_choice("activation", name, ACTIVATIONS)
        if len(names) != len(sizes) - 1:
            raise ProblemError(f"activations are {', '.join(names)}; expected one for each of {len(sizes) - 1} layers")
        lr = _checked_lr(self.lr, self.dtype)
        _check_seed(self.seed)
        if not self.batches:
            raise ProblemError("there is no batch; expected at least one (x, y) to train on")

        set_field = object.__setattr__      # the dataclass is frozen from here on
        set_field(self, "sizes", sizes)
        set_field(self, "lr", lr)
        set_field(self, "activations", names)
        set_field(self, "batches", tuple(self._checked_batch("batch", batch) for batch in self.batches))
        if self.test is not None:
            set_field(self, "test", self._checked_batch("test batch", self.test))
        set_field(self, "initial_parameters", self._checked_parameters(self.initial_parameters or self._drawn_parameters()))

    @classmethod
    def draw(cls, sizes: tuple[int, ...], *, records: tuple[int, ...] = (7, 5, 6), seed: int = 21, **options: Any) -> "Problem":
        """A problem with batches of that many `records` drawn from `seed`: standard normal inputs, targets uniform in [0, 1)."""
        sizes = _checked_sizes(sizes)
        _check_seed(seed)
        generator = np.random.default_rng(seed)
        batches = tuple((generator.normal(size=(n, sizes[0])), generator.random(size=(n, sizes[-1]))) for n in records)
        return cls(sizes=sizes, seed=seed, batches=batches, **options)

    @property
    def records(self) -> int:
        """The number of training records, over all batches."""
        return sum(len(x) for x, _ in self.batches)

    @property
    def layers(self) -> tuple[tuple[str, str, str], ...]:
        """For each layer: the name of its linear part ("0", "2", …), of its activation part ("1", "3", …), and its activation."""
        return tuple((str(2 * i), str(2 * i + 1), name) for i, name in enumerate(self.activations))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Each parameter's shape by name, in the order of `state_dict`."""
        shapes: dict[str, tuple[int, ...]] = {}
        for (linear, _, _), (n_in, n_out) in zip(self.layers, pairwise(self.sizes), strict=True):
            shapes[f"{linear}.weight"] = (n_out, n_in)
            if self.bias:
                shapes[f"{linear}.bias"] = (n_out,)
        return shapes

    def batch(self, step: int) -> Batch:
        """The (x, y) of that step, counted from 1."""
        return self.batches[(step - 1) % len(self.batches)]

    def _drawn_parameters(self) -> dict[str, Array]:
        """As the lesson draws: (in, out) matrices, input→hidden first, all of deviation (number of features)^-½; biases after them."""
        random = np.random.RandomState(self.seed)
        scale = self.sizes[0] ** -0.5
        shapes = self.shapes()
        drawn: dict[str, Array] = {}
        for name in [name for name in shapes if name.endswith("weight")] + [name for name in shapes if name.endswith("bias")]:
            drawn[name] = random.normal(scale=scale, size=shapes[name][::-1]).T
        return {name: drawn[name] for name in shapes}

    def _checked_batch(self, what: str, batch: Any) -> Batch:
        if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
            raise ProblemError(f"{what} is a {type(batch).__name__}; expected a pair (x, y), and `batches` a tuple of such pairs")
        x, y = self._read_only(batch[0]), self._read_only(batch[1])
        n = len(x) if x.ndim == 2 else 0
        if n < 1 or x.shape != (n, self.sizes[0]) or y.shape != (n, self.sizes[-1]):
            expected = f"x (n, {self.sizes[0]}) and y (n, {self.sizes[-1]}) with the same n, at least 1"
            raise ProblemError(f"{what} has x {x.shape} and y {y.shape}; expected {expected}")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ProblemError(f"{what} holds a value that is not finite in {self.dtype}; expected finite numbers")
        return x, y

    def _checked_parameters(self, params: Mapping[str, Any]) -> dict[str, Array]:
        shapes = self.shapes()
        if not isinstance(params, Mapping):
            raise ProblemError(f"initial parameters are a {type(params).__name__}; expected arrays by name: {', '.join(shapes)}")
        given = {name: self._read_only(array) for name, array in params.items()}
        if {name: array.shape for name, array in given.items()} != shapes:
            found = ", ".join(f"{name} {array.shape}" for name, array in given.items())
            raise ProblemError(f"initial parameters are {found}; expected {', '.join(f'{n} {s}' for n, s in shapes.items())}")
        if not all(np.isfinite(array).all() for array in given.values()):
            raise ProblemError(f"an initial parameter is not finite in {self.dtype}; expected finite numbers")
        return {name: given[name] for name in shapes}

    def _read_only(self, values: Any) -> Array:
        if np.iscomplexobj(values):
            raise ProblemError(f"an array is complex; expected real numbers, for {self.dtype}")
        try:
            with np.errstate(over="ignore"):
                array = np.array(values, dtype=self.dtype, order="C")
        except (TypeError, ValueError) as error:
            raise ProblemError(f"an array cannot be made of {type(values).__name__}: {error}") from None
        array.flags.writeable = False
        return array


def _checked_sizes(sizes: Any) -> tuple[int, ...]:
    units = tuple(sizes) if isinstance(sizes, Iterable) else (sizes,)
    if len(units) < 2 or not all(isinstance(size, (int, np.integer)) and size > 0 for size in units):
        raise ProblemError(f"sizes are {sizes}; expected at least two whole numbers of units, each at least 1")
    return tuple(int(size) for size in units)


def _checked_lr(lr: Any, dtype: str) -> float:
    try:
        value = float(lr) if isinstance(lr, (int, float, np.integer, np.floating)) else math.nan
    except OverflowError:
        value = math.inf
    if not (math.isfinite(value) and value > 0):
        raise ProblemError(f"lr is {str(lr)[:40]}; expected a finite number above 0")
    with np.errstate(over="ignore"):
        in_dtype = np.dtype(dtype).type(value)
    if not (np.isfinite(in_dtype) and in_dtype > 0):
        raise ProblemError(f"lr {value} is {in_dtype} in {dtype}; expected a number that {dtype} can hold")
    return value


def _check_seed(seed: Any) -> None:
    if not (isinstance(seed, (int, np.integer)) and 0 <= seed < 2**32):
        raise ProblemError(f"seed is {seed}; expected a whole number from 0 to {2**32 - 1}")


def _check_choice(what: str, value: object, choices: Any) -> None:
    if value not in choices:
        raise ProblemError(f"{what} is {value!r}; expected one of {', '.join(choices)}")
