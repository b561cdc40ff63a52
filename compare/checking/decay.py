"""A regularisation that a recognised file takes as an argument: the file is checked with it at 0, and at another value."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..diagnosis.probes import draw_probes
from ..problem.from_dict import declared_problem
from ..problem.problem import Problem
from ..support.arrays import Array
from ..userfile.file import Attempt
from .examination import Examination
from .own_loss import numbers_of_losses
from .readings import probe_of, steps_of_file
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
    own, of_step = penalty_of_loss(attempt, declared), "" if factor is None else _in_words(factor, decay, per_record)
    if own is not None:
        factor, decay = own.factor, own.decay
        if own.is_per_record != per_record:
            options = {**(attempt.options or {}), "penalty": str(STRENGTH), **({"per_record": "yes"} if own.is_per_record else {})}
            other = Attempt.load(attempt.path, attempt.adapter, options)
    factor = factor if factor in _USUAL else 1.0
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


def _in_words(factor: float, decay: str, is_per_record: bool) -> str:
    which = "all parameters" if decay == "all" else "the weights"
    return f"{factor:g} times ½ λ Σw² over {which}" + (", divided by the number of records" if is_per_record else "")


@dataclass(frozen=True)
class OwnPenalty:
    """What the loss `name` adds: `factor` times ½ λ Σw², divided by the number of records if `is_per_record`, over what decays."""

    name: str
    factor: float
    decay: str
    is_per_record: bool


def penalty_of_loss(attempt: Attempt, declared: Mapping[str, Any]) -> OwnPenalty | None:
    """Return what a loss that the file computes adds with its regularisation at STRENGTH; None where none adds a multiple of Σw²."""
    with_it = Attempt.load(attempt.path, attempt.adapter, {**(attempt.options or {}), "penalty": str(STRENGTH)})
    made = probe_of(attempt, declared)
    squares = {
        decay: STRENGTH / 2 * sum(float(np.sum(array**2)) for name, array in made.parameters.items() if decay == "all" or "weight" in name)
        for decay in ("weights", "all")
    }
    ratios: list[dict[tuple[str, int], float]] = []
    for x, y in made.batches[:2]:
        without, found = (numbers_of_losses(each, declared, made.parameters, x, y) for each in (attempt, with_it))
        ratios.append(
            {
                (name, at): two - one
                for name, numbers in without.items()
                if len(numbers) == len(found.get(name, ()))
                for at, (one, two) in enumerate(zip(numbers, found[name], strict=True))
            }
        )
    sizes = [len(x) for x, _ in made.batches[:2]]
    for key in ratios[0].keys() & ratios[1].keys():
        for decay, square in squares.items():
            added = [each[key] / square for each in ratios]
            for is_per_record in (False, True):
                factors = [one * n for one, n in zip(added, sizes, strict=True)] if is_per_record else added
                factor = next((each for each in _USUAL if np.allclose(factors, each, rtol=1e-6)), None)
                if factor is not None:
                    return OwnPenalty(key[0], factor, decay, is_per_record)
    return None


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
