"""The pictures of a page: each with what it shows in words, and its numbers as a table."""

from collections.abc import Iterator, Mapping, Sequence, Sized
from functools import partial
from typing import Any, NamedTuple

from ..lockstep.difference import Difference
from ..lockstep.result import Comparison
from ..problem.problem import Problem
from ..sides.interface import Key
from ..support.arrays import Array
from . import plots
from .plots import Sides
from .svg import LETTER, Panel, drawn

_TABLE_ROWS = 24      # of a picture's data


class Picture(NamedTuple):
    """A drawing with what it shows in words, and its numbers as a table."""

    id: str
    title: str
    description: str
    svg: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def network(problem: Problem, first: Difference | None = None) -> Picture:
    """Return the picture of the network, with the first that is wrong marked on it."""
    wrong = first if first is not None and first.phase in plots.PHASE_NAMES else None
    marked = f" The first that is wrong is marked: {plots.tensor_name(problem, (wrong.phase, wrong.tensor))}." if wrong else ""
    layers = ", ".join(f"{layer.units_in} to {layer.units} {layer.function}" for layer in problem.layers)
    return Picture(
        "network",
        "The network",
        f"{len(problem.layers)} layer{'s' if len(problem.layers) > 1 else ''}: {layers}.{marked}",
        drawn("network", lambda ax: plots.plot_network(problem, wrong, ax), Panel(2.9, left=0, above=0, below=0)),
        ("layer", "inputs", "units", "activation"),
        [(str(n), str(layer.units_in), str(layer.units), layer.function) for n, layer in enumerate(problem.layers, start=1)],
    )


def pictures(comparison: Comparison, sides: Sides) -> Iterator[Picture]:
    """Yield the pictures of a perceptron's comparison; of stages on probes, which are no training, without a loss."""
    problem = comparison.problem
    yield network(problem, comparison.first_divergence)
    if not comparison.kept:
        return
    kept = [kept for _, kept in sorted(comparison.kept.items())]
    if comparison.mode != "stage" and all(one.actual.loss is not None or one.expected.loss is not None for one in kept):
        yield Picture(
            "loss",
            "The loss",
            f"The {problem.loss} of both sides before each step; where the two are equal, one line lies on the other."
            + _left_out(kept),
            drawn("loss", lambda ax: plots.plot_loss(comparison, ax, sides=sides), Panel(1.85, sides)),
            ("step", *sides),
            [(str(one.step), _scalar(one.actual.loss), _scalar(one.expected.loss)) for one in spaced(kept, _TABLE_ROWS)],
        )
    agreement = comparison.agreement
    if not agreement:      # of what shows nothing
        return
    names = {key: plots.tensor_name(problem, key) for key in agreement}
    yield _shares(comparison, {key: float(each.share.max()) for key, each in agreement.items()})
    phases = list(dict.fromkeys(key[0] for key in agreement))
    legends = [[*(plots.label(problem, key) for key in names if key[0] == phase), plots.ALLOWED] for phase in phases]
    panels = [Panel(1.15, legend, below=0.5 if legend is legends[-1] else 0.1) for legend in legends]
    steps = next(iter(agreement.values())).steps
    yield Picture(
        "differences",
        "How far apart, and how far rounding allows",
        f"{_drawn_as(comparison)} Equal means below it. "
        "Where there is no point, both sides are equal to the last bit." + _left_out(steps),
        drawn("differences", partial(_differences, comparison, phases), *panels),
        ("step", *(text for name in names.values() for text in (name, "allowed"))),
        [
            [f"{steps[at]:.0f}", *(f"{value:.3g}" for each in agreement.values() for value in (each.difference[at], each.allowed[at]))]
            for at in spaced(range(len(steps)), _TABLE_ROWS)
        ],
    )


def _drawn_as(comparison: Comparison) -> str:
    if comparison.mode == "stage":
        steps = "The steps are those of three probes, and each is judged by itself."
        return f"The largest difference of each tensor in each step as a point, and what rounding allows there as a dash. {steps}"
    return "The largest difference of each tensor in each step, solid, and what rounding allows there, dashed."


def _shares(comparison: Comparison, largest: Mapping[Key, float]) -> Picture:
    names = {key: plots.tensor_name(comparison.problem, key) for key in largest}
    widest = 0.3 + LETTER * max(len(plots.label(comparison.problem, key)) for key in largest)
    return Picture(
        "shares",
        "Every step and tensor",
        "Each step's largest difference as a share of what rounding allows: dark is far below it, red is beyond it. "
        "What the steps before left apart does not count.",
        drawn("shares", lambda ax: plots.plot_shares(comparison, ax), Panel(max(0.26 * len(names), 1.4), left=widest, right=1.05)),
        ("tensor", "largest share of what is allowed"),
        [(names[key], f"{share:.3g}") for key, share in largest.items()],
    )


def _differences(comparison: Comparison, phases: Sequence[str], *axes: Any) -> None:
    for phase, ax in zip(phases, axes, strict=True):
        plots.plot_differences(comparison, ax, phase=phase)
        if ax is not axes[-1]:
            ax.sharex(axes[-1])
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)


def update_shares(comparison: Comparison) -> Iterator[Picture]:
    """Yield the picture of each step's shares beside a module, if there are any."""
    found = plots.update_shares(comparison)
    if found:
        yield _shares(comparison, {key: float(each.max()) for key, each in found.items()})


def _scalar(value: Array | None) -> str:
    return "not shown" if value is None else f"{float(value):.12g}"


def spaced(rows: Sequence[Any], most: int) -> list[Any]:
    """Return the rows, or so many of them, evenly spaced from the first to the last."""
    return [rows[i * (len(rows) - 1) // (most - 1)] for i in range(most)] if len(rows) > most else list(rows)


def _left_out(steps: Sized) -> str:
    """Say how many of the steps the table has, where it has not all of them."""
    return f" The table has {_TABLE_ROWS} of the {len(steps)} steps." if len(steps) > _TABLE_ROWS else ""
