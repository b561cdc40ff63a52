"""The sections of docs/mistakes.md, made from the catalogue: each mistake's formulas, and its effect on a small network's weight deltas.

`python docs/mistakes_page.py` writes them into docs/_generated/mistakes/, as the build of the documentation does.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from drawing import save
from matplotlib.figure import Figure
from mistakes_measured import Change, Measured, measured

from compare.diagnosis.catalogue import LISTED, kind_of
from compare.diagnosis.mistake import Mistake, layers_named
from compare.problem.problem import Problem

DOCS = Path(__file__).parent
FOLDER = DOCS / "_generated" / "mistakes"
_SMALL = 0.01      # relative errors below it are written as relative errors, others as factors
_NAMES = {"weight": "weights", "bias": "biases", "gamma": "γ", "beta": "β"}


def said(found: Measured) -> str:
    """Describe the mistake's effect on the deltas: "the hidden layer: 4.1 to 5.9 times as large; the output layer: right".

    If it changes the loss alone, describe that.
    """
    if found.losses:
        return "right, and the loss is {1:.3g} where it should be {0:.3g}".format(*found.losses).replace("-", "−")
    layers: dict[str, list[int]] = {}
    for layer in range(1, len(found.problem.layers) + 1):
        texts = {_NAMES[change.kind]: compared(change) for change in found.changes if change.layer == layer}
        is_one = len(set(texts.values())) == 1
        text = next(iter(texts.values())) if is_one else ", ".join(f"{name} {words}" for name, words in texts.items())
        layers.setdefault(text, []).append(layer)
    parts = [f"{_layers(found.problem, numbers)}: {text}" for text, numbers in layers.items()]
    return "; ".join(parts)


def _layers(problem: Problem, numbers: list[int]) -> str:
    if len(numbers) == len(problem.layers):
        return "both layers" if len(numbers) == 2 else "all layers"
    return " and ".join(layers_named(problem, (number,)) for number in numbers)


def compared(change: Change) -> str:
    """Describe the effect on one parameter's deltas."""
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
        return some + f"off by up to {max(abs(low - 1), abs(high - 1)):.0e} of themselves".replace("e-0", "e-")
    flipped = int((ratio < 0).sum())
    if not flipped:
        return some + _times(low, high)
    sizes = np.abs(ratio[ratio != 0])
    return f"{some}{_times(float(sizes.min()), float(sizes.max()))}, {flipped} of {m} with the wrong sign"


def _times(low: float, high: float) -> str:
    first, last = (f"{number:{'.2g' if abs(number) < 100 else '.0f'}}".replace("-", "−") for number in (low, high))
    return f"{first} times as large" if first == last else f"{first} to {last} times as large"


def network_said(problem: Problem) -> str:
    """Describe the network: "3-4-2, sigmoid sigmoid, half_mse, sgd with momentum 0.9"."""
    own = problem.optimizer_options
    names = [name for name in own if name in ("momentum", "dampening", "nesterov", "weight_decay") and own[name]]
    options = [f"{name.replace('_', ' ')} {own[name]:g}" for name in names] + ["of weights alone"] * (own["decay"] == "weights")
    words = ["-".join(map(str, problem.sizes)), " ".join(problem.activations), problem.loss]
    words += [problem.reduction] if problem.reduction != "mean" else []
    words += [problem.normalization] if problem.normalization else []
    words += [f"dropout {problem.dropout:g}"] if problem.dropout else []
    return ", ".join([*words, problem.optimizer + (" with " + ", ".join(options) if options else "")])


def picture(found: Measured) -> Figure:
    """Draw the deltas of each layer, weights (out, in) with biases beside them: right, and with the mistake, on one colour scale."""
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
    """Return the catalogue by kind and id, each with its variants; variants that differ in an index alone are listed once."""
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
    """Describe what was measured of the mistake, or say that nothing was."""
    found = measured(mistake)
    return said(found) if found else "not measured: in no network of this page does it show"


def sentence(mistake: Mistake) -> str:
    """Return the mistake's sentence, for any layer where it can be made."""
    layer = {"hidden": "a hidden layer", "output": "the output layer"}.get(mistake.where, "a layer")
    return mistake.sentence.format(layer=layer)


def title(id: str, mistakes: Sequence[Mistake]) -> str:
    """Return a section's title: the sentence of the first variant, and the id."""
    text = re.sub(r",? (of|in) a layer(?=$|:)", "", sentence(mistakes[0]))
    return f"{text} (`{id}`)"


def markdown(id: str, mistakes: Sequence[Mistake], image: str) -> Iterator[str]:
    """Yield the lines of one section."""
    yield f"### {title(id, mistakes)}"
    yield ""
    for mistake in mistakes:
        yield f"- {sentence(mistake)}:"
        yield f"  should be `{mistake.expected}`, behaves as `{mistake.actual}`."
        yield f"  Deltas: {said_of(mistake)}."
    if shown := _pictured(mistakes):
        yield ""
        yield f"![Weight deltas, right and with {id}]({image})"
        yield ""
        where = "" if shown.cause.layers == (0,) else f", made in {layers_named(shown.problem, shown.cause.layers)}"
        yield f"*{network_said(shown.problem)}; step {shown.step.number}{where}*"
    yield ""


def _pictured(mistakes: Sequence[Mistake]) -> Measured | None:
    """Return the first variant that was measured, unless it changes the loss alone."""
    found = next((found for found in map(measured, mistakes) if found), None)
    return None if found is None or found.losses else found


def write(folder: Path = FOLDER) -> None:
    """Write the sections, a file for each kind, and their pictures into the folder, which must lie beside docs/mistakes.md."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder.relative_to(DOCS).as_posix() if folder.is_relative_to(DOCS) else folder.as_posix()
    for number, (kind, by_id) in enumerate(sections().items(), start=1):
        lines = [f"## {kind[0].upper()}{kind[1:]}", ""]
        for id, mistakes in by_id.items():
            name = f"{number}-{id}.svg"
            lines += markdown(id, mistakes, f"{beside}/{name}")
            if found := _pictured(mistakes):
                save(partial(picture, found), folder / name)
        (folder / f"{number}.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write()
