"""A block of steps: their inputs, the parameters before them, and both sides' records of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..sides.interface import CARRIED, StepRecord
from ..support.arrays import Array
from .difference import Key

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Block:
    """Some steps of both sides, stacked: arrays have a leading axis of steps.

    `steps` are the steps' numbers. `x` and `y` are their inputs and targets, without the leading axis where all steps have the
    same; `masks` are dropout's. `before` are the expected side's parameters, buffers and optimiser state before each step, by name;
    `drift` is the actual side's arrays minus those, and `state_gaps` bounds |drift| for the buffers and slots that the actual side does not
    show. `decay` is the factor with which each array's drift enters the next step.
    """

    steps: Positions
    x: Array
    y: Array
    masks: Mapping[str, Any]
    before: Mapping[str, Array]
    drift: Mapping[str, Array]
    state_gaps: Mapping[str, Array]
    decay: Mapping[str, float]
    actual: StepRecord
    expected: StepRecord

    def at(self, positions: Positions) -> "Block":
        """Return the block of the steps at those positions."""
        own: dict[str, Any] = {} if self.x.ndim == 2 else {"x": self.x[positions], "y": self.y[positions]}
        for name in ("masks", "before", "drift", "state_gaps"):
            own[name] = {key: array[positions] for key, array in getattr(self, name).items()}
        return replace(self, steps=self.steps[positions], actual=self.actual.at(positions), expected=self.expected.at(positions), **own)

    @property
    def records(self) -> int:
        """The number of records in each step's batch."""
        return int(self.x.shape[-2])

    @cached_property
    def gaps(self) -> dict[str, Array]:
        """Upper bounds on how far the two sides' parameters, buffers and optimiser state are apart before each step, by name."""
        return {name: np.abs(array) for name, array in self.drift.items()} | dict(self.state_gaps)

    @cached_property
    def pairs(self) -> dict[Key, tuple[Array, Array]]:
        """The arrays that both sides show, by (phase, tensor), in the order of comparison.

        To the expected side's carried arrays the drift from before the step is added, times its decay: so the step alone is compared, and
        drift never hides a wrong one.
        """
        pairs = shared_tensors(self.actual, self.expected)
        for key, (actual, expected) in pairs.items():
            if key[0] in CARRIED and key[1] in self.drift:
                pairs[key] = (actual, expected + self.decay[key[1]] * self.drift[key[1]])
        return pairs


def tensors_by_key(record: StepRecord) -> dict[Key, Array]:
    """Return the record's arrays by (phase, tensor), in the order of comparison."""
    return {(phase, tensor): array for phase, tensor, array in record.tensors()}


def shared_tensors(actual: StepRecord, expected: StepRecord) -> dict[Key, tuple[Array, Array]]:
    """Return the arrays that both records show, by (phase, tensor), in the order of comparison."""
    shown = tensors_by_key(actual)
    return {key: (shown[key], array) for key, array in tensors_by_key(expected).items() if key in shown}
