"""The pictures of docs/convolution.md, computed when they are drawn: the windows of the example, the way back, the borders, the LeNet.

`python docs/convolution_pictures.py` writes them into docs/_generated/convolution/, as the build of the documentation does.
"""

from pathlib import Path

import numpy as np
from drawing import save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from compare.problem.networks import NETWORKS
from compare.sides.networks import network_sides
from manual import AvgPool2d, Conv2d, MaxPool2d
from manual.arrays import Array
from manual.windows import Windows

FOLDER = Path(__file__).parent / "_generated" / "convolution"
BLUE, ORANGE, GREEN, RED, GRAY = "#3b82c4", "#d9822b", "#2f9e6e", "#d64545", "#666666"
OF_WINDOW = (BLUE, ORANGE, GREEN, RED)      # of each of the example's four windows

X = np.array([[1.0, 2, 0], [0, 1, 3], [2, 1, 1]])
W = np.array([[0.5, -0.2], [0.1, 0.4]])
Y = np.array([[0.1, 2.1], [1.1, 0.1]])
EPOCHS = 4


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("-", "−")


def _axes(width: float, height: float, right: float, bottom: float, top: float) -> tuple[Figure, Axes]:
    """Return axes on which a cell of a grid is a square of size 1."""
    figure = Figure(figsize=(width, height), layout="constrained")
    ax = figure.subplots()
    ax.set(xlim=(-0.3, right), ylim=(bottom, top), aspect="equal")
    ax.set_axis_off()
    return figure, ax


def _grid(ax: Axes, left: float, top: float, values: Array, title: str, size: int = 10) -> None:
    """Draw numbers as a grid of cells, the first row at the top, with a title below it."""
    rows, columns = values.shape
    for (row, column), value in np.ndenumerate(values):
        ax.add_patch(Rectangle((left + column, top - row - 1), 1, 1, facecolor="none", edgecolor=GRAY, linewidth=0.9))
        ax.text(left + column + 0.5, top - row - 0.5, _number(float(value)), ha="center", va="center", fontsize=size)
    ax.text(left + columns / 2, top - rows - 0.2, title, ha="center", va="top", fontsize=10, color=GRAY)


def _fill(ax: Axes, left: float, top: float, row: float, column: float, color: str, alpha: float = 0.3) -> None:
    """Fill one cell of a grid that begins there."""
    ax.add_patch(Rectangle((left + column, top - row - 1), 1, 1, facecolor=color, alpha=alpha, edgecolor="none"))


def _frame(ax: Axes, left: float, top: float, row: float, column: float, color: str, size: float = 2, inset: float = 0.07) -> None:
    """Draw a square frame around cells of a grid."""
    corner = (left + column + inset, top - row - size + inset)
    ax.add_patch(Rectangle(corner, size - 2 * inset, size - 2 * inset, facecolor="none", edgecolor=color, linewidth=2, zorder=3))


def windows() -> Figure:
    """Draw the example's image with its four windows, which become the columns of a matrix, and the product with the kernel's row."""
    figure, ax = _axes(7.2, 2.0, 19.6, -3.2, 2.4)
    columns = Windows((2, 2)).of(X[None, None]).reshape(4, 4)
    _grid(ax, 0, 1.5, X, "image x")
    for at, (row, column) in enumerate(np.ndindex(2, 2)):
        _frame(ax, 0, 1.5, row, column, OF_WINDOW[at], inset=0.05 + 0.035 * at)
        _fill(ax, 15.4, 0.5, 0, at, OF_WINDOW[at])
        for place in range(4):
            _fill(ax, 10.2, 2, place, at, OF_WINDOW[at])
    ax.text(3.8, 0, "→", ha="center", va="center", fontsize=16)
    _grid(ax, 4.7, 0.5, W.reshape(1, 4), "W, as a row", size=9)
    ax.text(9.4, 0, "·", ha="center", va="center", fontsize=18)
    _grid(ax, 10.2, 2, columns, "X, a column for each window", size=9)
    ax.text(14.8, 0, "=", ha="center", va="center", fontsize=14)
    _grid(ax, 15.4, 0.5, W.reshape(1, 4) @ columns, "z, without bias", size=9)
    return figure


def back() -> Figure:
    """Draw how the middle of the image gets its error from all four windows, in each over another weight of the kernel."""
    figure, ax = _axes(7.2, 2.7, 17.2, -3.1, 3.4)
    layer = Conv2d(W[None, None], np.array([0.1]))
    delta = layer.forward(X[None, None])[0, 0] - Y
    layer.gradients(delta[None, None])
    error = layer.backward(delta[None, None])[0, 0]
    _grid(ax, 0, 1, delta, "δ")
    places = [(4.0, 3.1), (7.0, 3.1), (4.0, 0.1), (7.0, 0.1)]
    for at, ((row, column), (left, top)) in enumerate(zip(np.ndindex(2, 2), places, strict=True)):
        i, j = 1 - row, 1 - column      # the place of the kernel that meets the middle
        _fill(ax, 0, 1, row, column, OF_WINDOW[at])
        _fill(ax, left, top, i, j, OF_WINDOW[at], 0.45)
        _grid(ax, left, top, delta[row, column] * W, f"{_number(delta[row, column])} · W", size=9)
        _fill(ax, 12.5, 1.5, 1, 1, OF_WINDOW[at], 0.13)
    for at, (row, column) in enumerate(np.ndindex(2, 2)):
        _frame(ax, 12.5, 1.5, row, column, OF_WINDOW[at], inset=0.05 + 0.035 * at)
    ax.text(3.0, 0, "→", ha="center", va="center", fontsize=16)
    ax.text(10.7, 0, "add up\n→", ha="center", va="center", fontsize=11)
    _grid(ax, 12.5, 1.5, error, "∂L/∂x", size=8)
    return figure


