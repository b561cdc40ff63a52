"""What a planted mistake does beside PyTorch: which number differs first, how far off the first step is, where training ends."""

from collections.abc import Iterable, Mapping

import numpy as np

from compare import ByHand
from compare.lockstep.of_module import train_beside_module
from compare.problem.of_module import ModuleProblem
from manual import LOSSES
from manual.arrays import Array


def table(sides: Mapping[str, ByHand], problem: ModuleProblem, deltas: Mapping[str, str], *, steps: int) -> Iterable[str]:
    """Yield a line for each mistake's side, under a line of titles; `deltas` has the titles of the parameters whose steps are shown.

    "first differs" is the first number that is not the module's. A first step is given by its length as a multiple of the right one's, and
    by the angle between the two. "loss" is the true loss after that many steps of the side alone.
    """
    rows = [["mistake", "first differs", *deltas.values(), "loss"]]
    rows += [[name, *_measured(side, problem, deltas, steps)] for name, side in sides.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _measured(side: ByHand, problem: ModuleProblem, deltas: Iterable[str], steps: int) -> list[str]:
    comparison = train_beside_module(side, problem, steps=1, keep=[1])
    found = {name: _said(*arrays) for name, *arrays in comparison.kept[1].deltas()}
    place = comparison.explanation(method=False).split("\n")[0].partition("step 1, ")[2].partition(", index")[0]
    side.load_state_dict(problem.initial_parameters)
    for step in range(1, steps + 1):
        side.step(*problem.batch(step))
    x, y = problem.batch(1)
    return [place or "nowhere", *(found[name] for name in deltas), f"{LOSSES[str(problem.loss)].value(side.predict(x), y):.3f}"]


def _said(actual: Array, expected: Array, allowed: Array) -> str:
    """Return how long a step is and how far turned; "in part" if some of its numbers are right."""
    off = np.abs(actual - expected) > allowed
    if not off.any():
        return "right"
    lengths = np.linalg.norm(actual), np.linalg.norm(expected)
    angle = np.degrees(np.arccos(np.clip((actual * expected).sum() / (lengths[0] * lengths[1]), -1, 1)))
    return ("" if off.all() else "in part ") + f"× {lengths[0] / lengths[1]:.3g}" + (f", {angle:.0f}°" if angle >= 0.5 else "")
