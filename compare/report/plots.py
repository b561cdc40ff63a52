"""Pictures of a comparison, by matplotlib: each function draws on the axes that it takes, or makes its own, and returns them.

They show the steps that the comparison keeps: train with `keep=steps_to_keep(problem, steps)`, or check with `keep=True`. matplotlib comes
with the extra `report`.
"""

from __future__ import annotations

import math
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lockstep.difference import ComparedStep, Difference, shares
from ..lockstep.result import Comparison
from ..problem.problem import Problem
from ..sides.interface import Key
from ..support.arrays import Array
from ..support.boundary import public
from ..support.errors import MissingExtraError, ProblemError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_deltas", "plot_differences", "plot_loss", "plot_network", "plot_shares"]

COLORS = ("#3b82c4", "#d9822b", "#2f9e6e", "#8a63d2", "#b0893a", "#4aa3a2")      # legible on white and on black
WRONG, RIGHT = "#d64545", "#2f9e6e"
Sides = tuple[str, str]
SIDES: Sides = ("manual", "torch_ref")
PHASE_NAMES = {
    "activations": "activations",
    "buffers": "running statistics",
    "output": "output",
    "loss": "loss",
    "errors": "error terms δ",
    "grads": "gradients",
    "state": "optimiser state",
    "deltas": "weight deltas Δw",
    "params": "new weights",
}
ALLOWED = "allowed by rounding"      # in a legend
_MOST_UNITS = 8      # of a layer, that are drawn
_MOST_VALUES = 36      # of a tensor, that are written into its picture
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_FAR = 1000      # from the least loss to the largest, from where on the axis is logarithmic
_LARGEST = 1e200      # that an axis has room for, with its margins and the ticks beyond them
_MOST_LETTERS = 24      # of a tensor's name, in a picture
_LEAST_SHARE = 1e-4      # of what rounding allows, that the heat map tells from smaller ones


def tensor_name(problem: Problem, key: Key) -> str:
    """Name a (phase, tensor) for a label; activations and error terms of a perceptron by the number of their layer, from 1."""
    phase, tensor = key
    if phase in ("activations", "errors") and isinstance(problem, Problem):
        number = next(n for n, layer in enumerate(problem.layers, start=1) if tensor in (layer.linear, layer.activation))
        return f"{'δ' if phase == 'errors' else 'a'}{number}"
    return tensor if phase == tensor else {"grads": "∂L/∂", "deltas": "Δ ", "params": "new "}.get(phase, "") + tensor


def label(problem: Problem, key: Key) -> str:
    """Return the tensor's name for a picture, a long one without its middle."""
    name = tensor_name(problem, key)
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS // 3]}…{name[len(name) - 2 * _MOST_LETTERS // 3 + 1 :]}"


@public
def plot_loss(comparison: Comparison, ax: Axes | None = None, *, sides: Sides = SIDES) -> Axes:
    """Draw the loss of both sides before each kept step, one line over the other; of probes, which are no training, points alone."""
    ax = ax or _new_axes()
    steps = sorted(comparison.kept)
    for index, (name, style) in enumerate(zip(sides, ("-", (0, (2, 3))), strict=True)):
        records = [(kept.actual, kept.expected)[index] for _, kept in sorted(comparison.kept.items())]
        losses = [min(float(record.loss), _LARGEST) for record in records if record.loss is not None]
        if len(losses) == len(steps):
            marker = "o" if len(steps) < 60 else ""
            style = "none" if comparison.mode == "stage" else style
            if min(losses) > 0 and max(losses) > _FAR * min(losses):
                _logarithmic(ax)
            ax.plot(steps, losses, linestyle=style, color=COLORS[index], linewidth=3 - 1.4 * index, marker=marker, markersize=3, label=name)
    return _labelled(ax, comparison, comparison.problem.loss.replace("_", " "))


@public
def plot_differences(comparison: Comparison, ax: Axes | None = None, *, phase: str | None = None) -> Axes:
    """Draw the largest difference of each tensor per step, and dashed what rounding allows there; below its dashed line it is equal.

    `phase` is a field of `StepRecord`, by default the deltas, or the weights where those alone are shown. A step in which the two sides are
    equal to the last bit has no point. On probes, where each step is judged by itself, there are points and dashes, and no lines. Raises
    ProblemError where the phase is not shown.
    """
    found = comparison.agreement
    shown = list(dict.fromkeys(key[0] for key in found))
    phase = phase or next((name for name in ("deltas", "params", "grads") if name in shown), None)
    if phase not in shown:
        raise ProblemError(f"{phase or 'nothing'} is not shown in the kept steps; expected one of {', '.join(shown) or 'some kept steps'}")
    ax = ax or _new_axes()
    ours: dict[str, Any] = {"linewidth": 1, "markersize": 3}
    bound: dict[str, Any] = {"linewidth": 1.4, "linestyle": (0, (4, 2))}
    if comparison.mode == "stage":
        ours |= {"linestyle": "none", "markersize": 4}
        bound = {"linestyle": "none", "marker": "_", "markersize": 14, "markeredgewidth": 1.4}
    for number, (key, each) in enumerate((key, each) for key, each in found.items() if key[0] == phase):
        color = COLORS[number % len(COLORS)]
        marker = "o" if len(each.steps) < 60 else ""
        ax.plot(each.steps, _drawable(each.difference), color=color, marker=marker, label=label(comparison.problem, key), **ours)
        ax.plot(each.steps, _drawable(each.allowed), color=color, **bound)
    ax.plot([], [], color="gray", label=ALLOWED, **bound)
    _logarithmic(ax)
    ax.set_title(PHASE_NAMES[phase])
    return _labelled(ax, comparison, "difference")


