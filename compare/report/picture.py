"""One picture of a comparison as a file's content: PNG, SVG or PDF, of a size for slides."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from ..lockstep.result import Comparison
from . import plots

FORMATS = ("png", "svg", "pdf")
_DPI = 200


@dataclass(frozen=True)
class Kind:
    """A kind of picture: what it shows, and how it is drawn on a figure."""

    said: str
    draw: Callable[[Any, Comparison, int | None], Any]
    size: tuple[float, float] = (8, 4.5)      # inches
    needs_steps: bool = True


def _deltas(figure: Any, comparison: Comparison, step: int | None) -> None:
    kept = plots.kept_step(comparison, step)
    rows = [actual.shape[0] for _, actual, _, _ in kept.deltas()]
    plots.plot_deltas(comparison, kept.step, figure.subplots(len(rows), 3, squeeze=False, height_ratios=[max(row, 1) for row in rows]))
    figure.suptitle(f"step {kept.step}")


PICTURES = {
    "loss": Kind("the loss of both sides", lambda figure, of, step: plots.plot_loss(of, figure.subplots())),
    "difference": Kind(
        "how far apart both sides are, and how far rounding allows", lambda figure, of, step: plots.plot_differences(of, figure.subplots())
    ),
    "deltas": Kind("the weight deltas of one step side by side", _deltas),
    "shares": Kind(
        "every step and tensor, as a share of what rounding allows", lambda figure, of, step: plots.plot_shares(of, figure.subplots())
    ),
    "network": Kind(
        "the network",
        lambda figure, of, step: plots.plot_network(of.problem, of.first_divergence, figure.subplots()),
        needs_steps=False,
    ),
}


def picture(kind: str, comparison: Comparison, form: str, step: int | None = None) -> bytes:
    """That picture in that format; raises MissingExtraError without matplotlib, ProblemError for a step that was not kept."""
    matplotlib = plots.matplotlib()
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": kind, "svg.fonttype": "none"}):
        figure = Figure(figsize=PICTURES[kind].size, layout="constrained")
        PICTURES[kind].draw(figure, comparison, step)
        content = BytesIO()
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
        figure.savefig(content, format=form, dpi=_DPI, metadata=dates)
    return content.getvalue()
