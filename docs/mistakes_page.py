"""The sections of docs/mistakes.md, made from the catalogue: each mistake's formulas, and what it does to a small network's weight deltas.

`python docs/mistakes_page.py` writes them into docs/_generated/mistakes/, as the build of the documentation does.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from compare.diagnosis.catalogue import LISTED, kind_of
from compare.diagnosis.graph import Run, Step, places
from compare.diagnosis.matcher import is_within
from compare.diagnosis.mistake import Cause, Mistake, layers_named
from compare.diagnosis.probes import draw_probes, steps_of
from compare.problem.problem import Problem
from compare.rounding.arithmetic import Bounded
from compare.support.arrays import Array

DOCS = Path(__file__).parent
FOLDER = DOCS / "_generated" / "mistakes"
SEED = 4      # of the weights and records
_SMALL = 0.01      # how far a delta may be off, as a part of itself, so that it is said as that
_MOMENTUM = {"momentum": 0.9}
_DECAY = {"weight_decay": 0.05}


def _network(sizes: tuple[int, ...], *activations: str, **about: object) -> Problem:
    """The problem with those layers, with biases, and with one batch that only says what its targets look like."""
    fields = {"bias": True, "loss": "half_mse", "lr": 0.3, **about}
    y = np.full((2, sizes[-1]), 1 / sizes[-1])
    return Problem(sizes=sizes, activations=activations, batches=((np.zeros((2, sizes[0])), y),), initial_parameters={}, **fields)  # type: ignore[arg-type]


@cache
def networks() -> tuple[Problem, ...]:
    """A mistake is measured in the first of these in which it can be made and shows."""
    plain = (3, 4, 2), "sigmoid", "sigmoid"
    tanh = (3, 4, 2), "tanh", "identity"
    return (
        _network(*plain),
        _network((3, 4, 4, 2), "sigmoid", "sigmoid", "sigmoid"),
        _network((3, 4, 1), "sigmoid", "sigmoid"),
        _network(*tanh, loss="mse"),
        _network((3, 4, 4, 2), "relu", "relu", "identity", loss="mse"),
        _network((3, 4, 2), "leaky_relu", "identity", loss="mse"),
        _network((3, 4, 3), "tanh", "softmax", loss="mse"),
        _network((3, 4, 3), "tanh", "identity", loss="cross_entropy"),
        _network((3, 4, 2), "tanh", "sigmoid", loss="bce"),
        _network((3, 4, 2), "tanh", "identity", loss="bce_with_logits"),
        _network(*plain, reduction="sum"),
        _network(*plain, normalization="layer_norm"),
        _network(*plain, normalization="batch_norm"),
        _network(*plain, dropout=0.4),
        _network(*tanh, loss="mse", optimizer_options=_DECAY),
        _network(*tanh, loss="mse", optimizer_options={**_DECAY, "decay": "weights"}),
        _network(*tanh, loss="mse", optimizer_options=_DECAY, normalization="layer_norm"),
        _network(*tanh, loss="mse", optimizer_options={**_DECAY, "decay": "weights"}, normalization="layer_norm"),
        _network(*tanh, loss="mse", optimizer_options=_MOMENTUM),
        _network(*tanh, loss="mse", optimizer_options={**_MOMENTUM, "dampening": 0.5}),
        _network(*tanh, loss="mse", optimizer_options={**_MOMENTUM, "nesterov": True}),
        _network(*tanh, loss="mse", optimizer_options={**_MOMENTUM, **_DECAY}),
        _network(*tanh, loss="mse", optimizer="adam"),
        _network(*tanh, loss="mse", optimizer="adamw"),
    )


@cache
def _steps(number: int) -> tuple[tuple[Step, ...], Run]:
    """The steps of two probes of the network of that number, each from the weights after the right step before it; and the right run."""
    problem = networks()[number]
    probes = draw_probes(problem, SEED)[:2]
    befores: list[dict[str, Array]] = []
    for probe in probes:
        params = probe.parameters
        for _ in probe.batches:
            befores.append(params)
            run = Run(problem, steps_of(probes, befores))
            params = {run.name(*place): run(f"{place[0]}_after", len(befores) - 1, place[1]).value for place in places(problem)}
    steps = tuple(steps_of(probes, befores))
    return steps, Run(problem, steps)


@dataclass(frozen=True)
class Change:
    """What a parameter changes by in one step: by the right formulas and under the mistake, and whether that is the same to rounding."""

    kind: str
    layer: int
    right: Array
    wrong: Array
    same: Array      # of each element


@dataclass(frozen=True)
class Measured:
    """A mistake made in a small network, at the first step at which it shows."""

    cause: Cause
    step: Step
    changes: tuple[Change, ...]
    losses: tuple[float, float] | None = None      # the right one and the wrong one, of a mistake in the loss alone

    @property
    def problem(self) -> Problem:
        """The network."""
        return self.cause.problem


@cache
def measured(mistake: Mistake) -> Measured | None:
    """The mistake in the first network, place and step where the weights after the step are not the right ones."""
    for number, problem in enumerate(networks()):
        steps, right = _steps(number)
        for cause in mistake.causes(problem):
            wrong = right.with_formulas(cause.formulas)
            for at in range(len(steps)):
                with np.errstate(all="ignore"):
                    changes = _changes(problem, right, wrong, at)
                if changes and not all(change.same.all() for change in changes):
                    return Measured(cause, steps[at], changes)
                losses = _losses(right, wrong, at)
                if changes and losses:
                    return Measured(cause, steps[at], changes, losses)
    return None


def _losses(right: Run, wrong: Run, at: int) -> tuple[float, float] | None:
    """The two losses, if they differ."""
    with np.errstate(all="ignore"):
        ours, theirs = (run.worked_out("loss", at) for run in (right, wrong))
    is_other = theirs.value.shape == () and np.isfinite(theirs.value) and not is_within(ours.value, theirs)
    return (float(ours.value), float(theirs.value)) if is_other else None


def _changes(problem: Problem, right: Run, wrong: Run, at: int) -> tuple[Change, ...]:
    changes = []
    for kind, layer in places(problem):
        before = right.steps[at].before[right.name(kind, layer)]
        try:
            ours: Bounded = right.worked_out(f"{kind}_after", at, layer)
            theirs: Bounded = wrong.worked_out(f"{kind}_after", at, layer)
        except (ValueError, IndexError):      # cannot be made here
            return ()
        if theirs.value.shape != before.shape or not np.isfinite(theirs.value).all():
            return ()
        same = np.array([is_within(ours.value[i], theirs[i]) for i in np.ndindex(before.shape)]).reshape(before.shape)
        changes.append(Change(kind, layer, ours.value - before, np.where(same, ours.value, theirs.value) - before, same))
    return tuple(changes)


def said(found: Measured) -> str:
    """What the mistake does to the deltas, in words: "the hidden layer 4.1 to 5.9 times as large; the output layer right".

    Of a mistake in the loss alone, what it does to that.
    """
    if found.losses:
        return "right, and the loss is {1:.3g} where it should be {0:.3g}".format(*found.losses).replace("-", "−")
    layers: dict[str, list[int]] = {}
    for layer in range(1, len(found.problem.layers) + 1):
        texts = {change.kind: compared(change) for change in found.changes if change.layer == layer}
        if len(set(texts.values())) == 1:
            text = next(iter(texts.values()))
        else:
            names = {"weight": "weights", "bias": "biases", "gamma": "γ", "beta": "β"}
            text = ", ".join(f"{names[kind]} {words}" for kind, words in texts.items())
        layers.setdefault(text, []).append(layer)
    parts = [f"{_layers(found.problem, numbers)}: {text}" for text, numbers in layers.items()]
    return "; ".join(parts)


def _layers(problem: Problem, numbers: list[int]) -> str:
    if len(numbers) == len(problem.layers):
        return "both layers" if len(numbers) == 2 else "all layers"
    return " and ".join(layers_named(problem, (number,)) for number in numbers)


def compared(change: Change) -> str:
    """What becomes of one parameter's deltas."""
    right, wrong, same = change.right, change.wrong, change.same
    if same.all():
        return "right"
    if not wrong.any():
        return "0"
    n, m = int(same.sum()), same.size
    some = f"{n} of {m} right, the others " if n else ""
    off = ~same & (right != 0)
    if not off.any():
        return some + "not 0, as they should be"
    ratio = wrong[off] / right[off]
    low, high = float(ratio.min()), float(ratio.max())
    if not wrong[off].any():
        return some + "0"
    if max(abs(low + 1), abs(high + 1)) < 1e-6:
        return some + "with the opposite sign"
    if max(abs(low - 1), abs(high - 1)) < _SMALL:
        return some + _off(max(abs(low - 1), abs(high - 1)))
    flipped = int((ratio < 0).sum())
    if not flipped:
        return some + _times(low, high)
    sizes = np.abs(ratio[ratio != 0])
    return f"{some}{_times(float(sizes.min()), float(sizes.max()))}, {flipped} of {m} with the wrong sign"


