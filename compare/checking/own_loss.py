"""The loss that a recognised file itself computes, beside the loss that its step descends.

A step may be right for one loss while the file prints another. Which loss it prints is found by its numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from ..problem.from_dict import declared_problem
from ..problem.problem import Problem
from ..sides.manual import Manual
from ..support.arrays import Array
from ..userfile.conventions import CHOICES, ContractError, Convention
from ..userfile.file import AttemptError
from ..userfile.interface import Recognised
from .readings import Reading, evidence_in_code, probe_of

_CLOSE = 1e-4      # relative: losses keep their logarithms from 0 by an ε, and another reduction is a factor of 7/6 at least
SQUARES, LOGS, ABSOLUTE = ("half_mse", "mse"), ("bce", "cross_entropy"), ("l1",)
_REDUCED = {
    "mean": "averaged over records and outputs",
    "batchmean": "summed over the outputs, averaged over the records",
    "sum": "summed over records and outputs",
}


@dataclass(frozen=True)
class OwnLoss:
    """A loss that the file computes under a name, as `loss` with `reduction`, which is `value` on the first batch."""

    name: str
    loss: str
    reduction: str
    value: float

    @property
    def kind(self) -> Sequence[str]:
        """The losses that are of its kind."""
        return next(kind for kind in (SQUARES, LOGS, ABSOLUTE) if self.loss in kind)


def own_losses(attempt: Recognised, declared: Mapping[str, Any]) -> list[OwnLoss]:
    """Return which losses the numbers are that the file computes under names of losses; declared is a problem with its activations."""
    problem = declared_problem(declared)
    made = probe_of(attempt, declared)
    fits: dict[str, dict[tuple[str, str], float]] = {}
    for number, (x, y) in enumerate(made.batches[:2]):
        shown = numbers_of_losses(attempt, declared, made.parameters, x, y)
        every = values_of_losses(problem, made.parameters, x, y)
        own = {name: {key: value for key, value in every.items() if _is_among(value, numbers)} for name, numbers in shown.items()}
        if number == 0:
            fits = own
        fits = {name: {key: value for key, value in each.items() if key in own.get(name, {})} for name, each in fits.items()}
    return [OwnLoss(name, *key, value) for name, fitting in fits.items() for key, value in fitting.items()]


def numbers_of_losses(
    attempt: Recognised, declared: Mapping[str, Any], parameters: Mapping[str, Array], x: Array, y: Array
) -> dict[str, list[float]]:
    """Return by name the numbers that the file computes as losses of these records; none where it raises."""
    convention = Convention(**{name: value for name, value in attempt.conventions.items() if name in CHOICES})
    given = convention.parameters_in(declared_problem(declared), parameters), convention.records_in(x), convention.records_in(y)
    try:
        return attempt.fresh().own_losses(*given)
    except (AttemptError, ContractError):
        return {}


def stated_by(own: Sequence[OwnLoss], found: Sequence[Reading], text: str) -> list[Reading]:
    """Return the readings, stated if their loss is of a kind that the file computes, and not if it computes another kind alone.

    Then a formula in its code still states it, and a word does not: the logistic function is no logistic loss.
    """
    kinds = [each.kind for each in own if each.kind != ABSOLUTE]      # which people print beside any loss
    in_code = dict(zip((SQUARES, LOGS), evidence_in_code(text), strict=True))
    judged = []
    for each in found:
        kind = SQUARES if each.problem["loss"] in SQUARES else LOGS
        judged.append(replace(each, is_stated=kind in kinds or (each.is_stated and (not kinds or in_code[kind]))))
    own_ones = {(each.loss, each.reduction) for each in own}
    return sorted(
        judged, key=lambda each: (not each.is_right, not each.is_stated, (each.problem["loss"], each.problem["reduction"]) not in own_ones)
    )


def is_of_own(own: Sequence[OwnLoss], reading: Reading) -> bool:
    """Return whether the reading is that of a loss that the file computes."""
    return (reading.problem["loss"], reading.problem["reduction"]) in {(each.loss, each.reduction) for each in own}


def beside_the_step(own: Sequence[OwnLoss], reading: Reading, found: Sequence[Reading]) -> tuple[str, bool] | None:
    """Say which loss the file computes if its step is right for another one alone, and whether it is more than a printed metric."""
    if not own or any(each.is_right and is_of_own(own, each) for each in found):
        return None
    loss, reduction = reading.problem["loss"], reading.problem["reduction"]
    alike = [each for each in own if loss in each.kind]
    first = (alike or own)[0]
    beside = f"the step is that of {in_words(loss, reduction)}, and {first.name} is {in_words(first.loss, first.reduction)}"
    if not alike:
        return f"its step is not that of the loss that it computes, {first.name}: {beside}", first.kind != ABSOLUTE
    times = _times((loss, reduction), (first.loss, first.reduction), reading.problem["sizes"][-1])
    return f"its step is {times} times the gradient of the loss that it computes, {first.name}: {beside}", True


def _times(one: tuple[str, str], other: tuple[str, str], k: int) -> str:
    """Return how many times the one loss is the other, of n records and k outputs: 2, n/2, 3n."""

    def scale(loss: str, reduction: str) -> tuple[Fraction, int]:
        half = Fraction(1, 2) if loss == "half_mse" else Fraction(1)
        outputs = k if reduction == "mean" and loss != "cross_entropy" else 1
        return half / outputs, 0 if reduction == "sum" else -1

    (a, p), (b, q) = scale(*one), scale(*other)
    factor, power = a / b, p - q
    above = f"{factor.numerator if factor.numerator != 1 or power <= 0 else ''}{'n' if power > 0 else ''}"
    below = f"{factor.denominator if factor.denominator != 1 or power >= 0 else ''}{'n' if power < 0 else ''}"
    return above if below == "1" else f"{above}/{below}"


def in_words(loss: str, reduction: str) -> str:
    """Return the loss, and over what it is averaged or summed."""
    return f"{loss}, {_REDUCED[reduction]}"


def _is_among(value: float, numbers: Sequence[float]) -> bool:
    return bool(np.isfinite(value)) and any(abs(number - value) <= _CLOSE * abs(value) for number in numbers)


def values_of_losses(problem: Problem, parameters: Mapping[str, Array], x: Array, y: Array) -> dict[tuple[str, str], float]:
    """Return every loss of the output, with every reduction."""
    side = Manual(problem)
    side.load_state_dict(parameters)
    output = np.asarray(side.predict(x))
    if problem.loss == "cross_entropy":
        shifted = np.exp(output - output.max(axis=1, keepdims=True))
        output = shifted / shifted.sum(axis=1, keepdims=True)
    y = np.eye(output.shape[1])[y] if y.ndim == 1 else y
    with np.errstate(all="ignore"):
        squares, logs = float(((y - output) ** 2).sum()), -y * np.log(output)
        both = float((logs - (1 - y) * np.log(1 - output)).sum())
    n, k = output.shape
    numbers = {"mean": n * k, "batchmean": n, "sum": 1}
    found = {("half_mse", name): squares / 2 / number for name, number in numbers.items()}
    found |= {("mse", name): squares / number for name, number in numbers.items()}
    found |= {("l1", name): float(np.abs(y - output).sum()) / number for name, number in numbers.items()}
    found |= {("bce", name): both / number for name, number in numbers.items()}
    return found | {("cross_entropy", name): float(logs.sum()) / number for name, number in (("mean", n), ("sum", 1))}
