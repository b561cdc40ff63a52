"""Answers that prove nothing: those that show nothing, and those that a wrong gradient would make too, within rounding."""

from collections.abc import Mapping

import numpy as np

from ..lockstep.result import hardly_moved
from ..support.arrays import Array
from .formulas import KINDS, Formula
from .graph import Node, Run, parameter_name, places
from .matcher import is_within
from .probes import Probe, dead_units

_OF_A_PARAMETER = ("_used", "_step", "_after")


def nothing_shown(right: Run, shown: Mapping[Node, Array], probes: tuple[Probe, ...]) -> str | None:
    """Return why the numbers that are shown prove nothing, be they right or wrong; or None."""
    groups: dict[str, list[Array]] = {}
    for (stage, _, _), array in shown.items():
        groups.setdefault(stage.partition("_")[2] or stage, []).append(array)
    if not {"used", "step", "after"} & groups.keys():
        return "no gradient and no new weight is shown: nothing of the backward pass was compared; define gradients or train_step"
    if "after" in groups:
        afters = {node: array for node, array in shown.items() if node[0].endswith("_after")}
        names = {node: parameter_name(right.problem, node[0].partition("_")[0], node[2]) for node in afters}
        moves = {node: np.abs(array - right.steps[node[1]].before[names[node]]) for node, array in afters.items()}
        if not any(move.any() for move in moves.values()):
            return "the weights never change: train_step gives back what it was given"
        with np.errstate(all="ignore"):
            if all((move <= right.worked_out(*node).error).all() for node, move in moves.items()):
                return hardly_moved(list(dict.fromkeys(names.values())))
    for stage, what in (("used", "the gradients are"), ("step", "the steps are"), ("delta", "the error terms are")):
        if stage in groups and all(not array.any() for array in groups[stage]):
            return f"{what} zero, whatever the input"
    outputs = groups.get("output", [])
    if outputs and len(outputs) > 1 and all((array == outputs[0].flat[0]).all() for array in outputs):
        return "the output is the same number for every record and step"
    dead = dead_units(right.problem, list(probes))
    if dead:
        layer, unit = dead[0]
        return f"no probe sends any error through unit {unit} of layer {layer}: what it does was not compared"
    return None


def nothing_proved(right: Run, shown: Mapping[Node, Array]) -> str | None:
    """Return why the numbers that are shown, all right, prove nothing of some parameter; or None."""
    shown_places = {(stage.partition("_")[0], layer) for stage, _, layer in shown if stage.endswith(_OF_A_PARAMETER)}
    missing = [parameter_name(right.problem, *place) for place in places(right.problem) if place not in shown_places]
    if missing:
        return f"no gradient and no new value of {', '.join(missing)} is shown: it was not compared"
    some = [parameter_name(right.problem, *place) for place in places(right.problem) if not _is_shown_at_every_step(right, shown, *place)]
    if some:
        return f"no gradient and no new value of {', '.join(some)} is shown at every step: at some it was not compared"
    if all(_is_zero(right, *place) for place in places(right.problem)):
        return "every gradient is 0, whatever the weights: no backward pass was compared"
    hidden = [parameter_name(right.problem, *place) for place in without_proof(right, shown)]
    if not hidden:
        return None
    what = "with a gradient of zero, of half its size, or of the other sign, they would be within what rounding allows too"
    return f"the new values of {', '.join(hidden)} hardly depend on their gradients: {what}"


def without_proof(right: Run, shown: Mapping[Node, Array]) -> list[tuple[str, int]]:
    """Return the parameters, by kind and layer, whose right answers would be those of a wrong gradient too."""
    return [place for place in places(right.problem) if _would_pass(right, shown, *place)]


def _is_shown_at_every_step(right: Run, shown: Mapping[Node, Array], kind: str, layer: int) -> bool:
    """Return whether one of the parameter's answers is shown at each step: a recorded run may have some steps' only."""
    steps = range(len(right.steps))
    return any(all((f"{kind}{answer}", step, layer) in shown for step in steps) for answer in _OF_A_PARAMETER)


def _is_zero(right: Run, kind: str, layer: int) -> bool:
    """Return whether the parameter's gradient is 0 at every step, within rounding."""
    with np.errstate(all="ignore"):
        gradients = [right(f"{kind}_used", step, layer) for step in range(len(right.steps))]
    return all((np.abs(gradient.value) <= gradient.error).all() for gradient in gradients)


def _would_pass(right: Run, shown: Mapping[Node, Array], kind: str, layer: int) -> bool:
    """Return whether all answers would be within rounding with no gradient, half of it, or its opposite; False if the gradient is 0."""
    nodes = [node for node in shown if node[0].endswith(_OF_A_PARAMETER) and (node[0].partition("_")[0], node[2]) == (kind, layer)]
    if _is_zero(right, kind, layer):
        return False
    with np.errstate(all="ignore"):
        for wrong in _WRONG[kind]:
            run = right.with_formulas({(f"{kind}_used", layer): wrong})
            if all(is_within(run.worked_out(*node).value, right.worked_out(*node)) for node in nodes):
                return True
    return False


def _wrong(used: str) -> tuple[Formula, ...]:
    """Return the formulas of no gradient, half of it, and its opposite."""
    return lambda at: at.right(used).zeros(), lambda at: at.right(used).scaled(0.5), lambda at: -at.right(used)


_WRONG = {kind: _wrong(f"{kind}_used") for kind in KINDS}
