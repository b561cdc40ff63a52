"""The problem that both sides are given: network, loss, update, data and initial parameters, all from one seed."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from ..support.arrays import Array, Batch
from ..support.errors import ProblemError
from .pieces import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS, REDUCTIONS
from .validation import (
    DTYPES,
    check_choice,
    check_flag,
    check_seed,
    checked_number,
    checked_optimizer_options,
    checked_sizes,
    is_whole,
)

LARGE = 1 << 15      # numbers in a weight
_BATCHES, _MASKS = 1, 2      # what is drawn, so that each thing has its own generator of the problem's seed


@dataclass(frozen=True)
class Layer:
    """One layer of units and the names that its parts have: linear, normalisation (or None), activation, dropout (or None)."""

    linear: str
    norm: str | None
    activation: str
    dropout: str | None
    units_in: int
    units: int
    function: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What is trained, and on what. Linear layers of `sizes` units, input first, each followed by its activation.

    `activations` is one name for all layers or one for each. Hidden layers may have a `normalization` before their activation and
    `dropout` with that probability after it. `loss` with its `reduction`, `optimizer` with its `optimizer_options`, and their defaults, are
    rows of `compare.problem.pieces`.

    `batches` are the (x, y) of the steps: inputs (n, sizes[0]) and targets (n, sizes[-1]), or for cross_entropy also class indices
    (n,), started over when they are used up, so that one batch is full-batch training. With a `batch_size`, the one batch is drawn into
    mini-batches instead, anew for each epoch; the last short one is kept unless `drop_last`. `accumulate` is the number of parts in which a
    side gathers the gradients of a step. `test` is an (x, y) too, or None.

    Arrays are taken by copy, in `dtype`, and handed out read-only. `initial_parameters` are drawn from `seed` as the lesson
    draws them unless they are given; mini-batches and dropout's masks come from `seed` too.

    Raises ProblemError, a ValueError, for anything that cannot be trained.
    """

    sizes: tuple[int, ...]
    activations: str | tuple[str, ...] = "sigmoid"
    bias: bool = False
    normalization: str | None = None
    dropout: float = 0.0
    loss: str = "half_mse"
    reduction: str = "mean"
    optimizer: str = "sgd"
    optimizer_options: Mapping[str, Any] = field(default_factory=dict)
    lr: float = 0.005
    seed: int = 21
    dtype: str = "float64"
    batches: tuple[Batch, ...]
    batch_size: int | None = None
    drop_last: bool = False
    accumulate: int = 1
    test: Batch | None = None
    initial_parameters: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sizes = checked_sizes(self.sizes)
        check_choice("dtype", self.dtype, DTYPES)
        check_choice("loss", self.loss, LOSSES)
        check_choice("reduction", self.reduction, REDUCTIONS)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        if self.normalization is not None:
            check_choice("normalization", self.normalization, NORMALIZATIONS)
        if not isinstance(self.activations, (str, tuple, list)):
            raise ProblemError(f"activations are {self.activations!r}; expected a name, or one for each layer")
        names = (self.activations,) * (len(sizes) - 1) if isinstance(self.activations, str) else tuple(self.activations)
        for name in names:
            check_choice("activation", name, ACTIVATIONS)
        if len(names) != len(sizes) - 1:
            raise ProblemError(f"activations are {', '.join(names)}; expected one for each of {len(sizes) - 1} layers")
        if LOSSES[self.loss].only and names[-1] not in LOSSES[self.loss].only:
            raise ProblemError(f"the output's activation is {names[-1]}; expected {' or '.join(LOSSES[self.loss].only)} for {self.loss}")
        check_seed(self.seed)
        check_flag("bias", self.bias)
        check_flag("drop_last", self.drop_last)
        if not isinstance(self.batches, (tuple, list)):
            raise ProblemError(f"batches are a {type(self.batches).__name__}; expected a tuple of pairs (x, y)")
        if not self.batches:
            raise ProblemError("there is no batch; expected at least one (x, y) to train on")

        set_field = object.__setattr__      # the dataclass is frozen from here on
        set_field(self, "sizes", sizes)
        set_field(self, "lr", checked_number("lr", self.lr, self.dtype, above=0))
        set_field(self, "dropout", checked_number("dropout", self.dropout, least=0, below=1))
        set_field(self, "optimizer_options", checked_optimizer_options(self.optimizer, self.optimizer_options, self.dtype))
        set_field(self, "activations", names)
        set_field(self, "batches", tuple(self._checked_batch("batch", batch) for batch in self.batches))
        if self.test is not None:
            set_field(self, "test", self._checked_batch("test batch", self.test))
        if len({batch[1].ndim for batch in (*self.batches, *([self.test] if self.test else []))}) > 1:
            raise ProblemError("some targets are class indices and some probabilities; expected all of one kind")
        set_field(self, "initial_parameters", self._checked_parameters(self.initial_parameters or self._drawn_parameters()))
        self._check_batching()

    @classmethod
    def draw(cls, sizes: tuple[int, ...], *, records: tuple[int, ...] = (7, 5, 6), seed: int = 21, **options: Any) -> "Problem":
        """A problem with batches of that many `records` drawn from `seed`: standard normal inputs, targets uniform in [0, 1)."""
        sizes = checked_sizes(sizes)
        check_seed(seed)
        generator = np.random.default_rng(seed)
        batches = tuple((generator.normal(size=(n, sizes[0])), generator.random(size=(n, sizes[-1]))) for n in records)
        return cls(sizes=sizes, seed=seed, batches=batches, **options)

    @property
    def records(self) -> int:
        """The number of training records, over all batches."""
        return sum(len(batch[0]) for batch in self.batches)

    @property
    def steps_per_epoch(self) -> int:
        """How many steps use each batch, or each record, once."""
        if self.batch_size is None:
            return len(self.batches)
        return self.records // self.batch_size if self.drop_last else -(-self.records // self.batch_size)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, input first, with the names that a `torch.nn.Sequential` of their parts would give them."""
        layers: list[Layer] = []
        index = iter(range(4 * len(self.sizes)))
        for depth, ((n_in, n_out), function) in enumerate(zip(pairwise(self.sizes), self.activations, strict=True), start=1):
            is_hidden = depth < len(self.activations)
            linear = str(next(index))
            norm = str(next(index)) if self.normalization and is_hidden else None
            activation = str(next(index))
            dropout = str(next(index)) if self.dropout and is_hidden else None
            layers.append(Layer(linear, norm, activation, dropout, n_in, n_out, function))
        return tuple(layers)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Each parameter's shape by name, in the order of `state_dict`."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self.layers:
            shapes[f"{layer.linear}.weight"] = (layer.units, layer.units_in)
            if self.bias:
                shapes[f"{layer.linear}.bias"] = (layer.units,)
            if layer.norm:
                shapes |= {f"{layer.norm}.weight": (layer.units,), f"{layer.norm}.bias": (layer.units,)}
        return shapes

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """What the optimiser keeps of each parameter, by PyTorch's names."""
        slots: tuple[str, ...] = OPTIMIZERS[self.optimizer].slots_with(self.optimizer_options)
        return slots

    @property
    def chosen_options(self) -> dict[str, Any]:
        """The optimiser's options by the names that `torch.optim` has, and `decay`, which it has not, only where it is "weights"."""
        return {name: value for name, value in self.optimizer_options.items() if (name, value) != ("decay", "all")}

    def update_options(self, name: str) -> Mapping[str, Any]:
        """The optimiser's options for that parameter: without weight decay where only weights have one, and it is none."""
        if self.optimizer_options["decay"] == "all" or any(name == f"{layer.linear}.weight" for layer in self.layers):
            return self.optimizer_options
        return {**self.optimizer_options, "weight_decay": 0.0}

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of what the optimiser keeps, as "<parameter>.<slot>"."""
        return {f"{name}.{slot}": shape for name, shape in self.shapes().items() for slot in self.slots}

    @cached_property
    def is_large(self) -> bool:
        """Whether a weight has so many numbers that the envelope of a step costs many times the step."""
        return max(math.prod(shape) for shape in self.shapes().values()) >= LARGE

    @property
    def is_plain_descent(self) -> bool:
        """Whether a step is −lr times the gradient of one pass, and each layer's input the activation before it."""
        decays = bool(self.optimizer_options.get("weight_decay"))
        return not (self.slots or decays or self.dropout or self.accumulate > 1)

    def initial_buffers(self) -> dict[str, Array]:
        """What batch normalisation starts from, by name: running means of 0 and variances of 1, and no batch tracked."""
        buffers: dict[str, Array] = {}
        for layer in self.layers:
            if layer.norm and self.normalization == "batch_norm":
                buffers[f"{layer.norm}.running_mean"] = np.zeros(layer.units, self.dtype)
                buffers[f"{layer.norm}.running_var"] = np.ones(layer.units, self.dtype)
                buffers[f"{layer.norm}.num_batches_tracked"] = np.zeros((), np.int64)
        return buffers

    def buffer_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the running statistics, which are compared, by name."""
        return {name: array.shape for name, array in self.initial_buffers().items() if array.ndim}

    def training_data(self) -> Batch:
        """All training records, as one (x, y)."""
        if len(self.batches) == 1:
            return self.batches[0]
        x, y = zip(*self.batches, strict=True)
        return np.concatenate(x), np.concatenate(y)

    def batch(self, step: int) -> Batch:
        """The (x, y) of that step, counted from 1; with dropout (x, y, masks): arrays (n, units), True where kept, by layer."""
        if self.batch_size is None:
            batch = self.batches[(step - 1) % self.steps_per_epoch]
        else:
            (x, y), rows = self.batches[0], self.rows(step)
            batch = _read_only(x[rows]), _read_only(y[rows])
        return (*batch, self._masks(step, len(batch[0]))) if self.dropout else batch

    def rows(self, step: int) -> Any:
        """Which of the training records, as int64, the mini-batch of that step has."""
        assert self.batch_size is not None
        epoch, position = divmod(step - 1, self.steps_per_epoch)
        return self._order(epoch)[position * self.batch_size : (position + 1) * self.batch_size]

    def batch_lengths(self, steps: int) -> Iterator[int]:
        """The number of records of each step."""
        for step in range(steps):
            position = step % self.steps_per_epoch
            if self.batch_size is None:
                yield len(self.batches[position][0])
            else:
                yield min(self.batch_size, self.records - position * self.batch_size)

    def _order(self, epoch: int) -> Any:
        """The records in the order in which that epoch takes them; the last epoch's is kept."""
        if self.__dict__.get("_epoch", (None, None))[0] != epoch:
            order = np.random.default_rng((self.seed, _BATCHES, epoch)).permutation(self.records)
            object.__setattr__(self, "_epoch", (epoch, order))
        return self.__dict__["_epoch"][1]

    def _masks(self, step: int, n: int) -> dict[str, Any]:
        generator = np.random.default_rng((self.seed, _MASKS, step))
        return {
            layer.dropout: _read_only(generator.random((n, layer.units)) >= self.dropout) for layer in self.layers if layer.dropout
        }

    def _drawn_parameters(self) -> dict[str, Array]:
        """As the lesson draws: (in, out) matrices, input→hidden first, all of deviation (number of features)^-½; biases after them.

        Normalisation's γ and β are 1 and 0.
        """
        random = np.random.RandomState(self.seed)
        scale = self.sizes[0] ** -0.5
        shapes = self.shapes()
        drawn: dict[str, Array] = {}
        for layer in self.layers:
            name = f"{layer.linear}.weight"
            drawn[name] = random.normal(scale=scale, size=shapes[name][::-1]).T
            if layer.norm:
                drawn |= {f"{layer.norm}.weight": np.ones(layer.units), f"{layer.norm}.bias": np.zeros(layer.units)}
        for layer in self.layers if self.bias else ():
            drawn[f"{layer.linear}.bias"] = random.normal(scale=scale, size=layer.units)
        return {name: drawn[name] for name in shapes}

    def _check_batching(self) -> None:
        for what, value in (("batch_size", self.batch_size), ("accumulate", self.accumulate)):
            if value is not None and not is_whole(value, least=1):
                raise ProblemError(f"{what} is {value!r}; expected a whole number, at least 1")
        if self.batch_size is not None:
            if len(self.batches) > 1:
                raise ProblemError(f"there are {len(self.batches)} batches and a batch_size; expected one batch to draw mini-batches from")
            if self.batch_size > self.records:
                raise ProblemError(f"batch_size is {self.batch_size}, and there are {self.records} records; expected no more than that")
        elif self.drop_last:
            raise ProblemError("drop_last is set without a batch_size; expected both, or neither")
        if self.normalization == "batch_norm":
            if self.accumulate > 1:
                raise ProblemError("accumulate is set with batch_norm, whose statistics are of a whole batch; expected one of the two")
            if min(self.batch_lengths(self.steps_per_epoch)) < 2:
                raise ProblemError("a batch has 1 record, which batch_norm cannot normalise over; expected at least 2, or drop_last")

    def _checked_batch(self, what: str, batch: Any) -> Batch:
        if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
            raise ProblemError(f"{what} is a {type(batch).__name__}; expected a pair (x, y), and `batches` a tuple of such pairs")
        x, k = self._array(batch[0]), self.sizes[-1]
        is_classes = LOSSES[self.loss].targets == "classes" and _dimensions(batch[1]) == 1
        y: Any = self._classes(what, batch[1]) if is_classes else self._array(batch[1])
        n = len(x) if x.ndim == 2 else 0
        if n < 1 or x.shape != (n, self.sizes[0]) or y.shape != ((n,) if is_classes else (n, k)):
            expected = f"x (n, {self.sizes[0]}) and y (n, {k}) with the same n, at least 1"
            raise ProblemError(f"{what} has x {x.shape} and y {y.shape}; expected {expected}")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ProblemError(f"{what} holds a value that is not finite in {self.dtype}; expected finite numbers")
        if LOSSES[self.loss].targets != "regression" and not is_classes and (y.min() < 0 or y.max() > 1):
            raise ProblemError(f"{what} has targets from {y.min():g} to {y.max():g}; expected numbers from 0 to 1 for {self.loss}")
        return x, y

    def _classes(self, what: str, values: Any) -> Any:
        """Class indices (n,), each from 0 to below the number of outputs."""
        y = np.array(values)
        k = self.sizes[-1]
        if y.dtype.kind not in "iu" or (len(y) and (y.min() < 0 or y.max() >= k)):
            found = f"of {y.dtype}" if y.dtype.kind not in "iu" else f"from {y.min()} to {y.max()}"
            raise ProblemError(f"{what} has targets {found}; expected class indices, whole numbers from 0 to {k - 1} for {k} outputs")
        return _read_only(y.astype(np.int64))

    def _checked_parameters(self, params: Mapping[str, Any]) -> dict[str, Array]:
        shapes = self.shapes()
        if not isinstance(params, Mapping):
            raise ProblemError(f"initial parameters are a {type(params).__name__}; expected arrays by name: {', '.join(shapes)}")
        given = {name: self._array(array) for name, array in params.items()}
        if {name: array.shape for name, array in given.items()} != shapes:
            found = ", ".join(f"{name} {array.shape}" for name, array in given.items())
            raise ProblemError(f"initial parameters are {found}; expected {', '.join(f'{n} {s}' for n, s in shapes.items())}")
        if not all(np.isfinite(array).all() for array in given.values()):
            raise ProblemError(f"an initial parameter is not finite in {self.dtype}; expected finite numbers")
        return {name: given[name] for name in shapes}

    def _array(self, values: Any) -> Array:
        try:
            if np.iscomplexobj(values):
                raise ProblemError(f"an array is complex; expected real numbers, for {self.dtype}")
            with np.errstate(over="ignore"):
                array: Array = _read_only(np.array(values, dtype=self.dtype, order="C"))
        except ProblemError:
            raise
        except (TypeError, ValueError) as error:
            raise ProblemError(f"an array cannot be made of {type(values).__name__}: {error}; expected numbers") from None
        return array


def _dimensions(values: Any) -> int | None:
    """How many, or None for what is no array."""
    try:
        return int(np.ndim(values))
    except ValueError:
        return None


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array
