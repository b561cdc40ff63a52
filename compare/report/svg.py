"""Pictures as SVG for a page: their text and lines have the page's text colour, and their ids are their own."""

import re
import warnings
from collections.abc import Callable, Sequence
from io import StringIO
from math import ceil
from typing import Any, NamedTuple

from . import plots

WIDTH = 4.6      # of a picture in inches: narrow, so that its text can be read on a phone
LETTER = 0.08      # a letter's width in inches, in a picture's labels
INK = "#010203"      # stands for the page's text colour while matplotlib draws


class Panel(NamedTuple):
    """The height of a pair of axes, and the room around it for a legend of names below, in inches; matplotlib's layout would be slow."""

    height: float
    legend: Sequence[str] = ()
    left: float = 0.95
    right: float = 0.1
    above: float = 0.3
    below: float = 0.5      # to the legend

    @property
    def total(self) -> float:
        """The height of the axes, the legend and the room around them, in inches."""
        return self.above + self.height + self.below + 0.2 * ceil(len(self.legend) / _columns(self.legend)) + 0.05


def drawn(name: str, draw: Callable[..., Any], *panels: Panel) -> str:
    """Call `draw` with a pair of axes for each panel, one below the other, and return the figure as SVG; its ids begin with `name`."""
    matplotlib = plots.matplotlib()
    from matplotlib.figure import Figure

    ink = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK)
    style = {**ink, "svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif", "axes.facecolor": "none", "font.size": 10}
    with matplotlib.rc_context({**style, "legend.facecolor": "none", "legend.edgecolor": "none", "path.simplify_threshold": 0.5}):
        height = top = sum(panel.total for panel in panels)
        figure = Figure(figsize=(WIDTH, height), facecolor="none")
        for panel in panels:
            bottom, width = top - panel.above - panel.height, WIDTH - panel.left - panel.right
            figure.add_axes((panel.left / WIDTH, bottom / height, width / WIDTH, panel.height / height))
            top -= panel.total
        draw(*figure.axes)
        for ax in figure.axes:
            _legend_below(ax)
        text = StringIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")      # of glyphs, which the reader's own font has
            figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{name}-", svg)
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true" focusable="false">', svg, count=1)
    return svg.replace(INK, "currentColor")


def _legend_below(ax: Any) -> None:
    """Move the legend, if there is one, below the axes, to the middle of the picture, where a phone has room for it."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    if ax.get_legend() is not None:
        below = 30 if ax.get_xlabel() else 4      # points
        middle = blended_transform_factory(ax.figure.transFigure, ax.transAxes)
        place = middle + ScaledTranslation(0, -below / 72, ax.figure.dpi_scale_trans)
        columns = _columns([text.get_text() for text in ax.get_legend().get_texts()])
        ax.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=place, ncols=columns, frameon=False)


def _columns(legend: Sequence[str]) -> int:
    """Return how many columns of a legend fit below the axes."""
    return max(1, min(3, int((WIDTH - 0.4) / (0.5 + 0.9 * LETTER * max(map(len, legend), default=0)))))
