"""The pictures of docs/equal.md, measured when they are drawn: what differs, what rounding allows, and what a tolerance would allow.

`python docs/equal_pictures.py` writes them into docs/_generated/equal/, as the build of the documentation does.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drawing import save
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import torch_ref
from compare import Manual, Problem, TorchRef, lesson_problem, train_in_lockstep
from compare.lockstep.of_module import train_beside_module
from compare.rounding.difference import ComparedStep

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
    ax = figure.subplots()
    layers = (1, 2, 4, 8, 16, 32)
    found: dict[str, list[float]] = {"worst case, carried through the network": [], "sampled": [], "measured": []}
    for n in layers:
        problem = Problem.draw((12,) * (n + 1), activations="tanh", bias=True, lr=0.1, seed=1)
        comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=1, keep=[1])
        actual, expected, worst = next(tensors for key, *tensors in comparison.kept[1].tensors() if key == ("grads", WEIGHTS))
        network = torch_ref.Network(problem.sizes, problem.activations, bias=True)
        beside = Problem.of(network, batches=[problem.batch(1)], loss="half_mse", lr=0.1, initial_parameters=problem.initial_parameters)
        grads = train_beside_module(network, beside, steps=1, keep=[1]).kept[1].allowed.grads or {}
        size = float(np.abs(expected).max())
        for values, each in zip(found.values(), (worst, grads[WEIGHTS], np.abs(actual - expected)), strict=True):
            values.append(float(np.max(each)) / size)
    for (label, values), color in zip(found.items(), (RED, ORANGE, BLUE), strict=True):
        ax.loglog(layers, values, ".-", color=color, label=label)
    ax.axhline(1, color="gray", linewidth=0.8, linestyle="--")
    ax.set(xlabel="layers", ylabel="part of the largest\ngradient of 0.weight", xticks=layers, xticklabels=map(str, layers))
    ax.legend(fontsize=7, loc="upper left")
    return figure


def write(folder: Path = FOLDER) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (tolerances, drift, depth):
        save(draw, folder / f"{draw.__name__}.svg")


if __name__ == "__main__":
    write()
