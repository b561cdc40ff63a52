"""The port: an `Implementation` takes parameters and makes steps of training, and shows each in a `StepRecord`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..support.arrays import Array, Batch


@dataclass(frozen=True)
class StepRecord:
    """What an implementation shows of one step of training, as NumPy arrays that it will not change afterwards.

    What is not shown is None, and the comparison uses what both sides show. The fields stand in the order of computation,
    which is the order of comparison:

    - `activations`: each activation's output (n, units), by the index of its layer: "1", "3", …
    - `buffers`: batch normalisation's running mean and variance after the step, by PyTorch's names: "1.running_mean", …
    - `output`: ŷ (n, k), before the update
    - `loss`: L, of shape (), before the update
    - `errors`: δ = ∂L/∂z of each linear layer's output z (n, units), by the index of its layer: "0", "2", …
    - `grads`: ∂L/∂w of each parameter, by name
    - `state`: the optimiser's state after the step, as "<parameter>.<PyTorch's name>": "0.weight.momentum_buffer", "0.weight.exp_avg", …
    - `deltas`: the change Δw of each parameter as it was computed, with the sign it was added with, by name
    - `params`: each parameter after the step, by name

    A record of several steps holds the same arrays stacked on a leading axis of steps.
    """

    activations: Mapping[str, Array] | None = None
    buffers: Mapping[str, Array] | None = None
    output: Array | None = None
    loss: Array | None = None
    errors: Mapping[str, Array] | None = None
    grads: Mapping[str, Array] | None = None
    state: Mapping[str, Array] | None = None
    deltas: Mapping[str, Array] | None = None
    params: Mapping[str, Array] | None = None

    def __repr__(self) -> str:
        """Return what is shown, with its shapes."""
        shown = (f"{phase if phase == name else f'{phase} {name}'} {np.shape(array)}" for phase, name, array in self.tensors())
        return f"StepRecord({', '.join(shown)})"

    def tensors(self) -> Iterator[tuple[str, str, Array]]:
        """Yield every array shown, as (phase, tensor, array), in the order of comparison; from the errors on, the last layer first."""
        for phase in PHASES:
            shown = getattr(self, phase)
            if isinstance(shown, Mapping):
                names = list(shown) if phase in ("activations", "buffers") else reversed(list(shown))
                yield from ((phase, name, shown[name]) for name in names)
            elif shown is not None:
                yield phase, phase, shown

    @property
    def carried(self) -> dict[str, Array]:
        """The state shown, from which the next step starts: parameters, buffers and optimiser state, by name."""
        return {**(self.params or {}), **(self.buffers or {}), **(self.state or {})}

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases shown, in the order of comparison."""
        return tuple(phase for phase in PHASES if getattr(self, phase) is not None)

    def at(self, steps: Any) -> "StepRecord":
        """Return the one step, or the steps, at that index of a record of several steps."""
        return combined([self], lambda arrays: arrays[0][steps, ...])


Key = tuple[str, str]      # (phase, tensor); where a phase has one array, that is named like it
PHASES = tuple(field.name for field in fields(StepRecord))
ONE = ("output", "loss")                      # the phases that have one array
CARRIED = ("params", "buffers", "state")      # the phases that the next step starts from
STAGES = ("activations", "errors")            # the phases inside the pass, which a side may leave out


def made_anew(show: Collection[str], stages: bool) -> tuple[str, ...]:
    """Return the phases of `show` that each step computes anew, without the stages of the pass unless `stages`."""
    return tuple(phase for phase in PHASES if phase in show and phase not in CARRIED and (stages or phase not in STAGES))


@runtime_checkable
class Implementation(Protocol):
    """Anything that trains: the two backends, and whatever is to be compared with them.

    Parameters are arrays by PyTorch's `state_dict` names, weights (out, in). Array arguments are read-only: copy those to change.
    """

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Copy these parameters, and batch normalisation's buffers with them, and start a fresh optimiser."""

    def step(self, x: Array, y: Array) -> StepRecord:
        """Make one step of training on inputs x (n, in) and targets y: (n, k), or class indices (n,).

        Where the problem has dropout, the masks are a third argument: arrays (n, units), True where kept, by the index of the layer.
        """

    def predict(self, x: Array) -> Array:
        """Return the output (n, k) for inputs x (n, in) in evaluation, with the present parameters, and change nothing."""


@dataclass(frozen=True)
class Abilities:
    """What an implementation declares beyond the three methods.

    `in_blocks`: it takes several steps in one call, and is trusted to show arrays of the problem's layout. `follows`: whether it can load
    other weights before each step; by default, if it would lose no state by that. `start`: the values that it starts from, by name, where
    it cannot load others. `dtype`: the precision of its answers, where that is not the problem's. `draws`: its random numbers are
    PyTorch's, whose generators are seeded before each step. `own_stages`: it shows stages as it has them, and those that the reference has,
    too, are compared.
    """

    in_blocks: bool = False
    follows: bool | None = None
    start: Mapping[str, Array] = field(default_factory=dict)
    dtype: str | None = None
    draws: bool = False
    own_stages: bool = False


@runtime_checkable
class Declares(Protocol):
    """An implementation that declares abilities."""

    abilities: Abilities


def abilities_of(side: Implementation) -> Abilities:
    """Return the abilities that an implementation declares, or the defaults."""
    return side.abilities if isinstance(side, Declares) else Abilities()


@runtime_checkable
class BecomesSide(Protocol):
    """A candidate that needs the problem to become an implementation: a recorded run."""

    @property
    def recorded(self) -> int:
        """The number of steps that it has."""

    def as_side(self, problem: Any) -> Implementation:
        """Return the implementation; raises CompareError if it is of another problem."""


class OfModule(ABC):
    """An implementation that is a module, or a run of one: its submodules may be others than the reference's."""

    @abstractmethod
    def evaluation(self, batch: Any) -> Mapping[tuple[str, str], Any]:
        """Return all outputs of the batch's arguments in evaluation, and the buffers after it, as tensors by ("prediction", name)."""


class InBlocks(ABC):
    """An implementation that can take several steps in one call; of a subclass that overrides `step` alone, `step` is called instead."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if {"step", "steps"} & set(vars(cls)):
            cls.abilities = Abilities(in_blocks=callable(vars(cls).get("steps")))

    abilities = Abilities()

    @abstractmethod
    def steps(self, batches: Sequence[Batch], before: Mapping[str, Array] | None = None) -> StepRecord:
        """Make a step on each batch, all of one shape, each from the parameters stacked in `before`, if any; return the records stacked."""


def combined(records: Sequence[StepRecord], function: Callable[[Sequence[Array]], Array]) -> StepRecord:
    """Return one record: the function's value for each array of the records, all of which must show arrays of the same names and shapes."""
    fields: dict[str, Any] = {}
    for phase in PHASES:
        column = [getattr(record, phase) for record in records]
        if isinstance(column[0], Mapping):
            fields[phase] = {name: function([arrays[name] for arrays in column]) for name in column[0]}
        elif column[0] is not None:
            fields[phase] = function(column)
    return StepRecord(**fields)


def stacked(values: Sequence[Any]) -> Any:
    """Stack arrays, or mappings of arrays, like `np.stack`, but several times faster on many small ones, and without a copy of only one."""
    first = values[0]
    if isinstance(first, Mapping):
        return {name: stacked([value[name] for value in values]) for name in first}
    if len(values) == 1:
        return np.asarray(first)[None]
    return np.concatenate(values).reshape(len(values), *first.shape) if np.ndim(first) else np.array(values)
