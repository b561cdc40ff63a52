"""The pictures of docs/residuals.md, computed when they are drawn: the paths back, the errors in depth, deep networks in training.

`python docs/residuals_pictures.py` writes them into docs/_generated/residuals/, as the build of the documentation does.
"""

from dataclasses import dataclass
from itertools import combinations
from math import prod
from pathlib import Path

import numpy as np
from drawing import save
from matplotlib.figure import Figure

from data import load_digits
from manual import ACTIVATIONS, LOSSES, SGD, Activate, Layer, LayerNorm, Linear, Residual, Sequential
from manual.arrays import Array, Targets
from manual.networks import drawing

FOLDER = Path(__file__).parent / "_generated" / "residuals"
BLUE, ORANGE, GREEN, RED, GRAY = "#3b82c4", "#d9822b", "#2f9e6e", "#d64545", "#666666"

START, WEIGHTS = 0.8, (0.5, -0.7, 0.6)      # the example
LAYERS, UNITS, RECORDS, STEPS, LR = 30, 32, 64, 300, 0.02


@dataclass(frozen=True)
class Kind:
    """What the layers of a deep network are: weights times a factor, a norm in front of tanh or of the whole block, a residual."""

    label: str
    color: str
    factor: float = 1.0
    has_norm: bool = False
    is_residual: bool = False


KINDS = (
    Kind("plain, weights × 0.7", BLUE, factor=0.7),
    Kind("plain, weights × 2.5", RED, factor=2.5),
    Kind("with a layer norm", ORANGE, has_norm=True),
    Kind("residual", GRAY, is_residual=True),
    Kind("residual with a layer norm", GREEN, has_norm=True, is_residual=True),
)


def _slopes() -> list[float]:
    """Return f′ of each of the example's residual layers."""
    a, slopes = START, []
    for w in WEIGHTS:
        f = np.tanh(w * a)
        slopes.append(float(w * (1 - f * f)))
        a += f
    return slopes


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def paths() -> Figure:
    """Draw the example's three residual layers, and what each of the eight ways through them contributes to the slope."""
    slopes = _slopes()
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=(2, 3))
    for place, slope in enumerate(slopes):
        x = 2.6 * place
        curve = {"arrowstyle": "-|>", "color": RED, "linewidth": 1.8, "shrinkB": 9}
        upper.annotate("", (x + 2, 0), (x, 0), arrowprops={"arrowstyle": "-|>", "color": GREEN, "linewidth": 1.8, "shrinkB": 9})
        upper.annotate("", (x + 2, 0), (x, 0), arrowprops={**curve, "connectionstyle": "arc3,rad=-0.45"})
        upper.plot([x + 2], [0], "o", markersize=17, markerfacecolor="white", markeredgecolor=GRAY, zorder=3)
        upper.text(x + 2, -0.02, "+", ha="center", va="center", fontsize=13, zorder=4)
        upper.text(x + 1, -0.1, "1", ha="center", va="top", fontsize=10, color=GREEN)
        upper.text(x + 1, 0.4, f"f{'₁₂₃'[place]}:  f′ = {_number(slope)}", ha="center", fontsize=10, color=RED)
        upper.plot([x + 2.2, x + 2.6], [0, 0], color=GRAY, linewidth=1.2)
        upper.text(x + 2.42, 0.06, "y" if place == 2 else f"a{'₁₂'[place]}", ha="center", fontsize=10)
    upper.text(-0.12, 0, "a₀", ha="right", va="center", fontsize=10)
    upper.set(xlim=(-0.5, 8), ylim=(-0.3, 0.55))
    upper.set_axis_off()
    ways = [each for size in range(4) for each in combinations(range(3), size)]
    values = [prod(slopes[place] for place in way) for way in ways]
    names = ["1" if not way else " · ".join(f"f′{'₁₂₃'[place]}" for place in way) for way in ways]
    colors = [GREEN] + [GRAY] * 6 + [RED]
    values.append(sum(values))
    lower.bar(range(9), values, 0.65, color=[*colors, BLUE])
    for x, value in enumerate(values):
        off, side = (0.04, "bottom") if value > 0 else (-0.04, "top")
        lower.text(x, value + off, _number(value), ha="center", va=side, fontsize=8)
    lower.axhline(0, color=GRAY, linewidth=0.8)
    lower.set(xticks=range(9), ylim=(-0.6, 1.65), ylabel="slope of y")
    lower.set_xticklabels([*names, "all eight"], fontsize=7.5)
    return figure


