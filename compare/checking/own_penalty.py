"""The regularisation in a loss that a recognised file computes: of a strength that it takes, or of a constant one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..problem.from_dict import declared_problem
from ..support.arrays import Array
from ..userfile.interface import Recognised
from .own_loss import numbers_of_losses, values_of_losses
from .readings import probe_of

STRENGTH = 0.05
USUAL = (1.0, 2.0, 0.5)      # the step's factor: of ½ λ Σw², of λ Σw², and of one that is halved
_SAME = 1e-4      # relative: a logarithm is kept from 0 by an ε
_LEAST = 1e-6      # of the loss: less is such an ε's
_SCALES = (1.0, 0.6)      # of the parameters


@dataclass(frozen=True)
class OwnPenalty:
    """What the loss `name` adds: `factor` times ½ λ Σw², divided by the number of records if `is_per_record`, over what decays.

    `beside` is the loss with its reduction to which a constant regularisation is added.
    """

    name: str
    factor: float
    decay: str
    is_per_record: bool
    beside: tuple[str, str] | None = None

    @property
    def in_numbers(self) -> str:
        """A constant regularisation in words."""
        which = "all parameters" if self.decay == "all" else "the weights"
        return f"{self.factor:.4g}/2 Σw² over {which}" + (", divided by the number of records" if self.is_per_record else "")


def penalty_of_loss(attempt: Recognised, declared: Mapping[str, Any]) -> OwnPenalty | None:
    """Return what a loss that the file computes adds with its regularisation at STRENGTH; None where none adds a multiple of Σw²."""
    with_it = attempt.with_options({"penalty": str(STRENGTH)})
    made = probe_of(attempt, declared)
    squares = {decay: STRENGTH * square for decay, square in _squares(made.parameters).items()}
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
    for key in (each for each in ratios[0] if each in ratios[1]):      # in the order in which the file computes them
        for decay, square in squares.items():
            added = [each[key] / square for each in ratios]
            for is_per_record in (False, True):
                factors = [one * n for one, n in zip(added, sizes, strict=True)] if is_per_record else added
                factor = next((each for each in USUAL if np.allclose(factors, each, rtol=1e-6)), None)
                if factor is not None:
                    return OwnPenalty(key[0], factor, decay, is_per_record)
    return None


def constant_penalty(attempt: Recognised, declared: Mapping[str, Any]) -> OwnPenalty | None:
    """Return what a loss adds to one of the known ones, where that is one multiple of ½ Σw² throughout, with that as its factor."""
    problem, made = declared_problem(declared), probe_of(attempt, declared)
    found: list[dict[tuple[str, int, tuple[str, str], str, bool], float]] = []
    for scale, (x, y) in product(_SCALES, made.batches[:2]):
        parameters = {name: scale * array for name, array in made.parameters.items()}
        shown = numbers_of_losses(attempt, declared, parameters, x, y)
        known = values_of_losses(problem, parameters, x, y)
        found.append(dict(_factors(shown, known, _squares(parameters), len(x))))
    for key in found[0]:
        factors = [each[key] for each in found if key in each]
        if len(factors) == len(found) and np.allclose(factors, factors[0], rtol=_SAME, atol=0):
            name, _, beside, decay, is_per_record = key
            return OwnPenalty(name, float(f"{factors[0]:.6g}"), decay, is_per_record, beside)
    return None


def _squares(parameters: Mapping[str, Array]) -> dict[str, float]:
    """Return ½ Σw² over the weights, and over all parameters."""
    return {
        decay: 0.5 * sum(float(np.sum(array**2)) for name, array in parameters.items() if decay == "all" or "weight" in name)
        for decay in ("weights", "all")
    }


def _factors(
    shown: Mapping[str, list[float]], known: Mapping[tuple[str, str], float], squares: Mapping[str, float], n: int
) -> Iterator[tuple[tuple[str, int, tuple[str, str], str, bool], float]]:
    """Yield what multiple of Σw² each number is above each known loss, by name and place, the loss, what decays, and whether by n."""
    for name, numbers in shown.items():
        for (at, number), (loss, value), (decay, square) in product(enumerate(numbers), known.items(), squares.items()):
            if np.isfinite(number) and np.isfinite(value) and number - value > _LEAST * abs(value):
                yield (name, at, loss, decay, False), (number - value) / square
                yield (name, at, loss, decay, True), (number - value) / square * n
