"""The pictures of docs/equal.md, measured when they are drawn: what differs, what rounding allows, and what a tolerance would allow.

`python docs/equal_pictures.py` writes them into docs/_generated/equal/, as the build of the documentation does.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drawing import save
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from compare import Manual, Problem, TorchRef, lesson_problem, train_in_lockstep
from compare.lockstep.difference import ComparedStep
from compare.support.arrays import Array

FOLDER = Path(__file__).parent / "_generated" / "equal"
STEPS = 900
BLUE, ORANGE, GREEN, RED = "#3b82c4", "#d9822b", "#2f9e6e", "#d64545"
WEIGHTS = "0.weight"


def _trained(problem: Problem) -> list[ComparedStep]:
    """Train both sides, and return every step as both showed it."""
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=STEPS, keep=range(1, STEPS + 1))
    return [step for _, step in sorted(comparison.kept.items())]


def _points(ax: Axes, values: Sequence[float], **style: object) -> None:
    """Plot a point for each step, except where the two sides are equal to the last bit."""
    steps = np.arange(1, len(values) + 1)
    ax.semilogy(steps, np.where(np.array(values) > 0, values, np.nan), ".", markersize=2.5, **style)


def tolerances() -> Figure:
    """Plot, for the lesson's first weight deltas, their size, what numpy.allclose and rounding allow, and what is measured."""
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, dtype in zip(axes, ("float64", "float32"), strict=True):
        largest: dict[str, list[float]] = {"|Δw|": [], "numpy.allclose": [], "allowed by rounding": [], "measured": []}
        for step in _trained(lesson_problem(dtype=dtype)):
            actual, expected, allowed = next((a, e, b) for name, a, e, b in step.deltas() if name == WEIGHTS)
            size = float(np.abs(expected).max())
            now = size, 1e-8 + 1e-5 * size, allowed.max(), np.abs(actual - expected).max()
            for values, value in zip(largest.values(), now, strict=True):
                values.append(float(value))
        for (label, values), color, style in zip(largest.items(), (GREEN, RED, ORANGE, BLUE), ("-", "--", "-", "."), strict=True):
            if style == ".":
                _points(ax, values, color=color, label=label)
            else:
                ax.semilogy(np.arange(1, STEPS + 1), values, style, color=color, label=label)
        ax.set(title=dtype, xlabel="step", ylim=(1e-22, 1e-3))
    axes[0].set_ylabel("largest of the deltas of 0.weight")
    axes[0].legend(fontsize=7, loc="center left", markerscale=3)
    return figure


def drift() -> Figure:
    """Plot how far the weights of the two sides are apart, in a stable training and in a chaotic one that goes over to follow mode."""
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    ax = figure.subplots()
    wild = {"hidden": (8, 8), "activations": ("relu", "relu", "sigmoid"), "dtype": "float32", "lr": 20.0}
    for label, color, problem in (
        ("the lesson, float64", BLUE, lesson_problem()),
        ("the lesson, float32", GREEN, lesson_problem(dtype="float32")),
        ("6-8-8-1 relu, float32, lr 20", RED, lesson_problem(**wild)),
    ):
        gaps = []
        for step in _trained(problem):
            actual, expected = step.actual.params or {}, step.expected.params or {}
            gaps.append(max(float(np.abs(actual[name] - array).max()) for name, array in expected.items()))
        _points(ax, gaps, color=color, label=label)
    ax.set(xlabel="step", ylabel="largest gap between two weights", ylim=(1e-17, 1e-3))
    ax.legend(fontsize=7, loc="upper right", markerscale=4)
    return figure


def depth() -> Figure:
    """Plot, for perceptrons of more and more layers, how the worst case and sampled rounding grow, beside what is measured."""
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    layers = (1, 2, 4, 8, 16, 32)
    for ax, dtype in zip(axes, ("float64", "float32"), strict=True):
        found: dict[str, list[float]] = {"worst case, carried through the network": [], "sampled": [], "measured": []}
        for n in layers:
            problem = Problem.draw((12,) * (n + 1), activations="tanh", bias=True, lr=0.1, seed=1, dtype=dtype)
            comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=1, keep=[1])
            actual, expected, allowed = next(arrays for key, *arrays in comparison.kept[1].tensors() if key == ("grads", WEIGHTS))
            for values, each in zip(found.values(), (_worst_case(problem), allowed, np.abs(actual - expected)), strict=True):
                values.append(float(np.max(each)) / float(np.abs(expected).max()))
        for (label, values), color in zip(found.items(), (RED, ORANGE, BLUE), strict=True):
            ax.loglog(layers, values, ".-", color=color, label=label)
        ax.axhline(1, color="gray", linewidth=0.8, linestyle="--")
        ax.set(title=dtype, xlabel="layers", xticks=layers, xticklabels=map(str, layers))
    axes[0].set_ylabel("part of the largest\ngradient of 0.weight")
    axes[0].legend(fontsize=7, loc="upper left")
    return figure


def _worst_case(problem: Problem) -> Array:
    """Return a bound on how far ∂L/∂W of the first layer of a tanh network may be off on two sides, each operation as wrong as can be.

    A product of n terms is off by n u Σ|terms| on each side, besides what its factors are off, and tanh by 20u (Higham, *Accuracy and
    Stability of Numerical Algorithms*, 2nd ed., chapter 3).
    """
    u = float(np.finfo(problem.dtype).eps)      # of two sides
    (x, y), a_off = problem.batch(1), np.zeros_like(problem.batch(1)[0])
    passed = [(x, a_off)]
    for layer in problem.layers:
        w, b = (problem.initial_parameters[f"{layer.linear}.{kind}"] for kind in ("weight", "bias"))
        a, a_off = passed[-1]
        z_off = a_off @ np.abs(w).T + 13 * u * (np.abs(a) @ np.abs(w).T + np.abs(b))
        passed.append((np.tanh(a @ w.T + b), z_off + 20 * u))
    error = (passed[-1][0] - y) / y.size
    off = passed[-1][1] / y.size + 3 * u * np.abs(error)
    for place, layer in reversed(list(enumerate(problem.layers))):
        w, (a, a_off), (out, out_off) = problem.initial_parameters[f"{layer.linear}.weight"], passed[place], passed[place + 1]
        slope, slope_off = 1 - out**2, 2 * np.abs(out) * out_off + 30 * u
        delta, off = error * slope, off * slope + np.abs(error) * slope_off
        if place == 0:
            return np.asarray(off.T @ np.abs(a) + np.abs(delta).T @ a_off + len(x) * u * np.abs(delta).T @ np.abs(a))
        error, off = delta @ w, off @ np.abs(w) + 12 * u * np.abs(delta) @ np.abs(w)
    raise AssertionError("a network has a layer")


def write(folder: Path = FOLDER) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (tolerances, drift, depth):
        save(draw, folder / f"{draw.__name__}.svg")


if __name__ == "__main__":
    write()