def update_shares(comparison: Comparison) -> dict[Key, Array]:
    """Return, by parameter, each step's share of what rounding allows beside a module: of the deltas, or what else shows the update."""
    phase = next((phase for phase in ("deltas", "params", "grads") if any(key[0] == phase for key in comparison.shares)), None)
    return {key: each for key, each in comparison.shares.items() if key[0] == phase}


@public
def plot_shares(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw a heat map of steps × tensors: the largest difference as a share of what rounding allows; red where it is more than that."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    ax = ax or _new_axes()
    if isinstance(comparison.problem, Problem):
        found, steps = {key: (each.steps, each.share) for key, each in comparison.agreement.items()}, sorted(comparison.kept)
    else:
        steps = list(range(1, comparison.steps + 1))
        found = {key: (np.array(steps[-len(each) :]), each) for key, each in update_shares(comparison).items()}
    values = np.full((len(found), len(steps)), np.nan)
    for row, (at, share) in enumerate(found.values()):
        values[row, np.searchsorted(steps, at)] = share
    colors = colormaps["viridis"].with_extremes(over=WRONG, bad="none")
    norm = LogNorm(_LEAST_SHARE, 1)
    image = ax.imshow(np.clip(values, _LEAST_SHARE, 1e9), aspect="auto", interpolation="nearest", cmap=colors, norm=norm)
    ax.set_yticks(range(len(found)), [label(comparison.problem, key) for key in found])
    ticks = np.unique(np.linspace(0, len(steps) - 1, min(6, len(steps))).astype(int))
    ax.set_xticks(ticks, [str(steps[tick]) for tick in ticks])
    ax.set_xlabel("step")
    beside = ax.inset_axes((1.03, 0, 0.04, 1))
    ax.figure.colorbar(image, cax=beside, extend="max", format=_power, label="share of what\nrounding allows")
    return ax


@public
def plot_deltas(comparison: Comparison, step: int | None = None, axes: Any = None, *, sides: Sides = SIDES) -> Any:
    """Draw a step's weight deltas as matrices, a parameter in each row: both sides, and the difference as a share of what is allowed.

    `step` is by default the first that differs, else the last that was kept. `axes` is an array (parameters, 3), and is returned. Raises
    ProblemError for a step that was not kept.
    """
    kept = kept_step(comparison, step)
    rows = list(kept.deltas())
    if axes is None:
        from matplotlib import pyplot

        heights = [_as_matrix(actual).shape[0] for _, actual, _, _ in rows]
        size = (9, sum(max(1.1, 0.3 * height + 0.7) for height in heights))
        figure, axes = pyplot.subplots(len(rows), 3, squeeze=False, figsize=size, layout="constrained", height_ratios=heights)
        figure.suptitle(f"step {kept.step}")
    for (name, actual, expected, allowed), columns in zip(rows, axes, strict=True):
        numbers = np.abs([actual, expected])
        largest = float(np.max(numbers, initial=0.0, where=numbers <= _LARGEST)) or 1.0
        share = shares(actual, expected, allowed)
        for ax, title, values in zip(columns, (*sides, "share"), (actual, expected, share), strict=True):
            is_share = values is share
            limits = {"vmin": 0, "vmax": 1, "cmap": "Purples"} if is_share else {"vmin": -largest, "vmax": largest, "cmap": "RdBu_r"}
            _matrix(ax, _as_matrix(values), f"Δ {name}: {title}", **limits)
    return axes


@public
def plot_network(problem: Problem, wrong: Difference | None = None, ax: Axes | None = None) -> Axes:
    """Draw the network with its layers; with `wrong`, the stage where two sides part is marked on it."""
    ax = ax or _new_axes()
    place = _place(problem, wrong)
    heights = [_positions(units) for units in problem.sizes]
    for layer, (left, right) in enumerate(pairwise(heights), start=1):
        color, width = (WRONG, 1.6) if place == ("weight", layer) else ("gray", 0.5)
        for y0, y1 in product(left, right):
            ax.plot([layer - 1, layer], [y0, y1], color=color, linewidth=width, zorder=1)
    for layer, (units, ys) in enumerate(zip(problem.sizes, heights, strict=True)):
        color = WRONG if place == ("unit", layer) else COLORS[0]
        ax.scatter([layer] * len(ys), ys, s=150, color=color, edgecolors="white", linewidths=1, zorder=2)
        if units > len(ys):
            ax.text(layer + 0.09, 0, "⋮", ha="left", va="center", fontsize=14)
        name = "output" if layer == len(problem.layers) else f"hidden {layer}"
        text = f"{name}\n{units}\n{problem.layers[layer - 1].function}" if layer else f"input\n{units}"
        ax.text(layer, -1.22, text, ha="center", va="top", fontsize=9)
    if wrong is not None:
        kind, layer = ("unit", len(problem.layers)) if place is None else place
        x, text = layer - (0.5 if kind == "weight" else 0), f"first wrong: {label(problem, (wrong.phase, wrong.tensor))}"
        arrow = {"arrowstyle": "->", "color": WRONG, "linewidth": 1.6}
        top = max(heights[layer]) + 0.1
        ax.annotate(text, (x, top), (x, 1.45), ha="center", color=WRONG, fontweight="bold", arrowprops=arrow)
    ax.set_xlim(-0.6, len(problem.layers) + 0.6)
    ax.set_ylim(-2.0, 1.7 if wrong is not None else 1.2)
    ax.set_axis_off()
    return ax


def kept_step(comparison: Comparison, step: int | None = None) -> ComparedStep:
    """Return the kept step of that number, by default the first that differs, else the last; raise ProblemError if it was not kept."""
    if not comparison.kept:
        raise ProblemError("no step was kept; expected some: train with keep=steps_to_keep(problem, steps), or check with keep=True")
    first = comparison.first_divergence
    if step is None:
        step = first.step if first is not None and first.step in comparison.kept else max(comparison.kept)
    if step not in comparison.kept:
        near = min(comparison.kept, key=lambda number: abs(number - step))
        raise ProblemError(f"step {step} was not kept; expected one that was, such as {near}")
    return comparison.kept[step]


def _place(problem: Problem, wrong: Difference | None) -> tuple[str, int] | None:
    """Return where in the network the difference lies, ("unit" or "weight", number of the layer); None for the output and the loss."""
    if wrong is None:
        return None
    kind, owner = ("unit", wrong.tensor) if wrong.phase in ("activations", "errors") else ("weight", wrong.tensor.split(".")[0])
    layers = enumerate(problem.layers, start=1)
    return next(((kind, number) for number, layer in layers if owner in (layer.linear, layer.norm, layer.activation)), None)


def _positions(units: int) -> Array:
    shown = min(units, _MOST_UNITS)
    return np.linspace(1, -1, shown) if shown > 1 else np.zeros(1)


def _drawable(values: Array) -> Array:
    """Return the values for a logarithmic axis: NaN for zeros, and none so large or small that no limits of the axis can be computed."""
    return np.where(values > 0, np.clip(values, 1 / _LARGEST, _LARGEST), np.nan)


def _logarithmic(ax: Axes) -> None:
    """Make the y axis logarithmic, with few ticks and labels in plain text, which take a third of the time of matplotlib's own."""
    from matplotlib.ticker import LogLocator, NullLocator

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(numticks=5))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(_power)


