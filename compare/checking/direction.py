"""A direction: one respect in which trials go farther than the probes."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from ..diagnosis.probes import Probe


@dataclass(frozen=True)
class Direction:
    """One respect in which trials go farther than the probes: `at(value)` is the trial that goes so far, or None where there is none.

    `where` is the condition, with {} for the value; `beyond` the same for all values from this one on, if the value is a measure.
    `question` asks what a program that differs there may do. A program that raises there differs too, unless it `may_refuse`.
    From `overflows` on a right textbook formula, that of `layer`, may give NaN, from `loses_digits` on any number. Where the problem is
    `drawn`, |z| does not follow from the value, and is measured. With `of_weights` only new weights are compared.
    """

    where: str
    question: str
    at: Callable[[float], Probe | None]
    values: tuple[float, ...] = (1.0,)
    may_refuse: bool = False
    overflows: float = inf
    loses_digits: float = inf
    layer: int = 0
    beyond: str = ""
    is_count: bool = False
    drawn: bool = False
    of_weights: bool = False

    def said(self, value: float) -> str:
        """Describe the trial at that value."""
        return "with one record" if self.is_count and value == 1 else self.where.format(f"{value:g}")

    def beyond_about(self, value: float) -> str:
        """Describe all trials beyond that value, the largest that agrees."""
        return self.beyond.format(f"{value:.0f}" if self.is_count else f"{float(f'{value:.2g}'):g}")

    def between(self, less: float, more: float) -> float:
        """Return the value half-way: of counts the arithmetic mean, else the geometric one."""
        return float(int(less + more) // 2) if self.is_count else (less * more) ** 0.5


def once(where: str, question: str, probe: Callable[[], Probe | None], **more: Any) -> Direction:
    """Return a direction of one trial."""
    return Direction(where, question, lambda _: probe(), **more)


def measured(
    what: str, values: tuple[float, ...], at: Callable[[float], Probe | None], question: str = "is something clipped?", **more: Any
) -> Direction:
    """Return a direction in which something grows until a program may clip it."""
    beyond = f"for {what} beyond about {{}}"
    return Direction(f"for {what} up to {{}}", question, at, values, may_refuse=True, beyond=beyond, **more)
