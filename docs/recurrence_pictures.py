"""The pictures of docs/recurrence.md, computed when they are drawn: the example's steps, how an error fades, what is remembered.

`python docs/recurrence_pictures.py` writes them into docs/_generated/recurrence/, as the build of the documentation does.
"""

from pathlib import Path

import numpy as np
from drawing import save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from manual import GRU, LOSSES, LSTM, RNN, Adam, Linear, Sequential
from manual.arrays import Array
from manual.recurrence import Recurrent

FOLDER = Path(__file__).parent / "_generated" / "recurrence"
BLUE, ORANGE, GREEN, RED, GRAY = "#3b82c4", "#d9822b", "#2f9e6e", "#d64545", "#666666"

X, W, U, Y = (1.0, 0.5, -1.0), 0.6, 0.8, 0.4      # the example
UNITS, STEPS = 16, 40      # of the layers whose errors are measured
REMEMBERED = 20      # steps ago


def _number(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def steps() -> Figure:
    """Draw the example's three steps side by side, with what goes forward and what comes back."""
    states, slopes, deltas, errors = [0.0], [], [0.0] * 3, [0.0] * 4
    for x in X:
        states.append(float(np.tanh(W * x + U * states[-1])))
        slopes.append(1 - states[-1] ** 2)
    errors[3] = states[3] - Y
    for t in (2, 1, 0):
        deltas[t] = errors[t + 1] * slopes[t]
        errors[t] = deltas[t] * U
    figure = Figure(figsize=(7.2, 2.5), layout="constrained")
    ax = figure.subplots()
    ax.set(xlim=(-1.6, 12.6), ylim=(-2.8, 2.2), aspect="equal")
    ax.set_axis_off()
    for t, x in enumerate(X):
        at = 4.2 * t
        ax.add_patch(Circle((at, 0), 0.8, facecolor="none", edgecolor=BLUE, linewidth=1.8))
        ax.text(at, 0, f"h{'₁₂₃'[t]}\n{_number(states[t + 1])}", ha="center", va="center", fontsize=9)
        _arrow(ax, (at, -2.1), (at, -0.85), GRAY)
        ax.text(at, -2.2, f"x{'₁₂₃'[t]} = {_number(x, 1)}", ha="center", va="top", fontsize=9, color=GRAY)
        ax.text(at + 0.15, -1.5, f"w = {W}", fontsize=8, color=GRAY, va="center")
        ax.text(at, 1.0, f"∂L/∂h = {_number(errors[t + 1])}\nδ = {_number(deltas[t])}", ha="center", va="bottom", fontsize=9, color=RED)
        if t:
            _arrow(ax, (at - 3.35, 0.25), (at - 0.85, 0.25), BLUE)
            ax.text(at - 2.1, 0.35, f"u = {U}", ha="center", va="bottom", fontsize=8, color=BLUE)
            _arrow(ax, (at - 0.85, -0.25), (at - 3.35, -0.25), RED)
            ax.text(at - 2.1, -0.4, f"δ · u = {_number(errors[t])}", ha="center", va="top", fontsize=8, color=RED)
    _arrow(ax, (9.25, 0.25), (11.1, 0.25), BLUE)
    ax.text(11.2, 0.25, f"y = {Y}", va="center", fontsize=9)
    _arrow(ax, (11.1, -0.25), (9.25, -0.25), RED)
    return figure


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
    arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=arrow)


def layer(kind: type[Recurrent], seed: int, n_in: int, *, scale: float = 1, gate: float = 0) -> Recurrent:
    """Return a layer with weights drawn as PyTorch does, those of the state times `scale`, and `gate` added to the second gate's bias."""
    generator, rows = np.random.default_rng(seed), kind.gates * UNITS

    def draw(*shape: int) -> Array:
        drawn: Array = generator.uniform(-1, 1, size=shape) / UNITS**0.5
        return drawn

    bias = draw(rows)
    bias[UNITS : 2 * UNITS] += gate      # f of an LSTM, z of a GRU
    return kind(draw(rows, n_in), scale * draw(rows, UNITS), bias, draw(rows), last=True)


