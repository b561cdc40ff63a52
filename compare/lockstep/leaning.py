"""Whether the steps of a parameter lean to one side: each a little off, within what rounding allows of one, but not of all together."""

from typing import Any

import numpy as np

from ..support.arrays import Array

_OF_WEIGHTS, _OF_STEPS = 2.0, 8.0      # u of a weight, and of its step, that honest steps may all be off to one side: by a rounded constant


class Leaning:
    """By how much the actual side's new weights are off in all steps, each from its own start, and how much rounding explains of it."""

    def __init__(self) -> None:
        self.steps = 0
        self.total: Any = 0.0        # Σ actual − expected
        self.squares: Any = 0.0      # Σ of the squares of what each step allows
        self.constant: Any = 0.0     # in units of u

    def add(self, actual: Array, expected: Array, before: Array, allowed: Array) -> None:
        """Add a step."""
        self.steps += 1
        self.total = self.total + (actual - expected)
        self.squares = self.squares + allowed * allowed
        self.constant = self.constant + _OF_WEIGHTS * np.abs(expected) + _OF_STEPS * np.abs(expected - before)

    def beyond(self, unit: float) -> str | None:
        """Say by how much the steps together are off, if rounding does not explain it."""
        explained = np.sqrt(self.squares) + unit * self.constant
        off = np.abs(self.total)
        if self.steps < 2 or not (off > explained).any():
            return None
        at = np.unravel_index(np.argmax(off / explained), off.shape)
        where = f" at index {list(map(int, at))}" if at else ""
        return (
            f"its {self.steps} steps lean to one side{where}: together they are off by {off[at]:.3g}, where rounding explains "
            f"{explained[at]:.3g}; each alone is within what rounding allows"
        )
