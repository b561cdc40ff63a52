"""The port: whatever can take parameters and make a step is an `Implementation`, and what it shows of a step is a `StepRecord`."""

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
    - `state`: what the optimiser keeps, after the step, as "<parameter>.<PyTorch's name>": "0.weight.momentum_buffer", "0.weight.exp_avg",
      …
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

    def tensors(self) -> Iterator[tuple[str, str, Array]]:
        """Every array shown, as (phase, tensor, array), in the order of comparison; from the errors on, the last layer first."""
        for phase in PHASES:
            shown = getattr(self, phase)
            if isinstance(shown, Mapping):
                names = list(shown) if phase in ("activations", "buffers") else reversed(list(shown))
                yield from ((phase, name, shown[name]) for name in names)
            elif shown is not None:
                yield phase, phase, shown

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases shown, in the order of comparison."""
        return tuple(phase for phase in PHASES if getattr(self, phase) is not None)

    def at(self, steps: Any) -> "StepRecord":
        """Of a record of several steps: the one step, or the steps, at that index."""
        fields: dict[str, Any] = {}
        for phase in PHASES:
            shown = getattr(self, phase)
            if isinstance(shown, Mapping):
                fields[phase] = {name: array[steps, ...] for name, array in shown.items()}
            elif shown is not None:
                fields[phase] = shown[steps, ...]
        return StepRecord(**fields)


PHASES = tuple(field.name for field in fields(StepRecord))
CARRIED = ("params", "buffers", "state")      # the phases of what is carried from step to step
STAGES = ("activations", "errors")            # those that a pass goes through, and a side may leave out


def made_anew(show: Collection[str], stages: bool) -> tuple[str, ...]:
    """Those of the phases to show that each step makes anew."""
    return tuple(phase for phase in PHASES if phase in show and phase not in CARRIED and (stages or phase not in STAGES))


@runtime_checkable
class Implementation(Protocol):
    """Anything that trains: the two backends, and whatever is to be compared with them.

    Parameters are arrays by PyTorch's `state_dict` names, weights (out, in). Arrays handed in are read-only: copy what is to be
    changed.
    """

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Take over these parameters, by copy, and batch normalisation's buffers with them; an optimiser starts afresh."""

    def step(self, x: Array, y: Array) -> StepRecord:
        """One step of training on inputs x (n, in) and targets y: (n, k), or class indices (n,).

        Where the problem has dropout, the masks are a third argument: arrays (n, units), True where kept, by the index of the layer.
        """

    def predict(self, x: Array) -> Array:
        """The output (n, k) for inputs x (n, in) in evaluation, with the parameters as they are; changes nothing."""


@dataclass(frozen=True)
class Abilities:
    """What an implementation can do besides, as it says of itself.

    `in_blocks`: it takes several steps in one call, and is trusted to show arrays of the problem's layout. `follows`: whether it can
    be given other weights before each step; by default it can where it would lose nothing. `start`: what it starts from, by name, where it
    cannot be given another. `dtype`: the precision of its answers, where that is not the problem's.
    """

    in_blocks: bool = False
    follows: bool | None = None
    start: Mapping[str, Array] = field(default_factory=dict)
    dtype: str | None = None


@runtime_checkable
class Declares(Protocol):
    """An implementation that says what it can do besides."""

    abilities: Abilities


def abilities_of(side: Implementation) -> Abilities:
    """Those that it declares, or none."""
    return side.abilities if isinstance(side, Declares) else Abilities()


class InBlocks(ABC):
    """An implementation that can take several steps in one call.

    A subclass that overrides `step` alone is not one any more: its `step` is what it is asked for.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if {"step", "steps"} & set(vars(cls)):
            cls.abilities = Abilities(in_blocks=callable(vars(cls).get("steps")))

    abilities = Abilities()

    @abstractmethod
    def steps(self, batches: Sequence[Batch], before: Mapping[str, Array] | None = None) -> StepRecord:
        """A step on each batch, all of one shape, their records stacked; each from the parameters in `before`, stacked too, if given."""

    @abstractmethod
    def checkpoint(self) -> Callable[[], None]:
        """A function that puts the side back to where it stands now: parameters, buffers and optimiser."""


def stack(records: Sequence[StepRecord]) -> StepRecord:
    """Records of single steps as one record with a leading axis of steps; all must show arrays of the same names and shapes."""
    return _combined(records, stacked)


def concatenate(records: Sequence[StepRecord]) -> StepRecord:
    """Records of several steps as one, steps after steps; all must show arrays of the same names and shapes."""
    return _combined(records, np.concatenate)


def _combined(records: Sequence[StepRecord], function: Callable[[Sequence[Array]], Array]) -> StepRecord:
    fields: dict[str, Any] = {}
    for phase in PHASES:
        column = [getattr(record, phase) for record in records]
        if isinstance(column[0], Mapping):
            fields[phase] = {name: function([arrays[name] for arrays in column]) for name in column[0]}
        elif column[0] is not None:
            fields[phase] = function(column)
    return StepRecord(**fields)


def stacked(values: Sequence[Any]) -> Any:
    """Arrays, or mappings of arrays, with a leading axis: `np.stack`, several times faster on many small ones, and no copy of one alone."""
    first = values[0]
    if isinstance(first, Mapping):
        return {name: stacked([value[name] for value in values]) for name in first}
    if len(values) == 1:
        return np.asarray(first)[None]
    return np.concatenate(values).reshape(len(values), *first.shape) if np.ndim(first) else np.array(values)