def places() -> Figure:
    """Draw which places of an image of 5 × 5 the first windows of a 3 × 3 kernel see, with a stride, a border, and gaps."""
    settings = [("stride 1", 1, 0, 1), ("stride 2", 2, 0, 1), ("padding 1", 1, 1, 1), ("dilation 2", 1, 0, 2)]
    figure = Figure(figsize=(7.2, 2.15), layout="constrained")
    for ax, (title, stride, padding, dilation) in zip(figure.subplots(1, 4), settings, strict=True):
        ax.set(xlim=(-1.1, 6.1), ylim=(-7.3, 1.1), aspect="equal", title=title)
        ax.set_axis_off()
        count = (5 + 2 * padding - dilation * 2 - 1) // stride + 1
        for row, column in np.ndindex(5 + 2 * padding, 5 + 2 * padding):
            is_border = not (padding <= row < 5 + padding and padding <= column < 5 + padding)
            color, line = ("#bbbbbb", ":") if is_border else (GRAY, "-")
            corner = (column - padding, padding - row - 1)
            ax.add_patch(Rectangle(corner, 1, 1, facecolor="none", edgecolor=color, linestyle=line, linewidth=0.9))
        for color, start in ((ORANGE, stride), (BLUE, 0)):      # the first window, and the next to its right
            if start == 0 or count > 1:
                for i, j in np.ndindex(3, 3):
                    _fill(ax, -padding, padding, dilation * i, start + dilation * j, color, 0.45 if start == 0 else 0.3)
        ax.text(2.5, -6.3, f"{count} × {count} windows", ha="center", va="top", fontsize=9, color=GRAY)
    return figure


def pooling() -> Figure:
    """Draw two windows of 2 × 2, and the error at them by max pooling and by average pooling."""
    figure, ax = _axes(7.2, 1.4, 17.8, -2.1, 1.3)
    x = np.array([[0.6, 2.4, 0.5, 0.3], [0.1, 1.0, 0.2, 0.5]])
    error = np.array([[2.0, -1.0]])
    _grid(ax, 0, 1, x, "image x")
    _grid(ax, 5.2, 0.5, error, "∂L/∂y")
    for left, layer, title in ((9.1, MaxPool2d(2), "∂L/∂x, max"), (13.5, AvgPool2d(2), "∂L/∂x, average")):
        layer.forward(x[None, None])
        found = layer.backward(error[None, None])[0, 0]
        for (row, column), value in np.ndenumerate(found):
            if value:
                _fill(ax, left, 1, row, column, BLUE if column < 2 else ORANGE)
        _grid(ax, left, 1, found, title, size=8)
    for left in (0, 9.1, 13.5):
        _frame(ax, left, 1, 0, 0, BLUE)
        _frame(ax, left, 1, 0, 2, ORANGE)
    for column, color in enumerate((BLUE, ORANGE)):
        _fill(ax, 5.2, 0.5, 0, column, color)
    ax.text(8.1, 0, "→", ha="center", va="center", fontsize=16)
    return figure


def kernels() -> Figure:
    """Train the LeNet by hand, and draw its first eight kernels, and what they make of one digit before and after its relu."""
    row = NETWORKS["lenet"]
    records = row.read(None, 21)
    by_hand, problem = network_sides(
        "lenet", records, epochs=EPOCHS, batch_size=row.batch_size, optimizer=row.optimizer, optimizer_options={}, lr=row.lr
    )
    by_hand.load_state_dict(problem.initial_parameters)
    for batch in problem.batches:
        by_hand.step(*batch)
    digit = records.test[0][:1]
    convolution, relu = by_hand.layer.children()["0"], by_hand.layer.children()["1"]
    outputs = relu.forward(convolution.forward(digit))[0]
    weight = convolution.parameters()["weight"][:, 0]
    figure = Figure(figsize=(7.2, 2.3), layout="constrained")
    axes = figure.subplots(2, 9, squeeze=False)
    axes[0, 0].imshow(digit[0, 0], cmap="gray_r")
    axes[0, 0].set_title("digit", fontsize=9)
    for at in range(8):
        largest = np.abs(weight).max()
        axes[0, at + 1].imshow(weight[at], cmap="RdBu_r", vmin=-largest, vmax=largest)
        axes[1, at + 1].imshow(outputs[at], cmap="gray_r", vmin=0, vmax=outputs.max())
        axes[0, at + 1].set_title(f"W[{at}]", fontsize=9)
    axes[1, 1].set_ylabel("relu(z)", fontsize=9)
    axes[0, 1].set_ylabel("kernel", fontsize=9)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    axes[1, 0].set_axis_off()
    return figure


def write(folder: Path = FOLDER) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (windows, back, places, pooling, kernels):
        save(draw, folder / f"{draw.__name__}.svg")


if __name__ == "__main__":
    write()
