"""The pictures of docs/backpropagation.md, computed when they are drawn: the worked example, its slopes, its backward pass, the training.

`python docs/backpropagation_pictures.py` writes them into docs/_generated/backpropagation/, as the build of the documentation does.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from drawing import save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from compare import lesson_problem
from compare.lockstep.training import train
from compare.problem.lesson import EPOCHS, example_problem
from compare.report.plots import plot_differences, plot_loss

FOLDER = Path(__file__).parent / "_generated" / "backpropagation"
BLUE, ORANGE, GREEN, RED, GRAY = "#3b82c4", "#d9822b", "#2f9e6e", "#d64545", "#666666"

Place = tuple[float, float]
INPUTS: list[Place] = [(0, 2), (0, 1), (0, 0)]
HIDDEN: list[Place] = [(2, 1.6), (2, 0.4)]
OUTPUT: Place = (4, 1)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _example() -> SimpleNamespace:
    """Return every number of the worked example, for its one record."""
    problem = example_problem()
    (x,), ((y,),) = problem.batch(1)[:2]
    w1, w2 = problem.initial_parameters["0.weight"], problem.initial_parameters["2.weight"]
    z1 = w1 @ x
    a1 = _sigmoid(z1)
    z2 = w2 @ a1
    output = _sigmoid(z2)
    delta2 = (output - y) * output * (1 - output)
    error1 = delta2 @ w2
    return SimpleNamespace(
        x=x, y=y, w1=w1, w2=w2, z1=z1, a1=a1, z2=z2, output=output, delta2=delta2, error1=error1, delta1=error1 * a1 * (1 - a1)
    )


def _number(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _units(ax: Axes) -> None:
    """Draw the network's units as circles with their names."""
    for n, places in enumerate((INPUTS, HIDDEN, [OUTPUT])):
        ax.scatter(*zip(*places, strict=True), s=1300, color="white", edgecolors=(GRAY, BLUE, ORANGE)[n], linewidths=2, zorder=3)
    labels = [(place, f"x{sub}") for place, sub in zip(INPUTS, "₁₂₃", strict=True)]
    labels += [(place, f"a{sub}") for place, sub in zip(HIDDEN, "₁₂", strict=True)] + [(OUTPUT, "ŷ")]
    for (x, y), label in labels:
        ax.text(x, y, label, ha="center", va="center", fontsize=13, zorder=4)
    ax.set_xlim(-0.9, 5.3)
    ax.set_ylim(-0.65, 2.5)
    ax.set_axis_off()


def _arrow(ax: Axes, start: Place, end: Place, color: str, width: float = 1.3) -> None:
    style = {"arrowstyle": "-|>", "color": color, "linewidth": width, "shrinkA": 19, "shrinkB": 20}
    ax.annotate("", end, start, arrowprops=style, zorder=2)


def _label(ax: Axes, start: Place, end: Place, text: str, at: float, color: str = "black") -> None:
    """Write a text on the line between two units, at the share `at` of the way from the first."""
    x, y = (a + (b - a) * at for a, b in zip(start, end, strict=True))
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    ax.text(x, y, text, ha="center", va="center", fontsize=9, color=color, zorder=4, bbox=box)


def network() -> Figure:
    """Draw the worked example: the network with its weights, the record that goes in, and the output."""
    e = _example()
    figure, ax = _axes(7.2, 3.2)
    _units(ax)
    for j, start in enumerate(INPUTS):
        for i, end in enumerate(HIDDEN):
            _arrow(ax, start, end, GRAY)
            _label(ax, start, end, _number(e.w1[i, j], 1), 0.25)
        ax.text(start[0] - 0.35, start[1], _number(e.x[j], 1), ha="right", va="center", fontsize=10)
    for i, start in enumerate(HIDDEN):
        _arrow(ax, start, OUTPUT, GRAY)
        _label(ax, start, OUTPUT, _number(e.w2[0, i], 1), 0.45)
        ax.text(start[0], start[1] + (0.36 if i == 0 else -0.36), _number(e.a1[i]), ha="center", va="center", fontsize=10, color=BLUE)
    ax.text(OUTPUT[0] + 0.35, OUTPUT[1] + 0.13, _number(e.output[0]), ha="left", va="center", fontsize=10, color=ORANGE)
    ax.text(OUTPUT[0] + 0.35, OUTPUT[1] - 0.15, f"target {_number(e.y, 1)}", ha="left", va="center", fontsize=10)
    for x, name in ((0, "input"), (2, "hidden"), (4, "output")):
        ax.text(x, -0.55, name, ha="center", fontsize=10, color=GRAY)
    return figure


def back() -> Figure:
    """Draw the same network in the backward pass: each unit's error term, and the weights along which it came."""
    e = _example()
    figure, ax = _axes(7.2, 3.2)
    _units(ax)
    for i, place in enumerate(HIDDEN):
        for start in INPUTS:
            ax.plot(*zip(start, place, strict=True), color="#cccccc", linewidth=1, zorder=1)
        _arrow(ax, OUTPUT, place, RED, 2.2)
        factor = _number(e.w2[0, i], 1) if e.w2[0, i] >= 0 else f"({_number(e.w2[0, i], 1)})"
        _label(ax, OUTPUT, place, f"δ · {factor} = {_number(e.error1[i])}", 0.5, RED)
        y, side = (place[1] + 0.33, "bottom") if i == 0 else (place[1] - 0.33, "top")
        text = f"· f′ = {_number(e.a1[i] * (1 - e.a1[i]))}\nδ{'₁₂'[i]} = {_number(e.delta1[i], 5)}"
        ax.text(place[0], y, text, ha="center", va=side, fontsize=9, color=BLUE)
    ax.annotate("", (4.28, 1), (5.2, 1), arrowprops={"arrowstyle": "-|>", "color": RED, "linewidth": 2.2}, zorder=2)
    ax.text(4.3, 1.5, f"∂L/∂ŷ = {_number(e.output[0] - e.y)}", ha="center", fontsize=9, color=RED)
    text = f"· f′ = {_number(e.output[0] * (1 - e.output[0]))}\nδ = {_number(e.delta2[0], 5)}"
    ax.text(4.3, 0.55, text, ha="center", va="top", fontsize=9, color=ORANGE)
    return figure


