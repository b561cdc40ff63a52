"""How the pages' pictures are saved: as SVG files that are the same at every build."""

from collections.abc import Callable
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure


def save(draw: Callable[[], Figure], path: Path) -> None:
    """Draw a figure and save it, without a date, and with ids that depend on the file's name alone."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem, "font.family": "sans-serif"}):
        draw().savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
