"""A regularisation that a recognised file takes as an argument: the file is checked with it at 0, and at another value."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..diagnosis.probes import draw_probes
from ..problem.from_dict import declared_problem
from ..problem.problem import Problem
from ..support.arrays import Array
from ..userfile.file import Attempt
from .examination import Examination
from .readings import steps_of_file
from .result import Check

STRENGTH = 0.05
_STEPS = 10
_USUAL = (1.0, 2.0, 0.5)      # the step's factor: of ½ λ Σw², of λ Σw², and of one that is halved


def with_penalty(attempt: Attempt, declared: Mapping[str, Any], check: Check, seed: int) -> Check:
    """Return the check, or that of the file with its regularisation where it differs; and a note of what was done."""
    problem = declared_problem(declared)
    without = steps_of_file(attempt, problem)
    for per_record in (False, True):
        options = {**(attempt.options or {}), "penalty": str(STRENGTH), **({"per_record": "yes"} if per_record else {})}
        other = Attempt.load(attempt.path, attempt.adapter, options)
        found = steps_of_file(other, problem)
        if without is None or found is None or all(_is_same(one, two) for one, two in zip(without, found, strict=True)):
            return check
        factor, decay = _factor(problem, without, found)
        if factor is not None:
            break
    factor = factor if factor in _USUAL else 1.0
    given = {**declared, "weight_decay": STRENGTH * factor, "decay": decay}
    tested = Examination(other, declared_problem(given), seed, _STEPS, is_lenient=True).result()
    which = "all parameters" if decay == "all" else "the weights"
    said = f"with its regularisation at {STRENGTH:g}, whose step is {factor:g} times that of ½ λ Σw² over {which}"
    if tested.verdict == "equivalent":
        return replace(check, notes=(*check.notes, f"it agrees {said}, too"))
    return replace(tested, notes=(*tested.notes, f"it agrees without its regularisation, and not {said}"))


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
