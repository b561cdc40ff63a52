"""One picture of a comparison as the content of a file for slides: PNG, SVG or PDF."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

from ..lockstep.result import Comparison
from . import plots

FORMATS = ("png", "svg", "pdf")
_DPI = 200
_SIZE = (8, 4.5)      # inches


class Kind(NamedTuple):
    """A kind of picture: what it shows, how it is drawn on a figure, and whether it shows steps that must be kept."""

    description: str
    draw: Callable[[Any, Comparison, int | None], Any]
    needs_steps: bool = True


def _deltas(figure: Any, comparison: Comparison, step: int | None) -> None:
    kept = plots.kept_step(comparison, step)
    rows = [actual.shape[0] for _, actual, _, _ in kept.deltas()]
    plots.plot_deltas(comparison, kept.step, figure.subplots(len(rows), 3, squeeze=False, height_ratios=[max(row, 1) for row in rows]))
    figure.suptitle(f"step {kept.step}")


def _on_axes(plot: Callable[[Comparison, Any], Any]) -> Callable[[Any, Comparison, int | None], Any]:
    return lambda figure, comparison, step: plot(comparison, figure.subplots())


PICTURES = {
    "loss": Kind("the loss of both sides", _on_axes(plots.plot_loss)),
    "difference": Kind("how far apart both sides are, and how far rounding allows", _on_axes(plots.plot_differences)),
    "deltas": Kind("the weight deltas of one step side by side", _deltas),
    "shares": Kind("every step and tensor, as a share of what rounding allows", _on_axes(plots.plot_shares)),
    "network": Kind("the network", _on_axes(lambda of, ax: plots.plot_network(of.problem, of.first_divergence, ax)), needs_steps=False),
}


def picture(kind: str, comparison: Comparison, form: str, step: int | None = None) -> bytes:
    """Return a picture in the format; raise MissingExtraError without matplotlib, ProblemError for a step that was not kept."""
    matplotlib = plots.matplotlib()
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": kind, "svg.fonttype": "none"}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        PICTURES[kind].draw(figure, comparison, step)
        content = BytesIO()
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
        figure.savefig(content, format=form, dpi=_DPI, metadata=dates)
    return content.getvalue()
