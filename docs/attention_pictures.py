"""The pictures of docs/attention.md, computed when they are drawn: the example, what √d is for, weights that were learned.

`python docs/attention_pictures.py` writes them into docs/_generated/attention/, as the build of the documentation does.
"""

from pathlib import Path

import numpy as np
from drawing import save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from manual import LOSSES, Adam, Linear, MultiheadAttention, PositionalEmbedding, Sequential
from manual.arrays import Array
from manual.networks import drawing
from manual.softmax import softmax, softmax_pullback

FOLDER = Path(__file__).parent / "_generated" / "attention"
BLUE, ORANGE, GREEN, RED, GRAY = "#3b82c4", "#d9822b", "#2f9e6e", "#d64545", "#666666"

Q = np.array([[1.0, 0], [1, 1], [2, 1]])
K = np.array([[1.0, 0], [0, 1], [1, 1]])
V = np.array([[1.0, 0], [0, 2], [2, 1]])
DO = np.array([1.0, -1])      # the error at the last output
PLACES, WORDS = 8, 6      # of the texts of which each place says the word before
STEPS = 0, 20, 100      # of that training, which are drawn


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _matrix(ax: Axes, values: Array, title: str, *, numbers: bool = True) -> None:
    """Draw weights as cells, filled the more the larger they are."""
    places = len(values)
    for (row, column), value in np.ndenumerate(values):
        ax.add_patch(Rectangle((column, -row - 1), 1, 1, facecolor=BLUE, alpha=0.85 * float(value), edgecolor="none"))
        ax.add_patch(Rectangle((column, -row - 1), 1, 1, facecolor="none", edgecolor=GRAY, linewidth=0.7))
        if numbers:
            ax.text(column + 0.5, -row - 0.5, _number(float(value)) if value else "0", ha="center", va="center", fontsize=10)
    for place in range(places):
        name = f"{place + 1}"
        ax.text(-0.15, -place - 0.5, name, ha="right", va="center", fontsize=9, color=GRAY)
        ax.text(place + 0.5, 0.1, name, ha="center", va="bottom", fontsize=9, color=GRAY)
    ax.text(places / 2, -places - 0.12 * places / 3, title, ha="center", va="top", fontsize=11)
    ax.set(xlim=(-0.2 * places, 1.05 * places), ylim=(-1.2 * places, 0.2 * places), aspect="equal")
    ax.set_axis_off()


def weights() -> Figure:
    """Draw the example's weights, without a mask and with the causal one."""
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    scores = Q @ K.T / 2**0.5
    for ax, mask, title in zip(figure.subplots(1, 2), (0, np.triu(np.full((3, 3), -np.inf), 1)), ("all seen", "causal"), strict=True):
        _matrix(ax, softmax(scores + mask), f"P, {title}")
        ax.text(-0.55, -1.5, "query", rotation=90, ha="center", va="center", fontsize=9, color=GRAY)
        ax.text(1.5, 0.45, "key", ha="center", va="bottom", fontsize=9, color=GRAY)
    return figure


