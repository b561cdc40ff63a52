"""The pictures of docs/embedding.md, computed when they are drawn: rows looked up and added up, p − y, large scores, a map of letters.

`python docs/embedding_pictures.py` writes them into docs/_generated/embedding/, as the build of the documentation does.
"""

import re
from pathlib import Path

import numpy as np
from drawing import save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from data import ALICE_TXT
from manual import LOSSES, Adam, Embedding, Linear, Sequential
from manual.arrays import Array
from manual.softmax import log_softmax, softmax

FOLDER = Path(__file__).parent / "_generated" / "embedding"
BLUE, ORANGE, GREEN, RED, GRAY = "#3b82c4", "#d9822b", "#2f9e6e", "#d64545", "#666666"

WORDS = ("the", "cat", "dog")
X, Y = np.array([0, 1, 0]), np.array([1, 0, 2])
W = np.array([[0.5, -0.2], [-0.4, 0.6], [0.3, 0.1]])
V = np.array([[-0.6, 0.7], [0.4, -0.5], [0.2, 0.1]])
LETTERS, VOWELS = " abcdefghijklmnopqrstuvwxyz", "aeiou"
STEPS = 150
WIDTH = 1.75      # of a cell


def _number(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _row(ax: Axes, x: float, y: float, values: Array, digits: int, color: str) -> None:
    """Draw a row of cells with their numbers; x is its left end, y its middle."""
    for place, value in enumerate(values):
        left = x + place * WIDTH
        ax.add_patch(Rectangle((left, y - 0.3), WIDTH, 0.6, facecolor="white", edgecolor=color, linewidth=1.3))
        ax.text(left + WIDTH / 2, y, _number(value, digits), ha="center", va="center", fontsize=9)


def _panel(ax: Axes, table: Array, places: Array, digits: int, color: str, titles: tuple[str, str], back: bool) -> None:
    """Draw the table's rows at the left, the text's places at the right, and an arrow between each place and its word's row."""
    wide, at = 2 * WIDTH, 2 * WIDTH + 1.4
    for word, values in enumerate(table):
        _row(ax, 0, 2 - word, values, digits, GRAY)
        ax.text(-0.2, 2 - word, WORDS[word], ha="right", va="center", fontsize=10)
    for place, values in enumerate(places):
        _row(ax, at, 2 - place, values, digits, color)
        ax.text(at + wide + 0.2, 2 - place, WORDS[X[place]], ha="left", va="center", fontsize=10)
        ends = (wide + 0.08, 2 - X[place]), (at - 0.08, 2 - place)
        head, tail = ends if back else ends[::-1]
        ax.annotate("", head, tail, arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.8})
    for x, title in zip((WIDTH, at + WIDTH), titles, strict=True):
        ax.text(x, 2.75, title, ha="center", fontsize=11)
    ax.set(xlim=(-0.9, at + wide + 0.9), ylim=(-0.6, 3.1))
    ax.set_axis_off()


