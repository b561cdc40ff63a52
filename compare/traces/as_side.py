"""A trace as an `Implementation`: its step returns the recorded `StepRecord`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..sides.interface import Abilities, StepRecord
from ..support.arrays import Array
from .manifest import TraceError
from .trace import Trace


class Recorded:
    """A recorded run, step by step from the first, whatever weights and data it is called with; raises TraceError for a changed part."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.abilities = Abilities(follows=False, start=trace.start, dtype=trace.manifest.problem["dtype"])
        self.done = 0
        self._records = trace.records()

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Return to the start of the run; the parameters passed are ignored."""
        self._records, self.done = self.trace.records(), 0

    def step(self, *batch: Any) -> StepRecord:
        """Return the record of the next step; the inputs passed are ignored. Raises TraceError if there is none."""
        following = next(self._records, None)
        if following is None:
            raise TraceError(f"{self.trace.folder} has {self.done} steps; expected at least as many as are compared")
        self.done, record = following
        return record

    def predict(self, *inputs: Any) -> Array:
        """Return the recorded output (n, k) for the test records, or an empty array if there is none."""
        predictions = self.trace.predictions()
        return np.empty(0) if predictions is None else predictions