def values() -> Figure:
    """Draw the example's values as points of the plane, their mean o, and where o moves as each score grows."""
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    ax = figure.subplots()
    p = softmax(Q[2] @ K.T / 2**0.5)
    o = p @ V
    corners = np.vstack([V, V[:1]])
    ax.plot(*corners.T, color=GRAY, linewidth=0.8, linestyle=":")
    for at, (value, weight, color) in enumerate(zip(V, p, (BLUE, ORANGE, GREEN), strict=True)):
        ax.plot(*value, "o", color=color, markersize=5 + 14 * weight)
        move = weight * (value - o)
        ax.annotate("", o + move, o, arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 2, "shrinkA": 0, "shrinkB": 0})
        text = f"v{'₁₂₃'[at]}: P = {_number(weight)}\n∂o/∂S = ({_number(move[0])}, {_number(move[1])})\n∂L/∂S = {_number(float(DO @ move))}"
        ax.annotate(text, value, (12, 0), textcoords="offset points", fontsize=9, color=color, va="bottom" if at == 1 else "center")
    ax.plot(*o, "o", color=RED, markersize=7, zorder=4)
    name = f"o = ({_number(o[0])}, {_number(o[1])})"
    ax.annotate(name, o, (-9, 0), textcoords="offset points", fontsize=9, color=RED, ha="right", va="center")
    end = o + 0.4 * DO
    ax.annotate("", end, o, arrowprops={"arrowstyle": "-|>", "color": RED, "linewidth": 1.6, "linestyle": "--", "shrinkA": 0, "shrinkB": 0})
    ax.text(end[0] + 0.05, end[1] - 0.02, "∂L/∂o", fontsize=9, color=RED, va="center")
    ax.set(xlim=(-0.2, 3.5), ylim=(-0.35, 2.5), aspect="equal")
    ax.grid(color="#e5e5e5")
    ax.set_axisbelow(True)
    return figure


def scale() -> Figure:
    """Plot, over the number of units d, the largest weight and the size of the error at the scores, with the division by √d and without."""
    generator, sizes = np.random.default_rng(0), 2 ** np.arange(11)
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for is_divided, color, label in ((True, BLUE, "S = q · k / √d"), (False, ORANGE, "S = q · k")):
        largest, errors = [], []
        for d in sizes:
            q, k = generator.normal(size=(400, 1, d)), generator.normal(size=(400, 16, d))
            p = softmax((q @ k.swapaxes(1, 2))[:, 0] / (d**0.5 if is_divided else 1))
            ds = softmax_pullback(generator.normal(size=p.shape), p)
            largest.append(p.max(axis=1).mean())
            errors.append(np.linalg.norm(ds, axis=1).mean())
        left.plot(sizes, largest, "o-", color=color, markersize=3, label=label)
        right.plot(sizes, errors, "o-", color=color, markersize=3)
    left.set(title="largest of 16 weights, mean", xlabel="d", xscale="log", ylim=(0, 1))
    right.set(title="size of ∂L/∂S, mean", xlabel="d", xscale="log")
    right.set_ylim(bottom=0)
    for ax in (left, right):
        ax.grid(color="#e5e5e5")
        ax.set_axisbelow(True)
    figure.legend(fontsize=8, ncols=2, loc="outside upper center")
    return figure


def learned() -> Figure:
    """Train attention by hand to say at each place what stood at the one before, and draw its weights as training goes on."""
    draw, generator, loss, optimizer = drawing(seed=1), np.random.default_rng(2), LOSSES["mse"], Adam(0.02)
    units = 16
    attention = MultiheadAttention(1, draw(3 * units, units), draw(3 * units), Linear(draw(units, units), draw(units)), causal=True)
    places, scores = PositionalEmbedding(draw(PLACES, units)), Linear(draw(WORDS, units), draw(WORDS))
    layers = Sequential(Linear(draw(units, WORDS)), places, attention, scores)
    figure = Figure(figsize=(7.2, 2.5), layout="constrained")
    axes = iter(figure.subplots(1, 3))
    for step in range(STEPS[-1] + 1):
        x = np.eye(WORDS)[generator.integers(WORDS, size=(32, PLACES))]      # (n, T, words)
        y = np.concatenate([x[:, :1], x[:, :-1]], axis=1)                    # the word before; at the first place its own
        output = layers.forward(x)
        if step in STEPS:
            _matrix(next(axes), attention.weights.mean(axis=(0, 1)), f"step {step}: loss {loss.value(output, y):.1g}", numbers=False)
        optimizer.step(layers, layers.gradients(loss.gradient(output, y)))
    return figure


def write(folder: Path = FOLDER) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (weights, values, scale, learned):
        save(draw, folder / f"{draw.__name__}.svg")


if __name__ == "__main__":
    write()