def by_age(kind: type[Recurrent], *, scale: float = 1, gate: float = 0) -> Array:
    """Return the size of the error at the inputs 0, 1, 2 … steps before the last, as a share of that at the last: the mean of 20 layers."""
    shares = []
    for seed in range(20):
        drawn, generator = layer(kind, seed, 4, scale=scale, gate=gate), np.random.default_rng((seed, 1))
        state = drawn.forward(generator.normal(size=(8, STEPS + 1, 4)))
        error = generator.normal(size=state.shape)
        drawn.gradients(error)
        sizes = np.linalg.norm(drawn.backward(error), axis=(0, 2))[::-1]
        shares.append(np.log(sizes / sizes[0]))
    mean: Array = np.exp(np.mean(shares, axis=0))
    return mean


def lasting() -> Figure:
    """Plot how the error fades over the steps back: of an RNN by the size of its weights, and of gates by how open they are."""
    figure = Figure(figsize=(7.2, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for factor, color in ((1, BLUE), (2, GREEN), (3, RED)):
        left.plot(by_age(RNN, scale=factor), color=color, label=f"RNN, W_hh × {factor}")
    right.plot(by_age(RNN), color=BLUE, linestyle=":", label="RNN")
    for gate, color in ((0, ORANGE), (2, GREEN), (4, RED)):
        f = 1 / (1 + np.exp(-gate))
        right.plot(by_age(LSTM, gate=gate), color=color, label=f"LSTM, f about {f:.2f}")
        if gate < 4:
            right.plot(by_age(GRU, gate=gate), color=color, linestyle="--", label=f"GRU, z about {f:.2f}")
    for ax in (left, right):
        ax.set(xlabel="steps back", yscale="log", ylim=(1e-7, 20))
        ax.legend(fontsize=8)
        _grid(ax)
    left.set_ylabel("size of ∂L/∂x, share")
    return figure


def remembered() -> Figure:
    """Train layers by hand to say whether the first of 21 numbers was positive, three of each kind, and plot the loss."""
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    ax = figure.subplots()
    sides = [("RNN", RNN, 0, BLUE), ("GRU, z about 0.88", GRU, 2, GREEN), ("LSTM, f about 0.50", LSTM, 0, ORANGE)]
    for name, kind, gate, color in [*sides, ("LSTM, f about 0.98", LSTM, 4, RED)]:
        for seed in range(3):
            losses = _trained(layer(kind, seed, 1, gate=gate), np.random.default_rng((seed, 1)))
            smooth = np.convolve(losses, np.full(10, 0.1), "valid")
            ax.plot(np.arange(10, len(losses) + 1), smooth, color=color, linewidth=1.2, label="" if seed else name)
    ax.set(xlabel="step of training", ylabel="loss, mean of 10 steps")
    ax.set_ylim(bottom=0)
    ax.legend(fontsize=8)
    _grid(ax)
    return figure


def _trained(recurrent: Recurrent, generator: np.random.Generator) -> list[float]:
    """Return the losses of 250 steps of training."""
    losses, loss, optimizer = [], LOSSES["bce_with_logits"], Adam(0.01)
    layers = Sequential(recurrent, Linear(generator.normal(size=(1, UNITS)) / UNITS**0.5, np.zeros(1)))
    for _ in range(250):
        x = generator.normal(size=(32, REMEMBERED + 1, 1))
        y = (x[:, 0] > 0).astype(float)
        output = layers.forward(x)
        losses.append(float(loss.value(output, y)))
        optimizer.step(layers, layers.gradients(loss.gradient(output, y)))
    return losses


def _grid(ax: Axes) -> None:
    ax.grid(color="#e5e5e5")
    ax.set_axisbelow(True)


def write(folder: Path = FOLDER) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (steps, lasting, remembered):
        save(draw, folder / f"{draw.__name__}.svg")


if __name__ == "__main__":
    write()
