"""What is measured: works, each a table of rows by competitors with bars on their ratios."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import Bar

Weights = Mapping[str, NDArray[np.floating[Any]]]      # by PyTorch's names and in its layout


def nothing() -> None:
    """What needs no preparation."""


@dataclass(frozen=True)
class Competitor:
    """Something that runs: `run(steps)` is timed, after `reset()`, which is not.

    `weights()` shows where training ended, to be held against the others'; None where no problem is trained. `read()` gives what
    is measured in place of a time.
    """

    run: Callable[[int], object] = lambda steps: None
    reset: Callable[[], object] = nothing
    weights: Callable[[], Weights] | None = None
    read: Callable[[], float] | None = None


@dataclass(frozen=True)
class Row:
    """One line of a work's table: a competitor, the steps that a round times, and the unit in which the time is told.

    A time of t seconds is told as `scale` · t. Before anything is timed, the weights after `check_steps` (else `steps`) must be
    those of the row that it `agrees_with`. What is measured `once` is the same in each round.
    """

    name: str
    make: Callable[[], Competitor]
    steps: int = 1
    unit: str = "ms"
    scale: float = 1e3
    agrees_with: str | None = None
    check_steps: int | None = None
    once: bool = False


@dataclass(frozen=True)
class Work:
    """One table: rows timed by turns for so many rounds on so many threads. `rtol` is how far the weights may be apart."""

    key: str
    title: str
    threads: int
    rounds: int
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    rtol: float = 1e-9

    def row(self, name: str) -> Row:
        """The row of that name."""
        return next(row for row in self.rows if row.name == name)


def threads_text(threads: int) -> str:
    """The number of threads in words."""
    return "one thread" if threads == 1 else f"{threads} threads"
