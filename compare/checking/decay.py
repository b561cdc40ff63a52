"""A regularisation that a recognised file takes as an argument: the file is checked with it at 0, and at another value."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..diagnosis.probes import draw_probes
from ..problem.from_dict import declared_problem
from ..problem.problem import Problem
from ..support.arrays import Array
from ..userfile.interface import Recognised
from .examination import Examination
from .own_penalty import STRENGTH, USUAL, constant_penalty, penalty_of_loss
from .readings import steps_of_file
from .result import Check

_STEPS = 10


def with_penalty(attempt: Recognised, declared: Mapping[str, Any], check: Check, seed: int) -> Check:
    """Return the check, or that of the file with its regularisation where it differs; and a note of what was done."""
    problem = declared_problem(declared)
    without = steps_of_file(attempt, problem)
    for per_record in (False, True):
        options = {"penalty": str(STRENGTH), **({"per_record": "yes"} if per_record else {})}
        other = attempt.with_options(options)
        found = steps_of_file(other, problem)
        if without is None or found is None:
            return check
        if all(_is_same(one, two) for one, two in zip(without, found, strict=True)):
            return _without_step(attempt, declared, check)
        factor, decay = _factor(problem, without, found)
        if factor is not None:
            break
    own, of_step = penalty_of_loss(attempt, declared), "" if factor is None else _in_words(factor, decay, per_record)
    if own is not None:
        factor, decay = own.factor, own.decay
        if own.is_per_record != per_record:
            options = {"penalty": str(STRENGTH), **({"per_record": "yes"} if own.is_per_record else {})}
            other = attempt.with_options(options)
    factor = factor if factor in USUAL else 1.0
    given = {**declared, "weight_decay": STRENGTH * factor, "decay": decay}
    tested = Examination(other, declared_problem(given), seed, _STEPS, is_lenient=True).result()
    whose = f"which its own loss, {own.name}, has as" if own is not None else "whose step is that of"
    said = f"with its regularisation at {STRENGTH:g}, {whose} {_in_words(factor, decay, own is not None and own.is_per_record)}"
    if own is not None and of_step:
        said += f"; its step is that of {of_step}"
    if tested.verdict == "equivalent":
        return replace(check, notes=(*check.notes, f"it agrees {said.partition(';')[0]}, too"))
    if own is not None and of_step and tested.verdict == "different" and not tested.diagnosis and tested.reason is None:
        due = _in_words(own.factor, own.decay, own.is_per_record)
        tested = replace(tested, reason=f"the regularisation in its step is that of {of_step}; its own loss, {own.name}, has {due}")
    return replace(tested, notes=(*tested.notes, f"it agrees without its regularisation, and not {said}"))


def _without_step(attempt: Recognised, declared: Mapping[str, Any], check: Check) -> Check:
    """Return the check of a file whose step has no regularisation: it is different where the file's own loss has one.

    To gradients alone, without a loss beside them, whoever makes the step of them may add it.
    """
    if not {"train_step", "trace"} & set(attempt.functions):
        return check
    if (own := penalty_of_loss(attempt, declared)) is not None:
        added = f"its own loss, {own.name}, has a regularisation, {_in_words(own.factor, own.decay, own.is_per_record)}"
    elif (own := constant_penalty(attempt, declared)) is not None:
        added = f"its own loss, {own.name}, has a regularisation, {own.in_numbers}"
    else:
        return check
    return replace(check, verdict="different", reason=f"{added}, and its step has none")


def _in_words(factor: float, decay: str, is_per_record: bool) -> str:
    which = "all parameters" if decay == "all" else "the weights"
    return f"{factor:g} times ½ λ Σw² over {which}" + (", divided by the number of records" if is_per_record else "")


def _is_same(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    return all(np.allclose(one[name], other[name], rtol=1e-7, atol=1e-9) for name in one)


def _factor(problem: Problem, without: list[dict[str, Array]], found: list[dict[str, Array]]) -> tuple[float | None, str]:
    """Return by what multiple of the parameters the steps differ, None where it is none, and which parameters decay."""
    parameters = draw_probes(problem, 1)[0].parameters
    factors: dict[str, set[float]] = {"weight": set(), "bias": set()}
    for one, other in zip(without, found, strict=True):
        for name, array in parameters.items():
            extra = one[name] - other[name]
            factor = float(np.vdot(extra, array) / np.vdot(array, array)) / STRENGTH
            is_multiple = np.allclose(extra, factor * STRENGTH * array, rtol=1e-6, atol=1e-9)
            factors["bias" if name.endswith("bias") else "weight"].add(float(f"{factor:.4g}") if is_multiple else float("nan"))
    decays = "all" if factors["bias"] and factors["bias"] == factors["weight"] else "weights"
    weights = factors["weight"]
    return (next(iter(weights)) if len(weights) == 1 and not np.isnan(next(iter(weights))) else None), decays