def _off(by: float) -> str:
    return f"off by up to {by:.0e} of themselves".replace("e-0", "e-")


def _times(low: float, high: float) -> str:
    first, last = (f"{number:.2g}".replace("-", "−") if abs(number) < 100 else f"{number:.0f}".replace("-", "−") for number in (low, high))
    return f"{first} times as large" if first == last else f"{first} to {last} times as large"


def network_said(problem: Problem) -> str:
    """The network in a few words: "3-4-2, sigmoid sigmoid, half_mse, sgd with momentum 0.9"."""
    options = [f"{name.replace('_', ' ')} {value:g}" for name, value in problem.optimizer_options.items() if _is_told(name, value)]
    options += ["of weights alone"] if problem.optimizer_options["decay"] == "weights" else []
    words = ["-".join(map(str, problem.sizes)), " ".join(problem.activations), problem.loss]
    words += [problem.reduction] if problem.reduction != "mean" else []
    words += [problem.normalization] if problem.normalization else []
    words += [f"dropout {problem.dropout:g}"] if problem.dropout else []
    return ", ".join([*words, problem.optimizer + (" with " + ", ".join(options) if options else "")])


def _is_told(name: str, value: object) -> bool:
    return name in ("momentum", "dampening", "nesterov", "weight_decay") and bool(value)


