"""W9: how the cost of comparing grows with parameters and with steps; and a picture of it."""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.modules import COMPARED, NOT_COMPARED, compared, not_compared
from benchmarks.timing import Bar
from benchmarks.work import Row, Work
from compare.problem.of_module import ModuleProblem
from compare.problem.problem import Problem

UNITS, SOME_UNITS = (4, 16, 64, 256, 1024), 64
STEPS, SOME_STEPS = (10, 30, 100, 300, 1000), 100
BATCH = 32


class Network(nn.Module):
    """Two linear layers with tanh between them, and ten outputs."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(units, units), nn.Linear(units, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, 10)."""
        return self.second(torch.tanh(self.first(x)))  # type: ignore[no-any-return]


class Written(Network):
    """The same, its layers written out."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, 10)."""
        a = torch.tanh(self.first.bias + x @ self.first.weight.T)
        return self.second.bias + a @ self.second.weight.T


@cache
def network(units: int) -> tuple[nn.Module, ModuleProblem]:
    """Return the second form of a network, and the problem of the first: drawn records in batches of 32, gradient descent, float64."""
    generator = np.random.default_rng(units)
    batches = [(generator.normal(size=(BATCH, units)), generator.integers(0, 10, BATCH)) for _ in range(3)]
    torch.manual_seed(0)
    return Written(units), Problem.of(Network(units), batches=batches, loss="cross_entropy", lr=0.05, dtype="float64")


def parameters(units: int) -> int:
    """Return how many parameters the network has."""
    return units * units + units + 10 * units + 10


def _title(units: int, steps: int) -> str:
    return f"lockstep on {parameters(units)} parameters, {steps} steps; one thread"


def _work(units: int, steps: int) -> Work:
    make = partial(network, units)
    rows = (Row(NOT_COMPARED, partial(not_compared, make), steps), Row(COMPARED, partial(compared, make), steps))
    return Work("W9", _title(units, steps), threads=1, rounds=3, rows=rows, bars=(Bar(COMPARED, NOT_COMPARED),))


WORKS = (
    *(_work(units, SOME_STEPS) for units in UNITS),
    *(_work(SOME_UNITS, steps) for steps in STEPS if steps != SOME_STEPS),
)


def picture(result: Mapping[str, Any], path: Path) -> bool:
    """Draw the ratios over parameters and over steps as an image; return whether they were measured, and drawn."""
    ratios = {work["title"]: work["bars"][0]["value"] for work in result["works"] if work["key"] == "W9"}
    if len(ratios) < len(WORKS) or None in ratios.values():
        return False
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    left.plot([parameters(units) for units in UNITS], [ratios[_title(units, SOME_STEPS)] for units in UNITS], "o-")
    right.plot(STEPS, [ratios[_title(SOME_UNITS, steps)] for steps in STEPS], "o-")
    for axes, of, given in (
        (left, "parameters", f"{SOME_STEPS} steps"),
        (right, "steps", f"{parameters(SOME_UNITS):,} parameters"),
    ):
        axes.set(xscale="log", xlabel=of, title=given, ylim=(0, None))
        axes.axhline(1, linewidth=0.8, color="gray")
    left.set_ylabel("compared / not compared")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    return True