def _power(value: float, position: float | None = None) -> str:
    """Write a power of ten as 10⁻³, and another number with two digits."""
    exponent = round(math.log10(value)) if value > 0 else 0
    return "10" + str(exponent).translate(_SUPERSCRIPT) if math.isclose(value, 10.0**exponent) else f"{value:.2g}"


def _as_matrix(values: Array) -> Array:
    return values if values.ndim == 2 else values.reshape(-1, 1)


def _matrix(ax: Axes, values: Array, title: str, **limits: Any) -> None:
    shown = np.clip(values, -2 * limits["vmax"], 2 * limits["vmax"])      # beyond it the colour stays the same
    ax.imshow(shown, aspect="auto", interpolation="nearest", **limits)
    ax.set_title(title, fontsize=9)
    ax.set_xticks([])
    ax.set_yticks([])
    if values.size <= _MOST_VALUES:
        for (row, column), value in np.ndenumerate(values):
            color = "white" if abs(value) > 0.6 * limits["vmax"] else "black"
            ax.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=7, color=color)


def _labelled(ax: Axes, comparison: Comparison, ylabel: str) -> Axes:
    """Mark the first divergence, and label the axes and their lines."""
    first = comparison.first_divergence
    if first is not None:
        ax.axvline(first.step, color=WRONG, linewidth=1.2)
        above: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom"}
        ax.annotate(f"step {first.step}", (first.step, 1), color=WRONG, fontsize=9, **above)
    ax.set_xlabel("step")
    ax.set_ylabel(ylabel)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return ax


def _new_axes() -> Axes:
    matplotlib()
    from matplotlib import pyplot

    axes: Axes = pyplot.subplots(layout="constrained")[1]
    return axes


def matplotlib() -> Any:
    """Import and return the package; raise MissingExtraError where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise MissingExtraError("report", "matplotlib") from None
    return matplotlib
