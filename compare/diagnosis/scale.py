"""A factor that no entry of the catalogue has: measured where it shows best, on everything or in one layer."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from ..rounding.arithmetic import Bounded
from ..support.arrays import Array
from .catalogue.numbers import FAMILIES
from .formulas import Formula
from .graph import Node, Run
from .measured import measured_causes
from .mistake import Cause, Mistake


def scale_causes(run: Run, node: Node, actual: Array) -> Iterator[Cause]:
    """What is measured at a node: a factor, else the number of a mistake that has one."""
    yield from _factors(run, node, actual)
    yield from measured_causes(FAMILIES, run, node, actual)


def _factors(run: Run, node: Node, actual: Array) -> Iterator[Cause]:
    """The step multiplied by the factor that the node shows: in all layers, in the node's own, or δ of the node's layer; or a fixed lr."""
    stage, step, layer = node
    right = run.worked_out(*node)
    if not isinstance(right, Bounded) or not layer:
        return
    if stage.endswith("_after"):
        w = run(stage.removesuffix("_after"), step, layer)
        moved, wanted = actual - w.value, run.worked_out(stage.replace("_after", "_step"), step, layer)
    else:
        moved, wanted = actual, right
    at = np.unravel_index(int(np.argmax(np.abs(wanted.value))), wanted.value.shape)
    if not wanted.value[at] or not moved[at]:
        return
    factor = float(moved[at] / wanted.value[at])
    off = float((np.broadcast_to(right.error, right.value.shape)[at]) / abs(wanted.value[at])) + 1e-14 * abs(factor)
    name = f"{factor:.6g}" if f"{factor:.6g}" not in ("1", "-1") else f"{factor:.16g}"
    sentence, right_step, wrong = "Δw of {layer} is " + name + " times what it should be", "Δw = −lr ∂L/∂w", f"Δw = {name} · (−lr ∂L/∂w)"
    every = tuple(range(1, run.depth + 1))
    kind = stage.partition("_")[0]
    for layers in (every, (layer,)):
        yield Cause(Mistake("scaled", sentence, right_step, wrong, {"*_step": _by_kind("step", factor, off)}, "layer"), layers, run.problem)
    if stage.endswith("_used"):
        of = {"weight": "the weight gradient", "bias": "the bias gradient"}.get(kind, f"the gradient of {kind}")
        for what, formulas in (
            ("every gradient", {"*_used": _by_kind("used", factor, off)}),
            (of, {stage: partial(_by_kind("used", factor, off), kind=kind)}),
        ):
            for layers in (every, (layer,)):
                sentence = f"{what} of {{layer}} is {name} times what it should be"
                yield Cause(Mistake("scaled", sentence, "g = ∂L/∂w", f"g = {name} ∂L/∂w", formulas, "layer"), layers, run.problem)
    lr = factor * run("lr", step)
    sentence, wrong = f"the learning rate that is given is not used: it is {lr:.6g}, whatever is given", f"Δw = −{lr:.6g} ∂L/∂w"
    formulas = {"*_step": _by_fixed_lr(lr, off * run("lr", step))}
    yield Cause(Mistake("lr-fixed", sentence, right_step, wrong, formulas, "all"), every, run.problem)
    sentence, right_delta, wrong = (
        "δ of {layer} is " + name + " times what it should be",
        "δ = ∂L/∂a ∘ f′(z)",
        f"δ = {name} · ∂L/∂a ∘ f′(z)",
    )
    yield Cause(Mistake("scaled", sentence, right_delta, wrong, {"delta": _of_delta(factor, off)}, "layer"), (layer,), run.problem)


def _by_kind(what: str, factor: float, off: float) -> Formula:
    return lambda at, kind: _times(at.right(f"{kind}_{what}"), factor, off)


def _by_fixed_lr(lr: float, off: float) -> Formula:
    """Every optimiser's step is proportional to lr."""
    return lambda at, kind: _times(at.right(f"{kind}_step"), lr / at("lr"), off / at("lr"))


def _of_delta(factor: float, off: float) -> Formula:
    return lambda at: _times(at.right("delta"), factor, off)


def _times(a: Bounded, factor: float, off: float) -> Bounded:
    return a.scaled(factor).off_by(off * a.at_most())
