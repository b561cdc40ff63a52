"""A trace as an `Implementation`: what it shows of a step is what was recorded of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..sides.interface import Abilities, StepRecord
from ..support.arrays import Array
from .trace import Trace


class Recorded:
    """The run that a trace keeps, step by step from the first; it cannot be given other weights or records.

    Raises TraceError for a part of the trace that is not as it was written.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.abilities = Abilities(follows=False, start=trace.problem.initial_parameters, dtype=trace.problem.dtype)
        self._records = trace.records()

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Start afresh, from the parameters that the run started from, whatever these are."""
        self._records = self.trace.records()

    def step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> StepRecord:
        """What was recorded of the next step, on the inputs that it had."""
        return next(self._records)[1]

    def predict(self, x: Array) -> Array:
        """The output (n, k) that was recorded for the test records x (n, in)."""
        predictions = self.trace.predictions()
        return np.empty(0) if predictions is None else predictions
