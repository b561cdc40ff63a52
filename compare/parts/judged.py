"""Arrays that a file returns, beside PyTorch's of the same call, each number within what sampled rounding allows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..lockstep.difference import Difference, largest_share
from ..lockstep.sampled_reference import sampled
from ..rounding.allowance import UNITS
from ..rounding.spread import LAST, SAMPLES, critical
from ..sides.interface import Key
from ..support.arrays import Array
from ..support.kinds import kind_of

_LITTLE = 1e-9      # of an array's largest number: what a file's own rounding may explain at most
_FEW = 1 << 16      # numbers of a file: c is the same for all its parts


@dataclass(frozen=True)
class Judged:
    """The arrays of one call, judged: of each the number nearest to what is allowed, in the order of computation.

    `ratios` has of each array that differs what every number of it is of PyTorch's, where that is one factor.
    """

    differences: tuple[Difference, ...]
    sizes: Mapping[str, int]
    ratios: Mapping[str, float | None]

    @property
    def first(self) -> Difference | None:
        """The first array's number that rounding cannot explain."""
        return next((each for each in self.differences if not each.is_allowed), None)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of all arrays that differ."""
        return tuple(each.tensor for each in self.differences if not each.is_allowed)


def judged(
    actual: Mapping[Key, Any],
    reference: Callable[[], Mapping[Key, Tensor]],
    seed: int,
    again: Callable[[], Mapping[Key, Tensor]] | None = None,
) -> Judged:
    """Judge the arrays by their (phase, name) against those that the reference makes, each time from the same inputs, in float64.

    What the reference does not make is not compared; what the file lacks, or has in another shape, is a difference. `again` makes the
    arrays by the file's own code, where that is PyTorch's: its own rounding is allowed too, as that of 1 − s in s (1 − s), where s is
    nearly 1.
    """
    answers = {key: as_numbers(value) for key, value in actual.items()}
    shown = [each for each in answers.values() if isinstance(each, np.ndarray)]
    units = UNITS["float32" if any(each.dtype == np.float32 for each in shown) else "float64"]

    def floats() -> Mapping[Key, Tensor]:
        return {key: tensor.detach().double() for key, tensor in reference().items()}

    def is_enough(allowed: Mapping[Key, Array]) -> bool:
        return all(_within(answers.get(key), plain[key], each) for key, each in allowed.items())

    plain = {key: tensor.numpy(force=True) for key, tensor in floats().items()}
    found = sampled(floats, critical(SAMPLES, _FEW), units=units, seed=seed, is_enough=is_enough)
    last = {key: LAST * units[0] * np.abs(each) + np.finfo(np.float64).smallest_normal for key, each in plain.items()}
    allowed = {key: each + last[key] for key, each in found.allowed.items()}
    if again is not None and not is_enough(allowed):
        for key, each in _own_rounding(again, units, seed).items():
            most = _LITTLE * np.abs(plain[key]).max(initial=0.0)
            allowed[key] = np.maximum(allowed[key], np.minimum(each, most)) if each.shape == plain[key].shape else allowed[key]
    differences = tuple(difference(key, answers.get(key), expected, allowed[key]) for key, expected in plain.items())
    ratios = {
        each.tensor: 1.0 if each.is_allowed else ratio
        for each, (key, expected) in zip(differences, plain.items(), strict=True)
        if (ratio := one_ratio(answers.get(key), expected, allowed[key])) is not None or each.is_allowed
    }
    return Judged(differences, {key[1]: each.size for key, each in plain.items()}, ratios)


def _own_rounding(again: Callable[[], Mapping[Key, Tensor]], units: tuple[float, float], seed: int) -> Mapping[Key, Array]:
    """Return how far its own rounding may move each number of a file's PyTorch code; nothing where it does not run under noise."""
    try:
        return sampled(again, critical(SAMPLES, _FEW), units=units, seed=seed).allowed
    except Exception:      # whatever the file's code raises on other numbers
        return {}


def as_numbers(value: Any) -> Array | str:
    """Return an array of float64 or float32, or what else the value is, in words."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    try:
        array = np.asarray(value)
    except Exception:      # an object's own __array__ may raise anything
        return kind_of(value)
    if array.dtype.kind not in "fiub":
        return "missing" if value is None else kind_of(value)
    return array if array.dtype == np.float32 else array.astype(np.float64)


def one_ratio(actual: Any, expected: Array, allowed: Array) -> float | None:
    """Return the factor by which every number is off, if it is one for all of them."""
    usual = np.abs(expected) > 8 * allowed
    if not isinstance(actual, np.ndarray) or actual.shape != expected.shape or usual.sum() < 2 or not np.isfinite(actual).all():
        return None
    at = int(np.argmax(np.abs(expected)))
    ratio = float(actual.flat[at] / expected.flat[at])
    return ratio if (np.abs(actual - ratio * expected) <= 4 * (1 + abs(ratio)) * allowed).all() else None


def _within(actual: Array | str | None, expected: Array, allowed: Array) -> bool:
    return isinstance(actual, np.ndarray) and actual.shape == expected.shape and bool((np.abs(actual - expected) <= allowed).all())


def difference(key: Key, actual: Array | str | None, expected: Array, allowed: Array) -> Difference:
    """Return the number of an array nearest to what is allowed of it, or that it is missing, or of another shape."""
    if not isinstance(actual, np.ndarray):
        return Difference(1, *key, reason=f"it is {actual or 'missing'}; expected an array of shape {list(expected.shape)}")
    if actual.shape != expected.shape:
        return Difference(1, *key, reason=f"its shape is {list(actual.shape)}; expected {list(expected.shape)}")
    if not expected.size:
        return Difference(1, *key)
    largest = largest_share(1, key, *(np.atleast_1d(each) for each in (actual, expected, allowed)))
    return largest if expected.size > 1 else Difference(**{**vars(largest), "index": None})
