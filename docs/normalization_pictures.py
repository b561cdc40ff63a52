"""The pictures of docs/normalization.md, computed when they are drawn: the kinds, the three terms of the example, the running statistics.

`python docs/normalization_pictures.py` writes them into docs/_generated/normalization/, as the build of the documentation does.
"""

from pathlib import Path

import numpy as np
from drawing import save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from manual import BatchNorm, LayerNorm

FOLDER = Path(__file__).parent / "_generated" / "normalization"
BLUE, ORANGE, GREEN, RED, GRAY = "#3b82c4", "#d9822b", "#2f9e6e", "#d64545", "#666666"

Z = np.array([1.0, 2, 3, 6])
G = np.array([0.4, -0.2, 0.3, 0.1])
RECORDS, CHANNELS, PLACES = 4, 4, 3      # of the picture of the kinds
MEAN, VARIANCE, BATCH, BATCHES = 2.0, 4.0, 16, 60      # of the drawn units whose statistics run


def _number(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")


def kinds() -> Figure:
    """Draw a batch of images as a table, and in it the numbers that share one mean and one variance, for each kind."""
    figure = Figure(figsize=(7.2, 1.35), layout="constrained")
    together = {      # records, channels
        "BatchNorm2d": (slice(None), slice(1, 2)),
        "LayerNorm, RMSNorm": (slice(1, 2), slice(None)),
        "GroupNorm, 2 groups": (slice(1, 2), slice(0, 2)),
    }
    for ax, (title, (rows, channels)) in zip(figure.subplots(1, 3), together.items(), strict=True):
        is_one = np.zeros((RECORDS, CHANNELS), bool)
        is_one[rows, channels] = True
        for (row, channel), filled in np.ndenumerate(is_one):
            for place in range(PLACES):
                corner = (channel * (PLACES + 0.5) + place, -row - 1)
                color = {"facecolor": BLUE, "alpha": 0.55} if filled else {"facecolor": "none"}
                ax.add_patch(Rectangle(corner, 1, 1, edgecolor="none", **color))
                ax.add_patch(Rectangle(corner, 1, 1, edgecolor=GRAY, facecolor="none", linewidth=0.8))
        width = CHANNELS * (PLACES + 0.5) - 0.5
        for channel in range(CHANNELS):
            ax.text(channel * (PLACES + 0.5) + PLACES / 2, 0.3, f"c{channel}", ha="center", fontsize=9, color=GRAY)
        for row in range(RECORDS):
            ax.text(-0.4, -row - 0.5, f"n{row}", ha="right", va="center", fontsize=9, color=GRAY)
        ax.set(xlim=(-1.8, width + 0.2), ylim=(-RECORDS - 0.4, 1.3), aspect="equal")
        ax.set_title(title, fontsize=11)
        ax.set_axis_off()
    return figure


def terms() -> Figure:
    """Plot the three terms of the example's error, and their sum times s, as bars for each of the four numbers."""
    layer = LayerNorm(np.ones(4), eps=0.0)
    layer.normalized(Z[None])
    normal, result = layer.normal[0], layer.through(G[None])[0]
    parts = [
        ("g = ∂L/∂ẑ", G, BLUE),
        ("− mean of g", np.full(4, -G.mean()), ORANGE),
        ("− ẑ · mean of g ẑ", -normal * (G * normal).mean(), GREEN),
        ("∂L/∂z: s times their sum", result, RED),
    ]
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    ax = figure.subplots()
    for at, (label, values, color) in enumerate(parts):
        places = np.arange(4) + (at - 1.5) * 0.2
        ax.bar(places, values, width=0.18, color=color, label=label)
        for place, value in zip(places, values, strict=True):
            ax.annotate(
                _number(value), (place, value), (0, 2 if value >= 0 else -2), textcoords="offset points", ha="center",
                va="bottom" if value >= 0 else "top", fontsize=7, rotation=90, color=color,
            )  # fmt: skip
    ax.axhline(0, color=GRAY, linewidth=0.8)
    ax.set_xticks(range(4), [f"z = {value:g}" for value in Z])
    ax.set(ylim=(-0.46, 0.58))
    figure.legend(fontsize=8, ncols=4, loc="outside upper center")
    _grid(ax)
    return figure


def running() -> Figure:
    """Plot each batch's mean and variance of one unit, and the running ones that follow them."""
    layer, generator = BatchNorm(np.ones(1)), np.random.default_rng(5)
    rows = []
    for _ in range(BATCHES):
        layer.forward(generator.normal(MEAN, VARIANCE**0.5, (BATCH, 1)))
        rows.append((layer.mean[0, 0], layer.variance[0, 0] * BATCH / (BATCH - 1), layer.running_mean[0], layer.running_var[0]))
    means, variances, running_means, running_variances = np.array(rows).T
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    for ax, title, of_batch, followed, start, true in zip(
        figure.subplots(1, 2), ("mean", "variance"), (means, variances), (running_means, running_variances), (0, 1), (MEAN, VARIANCE),
        strict=True,
    ):  # fmt: skip
        ax.axhline(true, color=GRAY, linewidth=1, linestyle="--", label="of all that may come")
        ax.plot(np.arange(1, BATCHES + 1), of_batch, "o", color=ORANGE, markersize=3, label="of each batch")
        ax.plot(np.arange(BATCHES + 1), [start, *followed], color=BLUE, linewidth=2, label="running")
        ax.set(title=title, xlabel="batches seen")
        _grid(ax)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), fontsize=8, ncols=3, loc="outside upper center")
    return figure


def _grid(ax: Axes) -> None:
    ax.grid(color="#e5e5e5")
    ax.set_axisbelow(True)


def write(folder: Path = FOLDER) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (kinds, terms, running):
        save(draw, folder / f"{draw.__name__}.svg")


if __name__ == "__main__":
    write()