def sigmoid() -> Figure:
    """Plot σ and its slope, with the example's three units on them."""
    e = _example()
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    z = np.linspace(-6, 6, 241)
    a = _sigmoid(z)
    left.plot(z, a, color=BLUE, linewidth=2)
    right.plot(z, a * (1 - a), color=GREEN, linewidth=2)
    for name, at, color in (("z₁", e.z1[0], BLUE), ("z₂", e.z1[1], BLUE), ("z", e.z2[0], ORANGE)):
        value = _sigmoid(at)
        offset = {"z₁": (14, -4), "z₂": (-16, -2), "z": (10, -16)}[name]
        left.annotate(name, (at, value), offset, textcoords="offset points", fontsize=10, color=color, ha="center")
        for ax, height in ((left, value), (right, value * (1 - value))):
            ax.plot([at], [height], "o", color=color, markersize=6)
    left.set(title="σ(z) = 1 / (1 + e⁻ᶻ)", xlabel="z", ylim=(-0.05, 1.05))
    right.set(title="its slope σ′(z) = σ(z) (1 − σ(z))", xlabel="z", ylim=(0, 0.28))
    for ax in (left, right):
        ax.grid(color="#e5e5e5")
    return figure


def slope() -> Figure:
    """Plot the example's loss as one weight varies and the others stay, with the tangent at the weight's value."""
    e = _example()
    at = e.w2[0, 0]
    figure, ax = _axes(7.2, 2.9)
    w = np.linspace(-4, 6, 201)
    loss = (e.y - _sigmoid(w * e.a1[0] + e.w2[0, 1] * e.a1[1])) ** 2 / 2
    now = (e.y - e.output[0]) ** 2 / 2
    gradient = e.delta2[0] * e.a1[0]
    ax.plot(w, loss, color=BLUE, linewidth=2)
    near = np.array([at - 0.9, at + 0.9])
    ax.plot(near, now + gradient * (near - at), color=RED, linewidth=2)
    ax.plot([at], [now], "o", color=RED, markersize=7)
    ax.annotate(
        f"w = {_number(at, 1)}: the slope is {_number(gradient)}\nso a larger w makes the loss smaller",
        (at, now), (-0.6, 0.09), fontsize=10, color=RED, arrowprops={"arrowstyle": "-", "color": RED},
    )  # fmt: skip
    ax.set(xlabel="weight from the first hidden unit to the output", ylabel="loss L")
    ax.grid(color="#e5e5e5")
    return figure


def shapes() -> Figure:
    """Draw a gradient for many records as a product of matrices: δᵀ a, a sum over the records."""
    figure, ax = _axes(7.2, 2.2)
    n, fan_in, fan_out = 5, 3, 2

    def matrix(x: float, rows: int, columns: int, color: str, title: str, shape: str, across: bool) -> None:
        """Draw a grid of cells, with one record's cells filled."""
        top = rows / 2
        for row in range(rows):
            for column in range(columns):
                is_one = (column if across else row) == 1 and n in (rows, columns)
                filling = {"facecolor": color, "alpha": 0.55} if is_one else {"facecolor": "white"}
                ax.add_patch(Rectangle((x + column, top - row - 1), 1, 1, edgecolor=GRAY, **filling))
        ax.text(x + columns / 2, 2.8, title, ha="center", fontsize=12)
        ax.text(x + columns / 2, -3.3, shape, ha="center", fontsize=10, color=GRAY)

    matrix(0, fan_out, n, RED, "δᵀ", "(out, n)", True)
    matrix(6.2, n, fan_in, BLUE, "a", "(n, in)", False)
    ax.text(10.1, 0, "=", ha="center", va="center", fontsize=16)
    matrix(11, fan_out, fan_in, GREEN, "∂L/∂W", "(out, in)", False)
    text = "one record's share is its column of δᵀ\ntimes its row of a; the product adds\nup the shares of all n records"
    ax.text(14.6, 0, text, va="center", fontsize=10)
    ax.set_xlim(-0.3, 23.5)
    ax.set_ylim(-3.8, 3.6)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return figure


def trained() -> Figure:
    """Plot every fifth step of the lesson's training: the loss of both sides, and the difference of their weight deltas."""
    figure = Figure(figsize=(7.2, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1)
    comparison = train(lesson_problem(), epochs=EPOCHS, keep=range(1, EPOCHS + 1, 5)).comparison
    plot_loss(comparison, upper)
    plot_differences(comparison, lower)
    return figure


def trap() -> Figure:
    """Plot what the lesson prints as its training loss, beside the true mean squared error."""
    training = train(lesson_problem(), epochs=EPOCHS, every=10)
    figure, ax = _axes(7.2, 2.8)
    ax.plot(training.epochs, training.manual.mse, color=GREEN, linewidth=2, label="mean squared error of the training records")
    ax.plot(training.epochs, training.manual.lesson_loss, color=RED, linewidth=2, linestyle="--", label="what the lesson prints")
    ax.set(xlabel="epoch")
    ax.legend(fontsize=9)
    ax.grid(color="#e5e5e5")
    return figure


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def write(folder: Path = FOLDER) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (network, sigmoid, slope, back, shapes, trained, trap):
        save(draw, folder / f"{draw.__name__}.svg")


if __name__ == "__main__":
    write()