def lookup() -> Figure:
    """Draw how rows are copied to the places of their words, and how the errors of these places are added up in the rows."""
    p = softmax(W[X] @ V.T)
    error = (p - np.eye(3)[Y]) / 3 @ V
    gradient = np.zeros_like(W)
    np.add.at(gradient, X, error)
    figure = Figure(figsize=(7.2, 2.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _panel(left, W, W[X], 1, BLUE, ("table W", "e = W[t]"), back=False)
    _panel(right, gradient, error, 4, RED, ("∂L/∂W", "∂L/∂e"), back=True)
    return figure


def pull() -> Figure:
    """Plot p beside y for each record of the example, and below it p − y."""
    p, y = softmax(W[X] @ V.T), np.eye(3)[Y]
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True, sharey="row")
    at = np.arange(3)
    for place, (upper, lower) in enumerate(axes.T):
        upper.bar(at, p[place], 0.6, color=BLUE, label="p")
        upper.bar(at, y[place], 0.75, facecolor="none", edgecolor=GRAY, linewidth=1.5, label="y")
        delta = p[place] - y[place]
        lower.bar(at, delta, 0.6, color=[RED if each > 0 else GREEN for each in delta])
        for x, value in zip(at, delta, strict=True):
            off, side = (0.06, "bottom") if value > 0 else (-0.06, "top")
            lower.text(x, value + off, _number(value, 3), ha="center", va=side, fontsize=8)
        lower.axhline(0, color=GRAY, linewidth=0.8)
        upper.set_title(f"{WORDS[X[place]]} → {WORDS[Y[place]]}:  −ln p = {_number(-np.log(p[place, Y[place]]), 3)}", fontsize=10)
    axes[0, 0].set(ylim=(0, 1.08))
    axes[1, 0].set(ylim=(-0.95, 0.75), xticks=at, xticklabels=WORDS)
    axes[1, 0].set_ylabel("p − y")
    axes[0, 0].legend(fontsize=8)
    return figure


def large() -> Figure:
    """Plot the loss of a right class whose score is far behind, in float32: by p itself, and by the logarithm of the sum."""
    behind = np.linspace(0, 130, 521, dtype=np.float32)
    z = np.stack([behind, np.zeros_like(behind)], axis=1)      # the right class is the second
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        plain = -np.log((np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))[:, 1])
        by_p = -np.log(softmax(z)[:, 1])
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    ax = figure.subplots()
    for values, color, width, style, label in (
        (-log_softmax(z)[:, 1], GREEN, 2, "-", "log_softmax"),
        (by_p, ORANGE, 3.5, "-", "−ln of softmax, the largest score subtracted"),
        (plain, RED, 2, "--", "−ln of softmax as it is defined"),
    ):
        ax.plot(behind, values, style, color=color, linewidth=width, label=label, zorder=3 if color == GREEN else 2)
        if (last := np.isfinite(values).sum()) < len(values):
            ax.plot(behind[last - 1], values[last - 1], "x", color=color, markersize=10, markeredgewidth=2.5)
            ax.annotate("∞ from here", (behind[last - 1], values[last - 1]), (8, -16), textcoords="offset points", fontsize=9, color=color)
    ax.set(xlabel="by how much the right class's score is behind", ylabel="loss in float32")
    ax.legend(fontsize=9, loc="upper left")
    ax.grid(color="#e5e5e5")
    return figure


def letters() -> Figure:
    """Plot the two numbers of each letter's row before training and after it: which letter comes next is predicted from them."""
    text = re.sub(r"[^a-z]+", " ", ALICE_TXT.read_text(encoding="utf-8").lower())
    t = np.array([LETTERS.index(letter) for letter in text])
    generator = np.random.default_rng(0)
    table, scores = Embedding(generator.normal(size=(27, 2)) / 2), Linear(generator.normal(size=(27, 2)) / 2, np.zeros(27))
    network, optimizer, loss = Sequential(table, scores), Adam(0.1), LOSSES["cross_entropy"]
    figure = Figure(figsize=(7.2, 3.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    _map(left, table.weight, f"before: loss {loss.value(network.forward(t[:-1]), t[1:]):.2f}")
    for _ in range(STEPS):
        optimizer.step(network, network.gradients(loss.gradient(network.forward(t[:-1]), t[1:])))
    _map(right, table.weight, f"after {STEPS} steps: loss {loss.value(network.forward(t[:-1]), t[1:]):.2f}")
    return figure


def _map(ax: Axes, table: Array, title: str) -> None:
    """Write each letter at the place that its row names, vowels in another colour."""
    for letter, (x, y) in zip(LETTERS, table, strict=True):
        color, shown = (RED, letter) if letter in VOWELS else (GRAY if letter == " " else BLUE, letter.replace(" ", "space"))
        ax.text(x, y, shown, ha="center", va="center", fontsize=11, color=color, fontweight="bold" if letter in VOWELS else "normal")
    low, high = table.min(axis=0), table.max(axis=0)
    ax.set(title=title, xlim=(low[0] - 0.4, high[0] + 0.4), ylim=(low[1] - 0.4, high[1] + 0.4))
    ax.grid(color="#e5e5e5")


def write(folder: Path = FOLDER) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (lookup, pull, large, letters):
        save(draw, folder / f"{draw.__name__}.svg")


if __name__ == "__main__":
    write()
