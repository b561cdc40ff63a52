"""The clock, and what is made of its times: the median of the rounds' own ratios, and the bars that it is held to."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Literal

Values = Mapping[str, Sequence[float]]      # by row, one for each round

Verdict = Literal["met", "missed", "not measured", "no bar"]


def seconds(run: Callable[[], object]) -> float:
    """The wall-clock time of one run, with the garbage collector off."""
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
    """One row's value over another's, or by itself, and what it must be; without a limit it is told for information."""

    of: str
    over: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def name(self) -> str:
        """What is measured."""
        return self.of if self.over is None else f"{self.of} / {self.over}"

    @property
    def limit(self) -> str:
        """What it must be, in words; empty without a limit."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return "" if self.at_least is None else f"at least {self.at_least:g}"

    def value(self, values: Values) -> float | None:
        """The median of the rounds' ratios; each is taken within its round, so that a slow spell hits both. None: not measured."""
        above = values.get(self.of, ())
        below = [1.0] * len(above) if self.over is None else values.get(self.over, ())
        ratios = [a / b for a, b in zip(above, below, strict=False)]
        return median(ratios) if ratios else None

    def verdict(self, values: Values) -> Verdict:
        """Whether the bar is met."""
        value = self.value(values)
        if not self.limit:
            return "no bar"
        if value is None:
            return "not measured"
        is_met = (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)
        return "met" if is_met else "missed"