def picture(found: Measured) -> Figure:
    """The deltas of each layer, weights (out, in) and biases beside them: right, and with the mistake in the same colours."""
    problem = found.problem
    depth = len(problem.layers)
    figure = Figure(figsize=(4.6, 0.35 + 1.0 * depth))
    axes = figure.subplots(depth, 2, squeeze=False)
    for layer in range(1, depth + 1):
        own = [change for change in found.changes if change.layer == layer and change.kind in ("weight", "bias")]
        most = max(float(np.abs(array).max()) for change in own for array in (change.right, change.wrong)) or 1.0
        for ax, side in zip(axes[layer - 1], ("right", "wrong"), strict=True):
            left = 0.0
            for change in own:
                array = np.atleast_2d(getattr(change, side).T).T      # biases (out,) as a column
                edges = left + np.arange(array.shape[1] + 1), np.arange(array.shape[0] + 1)
                ax.pcolormesh(*edges, array, cmap="RdBu_r", vmin=-most, vmax=most, edgecolors="#999999", linewidth=0.4)
                left += array.shape[1] + 0.4
            ax.set_aspect("equal")
            ax.set_axis_off()
            ax.invert_yaxis()
        name = "hidden" if depth == 2 and layer == 1 else "output" if layer == depth else f"hidden {layer}"
        first = axes[layer - 1][0]
        first.text(-0.1, 0.5, f"{name}\n±{most:.1g}", transform=first.transAxes, fontsize=8, ha="right", va="center")
    axes[0][0].set_title("right", fontsize=9)
    axes[0][1].set_title("with the mistake", fontsize=9)
    figure.subplots_adjust(left=0.2, right=0.98, top=1 - 0.28 / (0.35 + depth), bottom=0.02, hspace=0.15, wspace=0.12)
    return figure


def sections() -> dict[str, dict[str, list[Mistake]]]:
    """The catalogue by kind and id, each with its readings; those that differ in a number alone, an index say, are one reading."""
    found: dict[str, dict[str, list[Mistake]]] = {}
    seen: set[tuple[str, ...]] = set()
    for mistake in LISTED:
        kind = kind_of(mistake)
        pattern = re.sub(r"(unit|input|row|column) \d+", r"\1 0", mistake.sentence), re.sub(r"(row|column) \d+", r"\1 0", mistake.actual)
        key = (kind, mistake.id, *pattern)
        if key not in seen:
            seen.add(key)
            found.setdefault(kind, {}).setdefault(mistake.id, []).append(mistake)
    return found


def said_of(mistake: Mistake) -> str:
    """What was measured of the mistake; or why nothing was."""
    found = measured(mistake)
    return said(found) if found else "not measured: in no network of this page does it show"


def sentence(mistake: Mistake) -> str:
    """The mistake's sentence, of any layer in which it can be made."""
    layer = {"hidden": "a hidden layer", "output": "the output layer"}.get(mistake.where, "a layer")
    return mistake.sentence.format(layer=layer)


def title(id: str, mistakes: Sequence[Mistake]) -> str:
    """What its first reading says of any layer, and the id."""
    said = re.sub(r",? (of|in) a layer(?=$|:)", "", sentence(mistakes[0]))
    return f"{said} (`{id}`)"


def markdown(id: str, mistakes: Sequence[Mistake], image: str) -> Iterator[str]:
    """The lines of one section."""
    yield f"### {title(id, mistakes)}"
    yield ""
    for mistake in mistakes:
        yield f"- {sentence(mistake)}:"
        yield f"  should be {_code(mistake.expected)}, behaves as {_code(mistake.actual)}."
        yield f"  Deltas: {said_of(mistake)}."
    shown = next((found for found in map(measured, mistakes) if found), None)
    if shown and not shown.losses:
        yield ""
        yield f"![Weight deltas, right and with {id}]({image})"
        yield ""
        where = "" if shown.cause.layers == (0,) else f", made in {layers_named(shown.problem, shown.cause.layers)}"
        yield f"*{network_said(shown.problem)}; step {shown.step.number}{where}*"
    yield ""


def _code(formula: str) -> str:
    return f"`{formula}`"


def write(folder: Path = FOLDER) -> None:
    """Write the sections, a file for each kind, and their pictures into the folder, which lies in that of docs/mistakes.md."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder.relative_to(DOCS).as_posix() if folder.is_relative_to(DOCS) else folder.as_posix()
    for number, (kind, by_id) in enumerate(sections().items(), start=1):
        lines = [f"## {kind[0].upper()}{kind[1:]}", ""]
        for id, mistakes in by_id.items():
            name = f"{number}-{id}.svg"
            lines += markdown(id, mistakes, f"{beside}/{name}")
            found = next((found for found in map(measured, mistakes) if found), None)
            if found and not found.losses:
                with rc_context({"svg.fonttype": "none", "svg.hashsalt": id, "font.family": "sans-serif"}):
                    picture(found).savefig(folder / name, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        (folder / f"{number}.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write()
