"""A factor that no entry of the catalogue has: it is measured at the first wrong number, in all layers or in one."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from ..formulas.sampled import Sampled
from ..support.arrays import Array
from .catalogue.numbers import FAMILIES
from .graph import At, Node, Run
from .measured import measured_causes
from .mistake import Cause, Mistake


def scale_causes(run: Run, node: Node, actual: Array) -> Iterator[Cause]:
    """Yield the causes that are measured at a node: those of a factor, then those of a mistake with another number."""
    yield from _factors(run, node, actual)
    yield from measured_causes(FAMILIES, run, node, actual)


def _factors(run: Run, node: Node, actual: Array) -> Iterator[Cause]:
    """Yield the causes that multiply a step, a gradient or δ by the factor that the node shows, in all layers or its own; or fix lr."""
    stage, step, layer = node
    right = run.worked_out(*node)
    if not isinstance(right, Sampled) or not layer:
        return
    kind, _, what = stage.partition("_")
    moved, wanted = actual, right
    if what == "after":
        moved, wanted = actual - run(kind, step, layer).value, run.worked_out(f"{kind}_step", step, layer)
    at = np.unravel_index(int(np.argmax(np.abs(wanted.value))), wanted.value.shape)
    if not wanted.value[at] or not moved[at]:
        return
    factor = float(moved[at] / wanted.value[at])
    off = float((np.broadcast_to(right.error, right.value.shape)[at]) / abs(wanted.value[at])) + 1e-14 * abs(factor)
    name = f"{factor:.6g}" if f"{factor:.6g}" not in ("1", "-1") else f"{factor:.16g}"
    every, own = tuple(range(1, run.depth + 1)), (layer,)

    def scaled(whose: str, stage: str, expected: str, wrong: str, *layers: tuple[int, ...]) -> Iterator[Cause]:
        sentence = f"{whose} of {{layer}} is {name} times what it should be"
        formulas = {stage: partial(_times, stage=stage, factor=factor, off=off)}
        for each in layers:
            yield Cause(Mistake("scaled", sentence, expected, wrong, formulas, "layer"), each, run.problem)

    yield from scaled("Δw", "*_step", "Δw = −lr ∂L/∂w", f"Δw = {name} · (−lr ∂L/∂w)", every, own)
    if what == "used":
        gradient = {"weight": "the weight gradient", "bias": "the bias gradient"}.get(kind, f"the gradient of {kind}")
        yield from scaled("every gradient", "*_used", "g = ∂L/∂w", f"g = {name} ∂L/∂w", every, own)
        yield from scaled(gradient, stage, "g = ∂L/∂w", f"g = {name} ∂L/∂w", every, own)
    lr = factor * run("lr", step)
    fixed = Mistake("lr-fixed", f"the learning rate that is given is not used: it is {lr:.6g}, whatever is given", "Δw = −lr ∂L/∂w",
                    f"Δw = −{lr:.6g} ∂L/∂w", {"*_step": partial(_by_fixed_lr, lr=lr, off=off * run("lr", step))}, "all")
    yield Cause(fixed, every, run.problem)
    yield from scaled("δ", "delta", "δ = ∂L/∂a ∘ f′(z)", f"δ = {name} · ∂L/∂a ∘ f′(z)", own)


def _times(at: At, stage: str, factor: float, off: float, kind: str = "") -> Sampled:
    """Return the right stage times a factor that is known but for `off`."""
    right: Sampled = at.right(stage.replace("*", kind))
    return right.scaled(factor).off_by(off * right.at_most())


def _by_fixed_lr(at: At, kind: str, lr: float, off: float) -> Sampled:
    """Return the step at another learning rate: every optimiser's step is proportional to lr."""
    return _times(at, f"{kind}_step", lr / at("lr"), off / at("lr"))