def _network(kind: Kind) -> tuple[Sequential, list[Layer]]:
    """Return a network for digits, and its blocks."""
    draw = drawing(0)

    def block() -> Layer:
        linear, tanh = Linear(kind.factor * draw(UNITS, UNITS), draw(UNITS)), Activate(ACTIVATIONS["tanh"])
        norm = [LayerNorm(np.ones(UNITS), np.zeros(UNITS))] if kind.has_norm else []
        return Residual(Sequential(*norm, linear, tanh)) if kind.is_residual else Sequential(linear, *norm, tanh)

    blocks = [block() for _ in range(LAYERS)]
    return Sequential(Linear(draw(UNITS, 64), draw(UNITS)), *blocks, Linear(draw(10, UNITS), draw(10))), blocks


def _size(array: Array) -> float:
    return float(np.sqrt(np.mean(array * array)))


def _sizes(blocks: list[Layer], a: Array, error: Array) -> tuple[list[float], list[float]]:
    """Return the sizes of a before the first block and after each, and of ∂L/∂a at the same places."""
    forward, back = [_size(a)], [_size(error)]
    for block in blocks:
        a = block.forward(a)
        forward.append(_size(a))
    for block in reversed(blocks):
        block.gradients(error)
        error = block.backward(error)
        back.append(_size(error))
    return forward, back[::-1]


def _digits() -> tuple[Array, Targets]:
    digits = load_digits()
    return digits.images.reshape(len(digits.images), -1), digits.digits


def depth() -> Figure:
    """Plot how large the activations and the errors are at each layer of deep networks before training."""
    x, y = _digits()
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    for kind in KINDS:
        network, blocks = _network(kind)
        output, a = network.forward(x[:RECORDS]), network.layers[0].forward(x[:RECORDS])
        error = LOSSES["cross_entropy"].gradient(output, y[:RECORDS])
        for ax, sizes in zip((left, right), _sizes(blocks, a, network.layers[-1].backward(error)), strict=True):
            ax.semilogy(np.array(sizes) / (1 if ax is left else sizes[-1]), ".-", color=kind.color, markersize=4, label=kind.label)
    left.set(xlabel="layer")
    left.set_title("size of a, forward", fontsize=11)
    right.set(xlabel="layer")
    right.set_title("size of ∂L/∂a, as a multiple of the last", fontsize=11)
    for ax in (left, right):
        ax.grid(color="#e5e5e5")
        ax.minorticks_off()
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def trained() -> Figure:
    """Plot the loss of the same networks in training."""
    x, y = _digits()
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    ax = figure.subplots()
    for kind in KINDS:
        means = np.array(_losses(_network(kind)[0], x, y)).reshape(-1, 10).mean(axis=1)      # of ten steps each
        ax.plot(np.arange(5, STEPS, 10), means, color=kind.color, linewidth=2, label=f"{kind.label}: {means[-1]:.2f} at last")
    ax.axhline(np.log(10), color=GRAY, linewidth=0.8, linestyle="--")
    ax.text(STEPS, np.log(10) + 0.05, "guessing: ln 10", ha="right", fontsize=8, color=GRAY)
    ax.set(xlabel="step", ylabel="loss", ylim=(0, 3.2))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    ax.grid(color="#e5e5e5")
    return figure


def _losses(network: Sequential, x: Array, y: Targets) -> list[float]:
    """Train it on drawn records, and return the loss of each step."""
    loss, optimizer, generator, values = LOSSES["cross_entropy"], SGD(LR), np.random.default_rng(1), []
    for _ in range(STEPS):
        records = generator.integers(len(x), size=RECORDS)
        output = network.forward(x[records])
        values.append(float(loss.value(output, y[records])))
        optimizer.step(network, network.gradients(loss.gradient(output, y[records])))
    return values


def write(folder: Path = FOLDER) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (paths, depth, trained):
        save(draw, folder / f"{draw.__name__}.svg")


if __name__ == "__main__":
    write()
