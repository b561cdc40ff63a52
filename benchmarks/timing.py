"""The clock, and the bars: limits on the ratios of times, each the median of the rounds' own ratios."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Literal

Values = Mapping[str, Sequence[float]]      # by row's name, one for each round

Verdict = Literal["met", "missed", "not measured", "no bar"]


def seconds(run: Callable[[], object]) -> float:
    """Return the wall-clock time of one run, with the garbage collector off."""
    gc.collect()
    gc.disable()
    try:
        start = perf_counter()
        run()
        return perf_counter() - start
    finally:
        gc.enable()


@dataclass(frozen=True)
class Bar:
    """A limit on one row's value over another's, or on one row's value; without a limit the bar is for information."""

    of: str
    over: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def name(self) -> str:
        """Return the quantity's name."""
        return self.of if self.over is None else f"{self.of} / {self.over}"

    def value(self, values: Values) -> float | None:
        """Return the median of the rounds' ratios, or None if not measured; a slow spell hits both times of a round alike."""
        above = values.get(self.of, ())
        below = [1.0] * len(above) if self.over is None else values.get(self.over, ())
        ratios = [a / b for a, b in zip(above, below, strict=False)]
        return median(ratios) if ratios else None

    def verdict(self, values: Values) -> Verdict:
        """Return whether the bar is met."""
        value = self.value(values)
        if self.at_most is None and self.at_least is None:
            return "no bar"
        if value is None:
            return "not measured"
        is_met = (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)
        return "met" if is_met else "missed"
