"""A layer with a mistake in it beside PyTorch: where the two first part, how far off that step's deltas are, and how training goes on."""

from collections.abc import Mapping, Sequence

import numpy as np

from compare import ByHand
from compare.lockstep.of_module import train_beside_module
from compare.problem.of_module import ModuleProblem

TRAINED = 300     # steps


def table(mistakes: Mapping[str, ByHand], problem: ModuleProblem, names: Sequence[str], steps: int = 1) -> str:
    """Return a line for each mistake, of which the first difference is looked for in so many steps.

    For each of these parameters stands |Δw − PyTorch's| / |PyTorch's| in the step of the first difference; a dot is right to rounding. Last
    is the mean loss of all batches, in evaluation, after 300 steps of this side alone.
    """
    cells = [["", "first at", *names, "loss"]]
    for mistake, side in mistakes.items():
        comparison = train_beside_module(side, problem, steps=steps)
        off: dict[str, float] = {}
        for step in comparison.kept.values():      # the one of the first difference, unless that is in evaluation
            for name, ours, theirs, _ in step.deltas():
                off[name] = float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
        place = comparison.explanation(method=False).split("\n")[0].partition("first at ")[2].partition(", index")[0]
        cells.append([mistake, place, *(_share(off.get(name, 0.0)) for name in names), f"{_trained(side, problem):.3f}"])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [[f"{cell:{'<' if at < 2 else '>'}{widths[at]}}" for at, cell in enumerate(row)] for row in cells]
    return "\n".join("  ".join(line) for line in lines)


def _share(off: float) -> str:
    return "·" if off < 1e-9 else f"{off:.0e}" if off < 0.005 else f"{off:.0%}"


def _trained(side: ByHand, problem: ModuleProblem) -> float:
    """Return the mean loss of the problem's batches after training the side on them."""
    side.load_state_dict({name: each.numpy() for name, each in problem.module.state_dict().items()})
    for step in range(1, TRAINED + 1):
        side.step(*problem.batch(step))
    return float(np.mean([side.loss.value(side.predict(x), y) for x, y in problem.batches]))
