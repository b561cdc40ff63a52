"""A block of steps: what they start from, and what both sides show of them."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    `drift` is what is to be added to them to have the actual side's, and `state_gaps` by how much those buffers and slots may differ that
    the actual side does not show. `decay` says by which factor such a drift lives on after a step.
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
        """The same, of the steps at those positions alone."""

        def of(arrays: Mapping[str, Any]) -> dict[str, Any]:
            return {name: array[positions] for name, array in arrays.items()}

        is_shared = self.x.ndim == 2
        return Block(
            self.steps[positions],
            self.x if is_shared else self.x[positions],
            self.y if is_shared else self.y[positions],
            of(self.masks),
            of(self.before),
            of(self.drift),
            of(self.state_gaps),
            self.decay,
            self.actual.at(positions),
            self.expected.at(positions),
        )

    @property
    def records(self) -> int:
        """The number of records in each step's batch."""
        return int(self.x.shape[-2])

    def units_before(self, step: int, name: str, units: Any) -> Array:
        """Some units' part of the expected side's parameter (units, …) before that step of the block."""
        return np.asarray(self.before[name][step, units])

    @cached_property
    def gaps(self) -> dict[str, Array]:
        """By how much the two sides' parameters, buffers and optimiser state differ before each step, at most."""
        return {name: np.abs(array) for name, array in self.drift.items()} | dict(self.state_gaps)

    @cached_property
    def pairs(self) -> dict[Key, tuple[Array, Array]]:
        """The arrays that both sides show, by (phase, tensor), in the order of comparison.

        Of what is carried from step to step, it is the step that is compared: the expected side's gets what is left of the drift from
        before the step added, so that drift never hides a wrong step.
        """
        pairs = shared_tensors(self.actual, self.expected)
        for key, (actual, expected) in pairs.items():
            if key[0] in CARRIED and key[1] in self.drift:
                pairs[key] = (actual, expected + self.decay[key[1]] * self.drift[key[1]])
        return pairs


def tensors_by_key(record: StepRecord) -> dict[Key, Array]:
    """The record's arrays by (phase, tensor), in the order of comparison."""
    return {(phase, tensor): array for phase, tensor, array in record.tensors()}


def shared_tensors(actual: StepRecord, expected: StepRecord) -> dict[Key, tuple[Array, Array]]:
    """The arrays that both records show, by (phase, tensor), in the order of comparison."""
    shown = tensors_by_key(actual)
    return {key: (shown[key], array) for key, array in tensors_by_key(expected).items() if key in shown}
