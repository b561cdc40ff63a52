"""A benchmark's parts: a work is a table of rows, each timing a competitor, with bars on the ratios of their times."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import Bar
from compare.problem.problem import Problem

Weights = Mapping[str, NDArray[np.floating[Any]]]      # by PyTorch's names and in its layout


@dataclass(frozen=True)
class Competitor:
    """One way to run a work: `run(steps)` is timed, after `reset()`, which is not.

    `weights()` returns the weights where training ended, to be compared with other competitors'; None where nothing is trained.
    `read()` returns a value measured in place of a time.
    """

    run: Callable[[int], object] = lambda steps: None
    reset: Callable[[], object] = lambda: None
    weights: Callable[[], Weights] | None = None
    read: Callable[[], float] | None = None


@dataclass(frozen=True)
class Row:
    """One line of a work's table: a competitor, the steps that a round times, and the unit in which the time is printed.

    A time of t seconds is printed as `scale` · t. Before anything is timed, the weights after `check_steps` (else `steps`) must equal
    those of the row that it `agrees_with`. A row measured `once` is left out of all rounds but the first.
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
    """One table: rows timed in turns, for `rounds` rounds on `threads` threads. `rtol` bounds how far the rows' weights may differ."""

    key: str
    title: str
    threads: int
    rounds: int
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    rtol: float = 1e-9

    def row(self, name: str) -> Row:
        """Return the row of that name."""
        return next(row for row in self.rows if row.name == name)


def competitor(problem: Callable[[], Problem], module: str, function: str | None = None) -> Callable[[], Competitor]:
    """Return what builds the competitor of `benchmarks/competitors/`, importing its module only then, since it may not be installed."""
    return lambda: getattr(import_module(f"benchmarks.competitors.{module}"), function or module)(problem())


def threads_text(threads: int) -> str:
    """Return the number of threads in words."""
    return "one thread" if threads == 1 else f"{threads} threads"
