"""The problem that both sides train: network, loss, update, data and initial parameters, all from one seed."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..support.arrays import Array, Batch
from ..support.boundary import public_methods
from ..support.errors import ProblemError
from ..support.kinds import kind_of
from ..support.suggest import did_you_mean
from .arrays import checked_batch, checked_parameters, read_only
from .pieces import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS, REDUCTIONS
from .validation import DTYPES, check_choice, check_flag, check_seed, checked_number, checked_optimizer_options, checked_sizes, is_whole

if TYPE_CHECKING:
    from torch import nn

    from .of_module import ModuleProblem

LARGE = 1 << 15      # numbers in a weight
_BATCHES, _MASKS = 1, 2      # part of the generators' seeds, so that mini-batches and masks are drawn independently


@dataclass(frozen=True)
class Layer:
    """A layer: the names of its linear part, normalisation (or None), activation and dropout (or None), its sizes and its function."""

    linear: str
    norm: str | None
    activation: str
    dropout: str | None
    units_in: int
    units: int
    function: str


@public_methods
@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """A network, its training and its data. The network has linear layers of `sizes` units, input first, each followed by its activation.

    `activations` is one name for all layers or one for each. Hidden layers may have a `normalization` before their activation and
    `dropout` with that probability after it. `loss` with its `reduction`, `optimizer` with its `optimizer_options`, and their defaults, are
    rows of `compare.problem.pieces`.

    `batches` are the (x, y) of the steps: inputs (n, sizes[0]) and targets (n, sizes[-1]), or for cross_entropy also class indices (n,).
    After the last batch follows the first again, so that one batch is full-batch training. With a `batch_size`, mini-batches are drawn from
    the one batch instead, anew for each epoch; `drop_last` leaves out a short last one. `accumulate` is the number of parts of a step's
    batch over which a side accumulates the gradients. `test` is an (x, y) too, or None.

    Arrays are copied, in `dtype`, and are read-only. `initial_parameters` are by default drawn from `seed` as the lesson draws them;
    mini-batches and dropout's masks are drawn from `seed` too.

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
        for what, choices in {"dtype": DTYPES, "loss": LOSSES, "reduction": REDUCTIONS, "optimizer": OPTIMIZERS}.items():
            check_choice(what, getattr(self, what), choices)
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
            raise ProblemError(f"batches are {kind_of(self.batches)}; expected a tuple of pairs (x, y)")
        if not self.batches:
            raise ProblemError("there is no batch; expected at least one (x, y) to train on")

        set_field = object.__setattr__      # the dataclass is frozen from here on
        set_field(self, "sizes", sizes)
        set_field(self, "lr", checked_number("lr", self.lr, self.dtype, above=0))
        set_field(self, "dropout", checked_number("dropout", self.dropout, least=0, below=1))
        set_field(self, "optimizer_options", checked_optimizer_options(self.optimizer, self.optimizer_options, self.dtype))
        set_field(self, "activations", names)
        set_field(self, "batches", tuple(checked_batch("batch", batch, sizes, self.loss, self.dtype) for batch in self.batches))
        if self.test is not None:
            set_field(self, "test", checked_batch("test batch", self.test, sizes, self.loss, self.dtype))
        if len({batch[1].ndim for batch in (*self.batches, *([self.test] if self.test else []))}) > 1:
            raise ProblemError("some targets are class indices and some probabilities; expected all of one kind")
        params = self.initial_parameters or self._drawn_parameters()
        set_field(self, "initial_parameters", checked_parameters(params, self.shapes(), self.dtype))
        self._check_batching()

    def __repr__(self) -> str:
        """Return what distinguishes a problem from others; of the arrays their number."""
        sizes, names = "-".join(map(str, self.sizes)), " ".join(self.activations)
        how = f"{self.loss}, {self.optimizer}, lr {self.lr:g}, {self.dtype}"
        return f"Problem({sizes}, {names}{', biases' if self.bias else ''}; {how}; {len(self.batches)} batches)"

    @classmethod
    def draw(cls, sizes: tuple[int, ...], *, records: tuple[int, ...] = (7, 5, 6), seed: int = 21, **options: Any) -> "Problem":
        """Return a problem with batches of that many `records`, drawn from `seed`: standard normal inputs, targets uniform in [0, 1)."""
        names = [each.name for each in fields(cls) if each.init and each.name not in ("sizes", "batches", "seed")]
        for name in options:
            if name not in names:
                raise ProblemError(f"{name} is no option of a problem; expected some of {', '.join(names)}{did_you_mean(name, names)}")
        sizes = checked_sizes(sizes)
        check_seed(seed)
        generator = np.random.default_rng(seed)
        batches = tuple((generator.normal(size=(n, sizes[0])), generator.random(size=(n, sizes[-1]))) for n in records)
        return cls(sizes=sizes, seed=seed, batches=batches, **options)

    @staticmethod
    def of(module: "nn.Module", **options: Any) -> "ModuleProblem":
        """Return the problem of any `nn.Module`, trained on `batches` with a `loss` and an `optimizer`.

            Problem.of(model, batches=[(x, y), …], loss=F.cross_entropy, optimizer=lambda ps: torch.optim.AdamW(ps, lr=1e-3))

        The options are those of `module_problem`; raises ProblemError for what cannot be trained.
        """
        from .of_module import module_problem

        return module_problem(module, **options)

    @property
    def records(self) -> int:
        """The number of training records, over all batches."""
        return sum(len(batch[0]) for batch in self.batches)

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps that use each batch, or each record, once."""
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
        """Return each parameter's shape by name, in the order of `state_dict`."""
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
        """PyTorch's names of the optimiser's state of each parameter."""
        return tuple(self.slot_starts)

    @property
    def slot_starts(self) -> dict[str, float]:
        """The number that each array of the optimiser's state starts from, by PyTorch's name."""
        return OPTIMIZERS[self.optimizer].slots_with(self.optimizer_options)

    @property
    def chosen_options(self) -> dict[str, Any]:
        """The optimiser's options, without a `decay` of "all", since `torch.optim` has no such option."""
        return {name: value for name, value in self.optimizer_options.items() if (name, value) != ("decay", "all")}

    def update_options(self, name: str) -> Mapping[str, Any]:
        """Return the optimiser's options for that parameter, without weight decay where only weights decay and it is no weight."""
        if self.optimizer_options["decay"] == "all" or any(name == f"{layer.linear}.weight" for layer in self.layers):
            return self.optimizer_options
        return {**self.optimizer_options, "weight_decay": 0.0}

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the optimiser's state, by "<parameter>.<slot>"."""
        return {f"{name}.{slot}": shape for name, shape in self.shapes().items() for slot in self.slots}

    @cached_property
    def is_large(self) -> bool:
        """Whether a weight is so large that its arithmetic, and not its calls, takes the time of a step."""
        return max(math.prod(shape) for shape in self.shapes().values()) >= LARGE

    @property
    def is_plain_descent(self) -> bool:
        """Whether a step is −lr times the gradient of one pass, and each layer's input the activation before it."""
        return not (self.slots or self.optimizer_options.get("weight_decay") or self.dropout or self.accumulate > 1)

    def initial_buffers(self) -> dict[str, Array]:
        """Return batch normalisation's initial buffers, by name: running means of 0 and variances of 1, and no batch tracked."""
        buffers: dict[str, Array] = {}
        for layer in self.layers:
            if layer.norm and self.normalization == "batch_norm":
                buffers[f"{layer.norm}.running_mean"] = np.zeros(layer.units, self.dtype)
                buffers[f"{layer.norm}.running_var"] = np.ones(layer.units, self.dtype)
                buffers[f"{layer.norm}.num_batches_tracked"] = np.zeros((), np.int64)
        return buffers

    def buffer_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the running statistics, the buffers that are compared, by name."""
        return {name: array.shape for name, array in self.initial_buffers().items() if array.ndim}

    def training_data(self) -> Batch:
        """Return all training records, as one (x, y)."""
        x, y = zip(*self.batches, strict=True)
        return (x[0], y[0]) if len(x) == 1 else (np.concatenate(x), np.concatenate(y))

    def batch(self, step: int) -> Batch:
        """Return the (x, y) of that step, counted from 1; with dropout (x, y, masks): arrays (n, units), True where kept, by layer."""
        if self.batch_size is None:
            batch = self.batches[(step - 1) % self.steps_per_epoch]
        else:
            (x, y), rows = self.batches[0], self.rows(step)
            batch = read_only(x[rows]), read_only(y[rows])
        return (*batch, self._masks(step, len(batch[0]))) if self.dropout else batch

    def rows(self, step: int) -> Any:
        """Return the indices of the training records in that step's mini-batch, as int64."""
        assert self.batch_size is not None
        epoch, position = divmod(step - 1, self.steps_per_epoch)
        return self._order(epoch)[position * self.batch_size : (position + 1) * self.batch_size]

    def batch_lengths(self, steps: int) -> Iterator[int]:
        """Yield the number of records of each step."""
        for step in range(steps):
            position, size = step % self.steps_per_epoch, self.batch_size
            yield len(self.batches[position][0]) if size is None else min(size, self.records - position * size)

    def _order(self, epoch: int) -> Any:
        """Return the indices of the records in the order of that epoch; the order last asked for is cached."""
        if self.__dict__.get("_epoch", (None, None))[0] != epoch:
            order = np.random.default_rng((self.seed, _BATCHES, epoch)).permutation(self.records)
            object.__setattr__(self, "_epoch", (epoch, order))
        return self.__dict__["_epoch"][1]

    def _masks(self, step: int, n: int) -> dict[str, Any]:
        generator = np.random.default_rng((self.seed, _MASKS, step))
        return {layer.dropout: read_only(generator.random((n, layer.units)) >= self.dropout) for layer in self.layers if layer.dropout}

    def _drawn_parameters(self) -> dict[str, Array]:
        """Draw as the lesson: matrices (in, out), input→hidden first, of deviation (number of features)^-½, then biases; γ = 1, β = 0."""
        random, scale = np.random.RandomState(self.seed), self.sizes[0] ** -0.5
        drawn: dict[str, Array] = {}
        for layer in self.layers:
            drawn[f"{layer.linear}.weight"] = random.normal(scale=scale, size=(layer.units_in, layer.units)).T
            if layer.norm:
                drawn |= {f"{layer.norm}.weight": np.ones(layer.units), f"{layer.norm}.bias": np.zeros(layer.units)}
        for layer in self.layers if self.bias else ():
            drawn[f"{layer.linear}.bias"] = random.normal(scale=scale, size=layer.units)
        return drawn

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
