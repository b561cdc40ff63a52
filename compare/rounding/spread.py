"""What rounding allows in a number: c σ, from the spread of its samples.

A number is the same on both sides if they are at most c σ apart, σ being the root mean square of what honest rounding moves it by. An
honest program is off by about one σ, in no direction of its own, so that its distance in estimated σ has Student's distribution with as
many degrees of freedom as there are samples. c follows from the chance of a false alarm, over all numbers compared.

Each sample is moved by c/2 times as much as honest rounding may move it, and twice their spread is allowed. So a choice that rounding
might turn, of relu or a maximum, is turned in many samples.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import numpy as np

from ..support.arrays import Array

K = TypeVar("K", bound=Hashable)
Two = tuple[float, float]
SAMPLES = 32
HALF = 0.5      # of what other steps, or few samples, allow is enough
FEW = (8, 16)
CHANCE = 1e-9      # of a false alarm in all numbers of a comparison, if errors were normal; they are more bounded than that
LAST = 4.0      # u that any number may be off by: what is copied on one side may be multiplied and divided on the other, or scaled back
TURNED = 30.0      # times what is allowed of most numbers of a tensor: only a choice that rounding turns moves a number so far
_LEAST_TURNED = 1 << 20      # u of a number's scale: no less is a choice
_MOST = 1.1      # times the largest of the samples is allowed, where that is more than twice their spread
_SATURATED = 1.3      # times their root mean square is the largest of samples that are all as far off; of normal ones it is about twice
_ENOUGH = 1 << 14      # numbers of a tensor tell what is usual in it
SELDOM = 32      # terms
_USUAL = 0.75      # of a tensor's numbers are allowed no more than what is usual


@dataclass(frozen=True)
class Spread(Generic[K]):
    """What rounding allows in each number, by the key of its tensor.

    `usual` is what is allowed of most numbers of a tensor: the part of a number's scale, and how much it is. `turned` says where more
    than rounding moves a number. `sizes` are the root mean squares of the tensors' numbers.
    """

    allowed: Mapping[K, Array]
    turned: Mapping[K, Any]
    usual: Mapping[K, Two]
    sizes: Mapping[K, float]


def spread(plain: Mapping[K, Array], squares: Mapping[K, Array], most: Mapping[K, Array], samples: int, units: Two) -> Spread[K]:
    """Return what so many samples allow, from the sums of the squares by which they are off and the most that any is off.

    `units` are the unit roundoff of results and that of the sums behind them. A number that is moved much farther than others of its
    tensor is allowed twice that.
    """
    allowed, turned, usual = dict[K, Array](), dict[K, Any](), dict[K, Two]()
    for key, total in squares.items():
        allowed[key], turned[key], usual[key] = _of_tensor(plain[key], total, most[key], samples, units)
    return Spread(allowed, turned, usual, {key: root_mean_square(array) for key, array in plain.items()})


def _of_tensor(plain: Array, squares: Array, most: Array, samples: int, units: Two) -> tuple[Array, Any, Two]:
    allowed = allowed_by(squares, most, samples, _MOST if units[0] == units[1] else 2 * _MOST)      # or results round more than sums do
    with np.errstate(all="ignore"):
        part = np.where(allowed > 0, allowed / scale(plain), 0.0)
    is_positive = (part > 0) & (part < math.inf)
    positive = part[is_positive]
    if not positive.size:
        return allowed, np.zeros(allowed.shape, bool), (0.0, 0.0)
    if positive.size > _ENOUGH:      # drawn, since a stride may see one column of a matrix alone
        chosen = np.random.default_rng(positive.size).integers(positive.size, size=_ENOUGH)
        positive, own = positive[chosen], allowed[is_positive][chosen]
    else:
        own = allowed[is_positive]
    low, usual = np.quantile(positive, (0.1, _USUAL))
    least = _LEAST_TURNED * units[0]
    turned = part > (least if low > least else max(TURNED * low, least))      # or all are
    return np.where(turned, 2 * allowed, allowed), turned, (float(usual), float(np.quantile(own, _USUAL)))


def allowed_by(squares: Array, most: Array, samples: int, least: float = _MOST) -> Array:
    """Return what so many samples allow in each number: twice their root mean square, and `least` times the most that one is off."""
    root = np.where((squares == math.inf) & (most < math.inf), most, np.sqrt(squares / samples))      # or the squares overflow alone
    allowed = np.maximum(2 * root, least * most)
    if samples < SAMPLES:
        return np.asarray(allowed)
    return np.asarray(np.where(most < _SATURATED * root, 2 * allowed, allowed))      # all as far off: honest ones are so on both sides


def repeats(values: Array, axis: int, seldom: int = SELDOM, apart: float = 16 * 2.0**-52) -> Array:
    """Return about how often the most frequent number other than 0 comes along that axis, 0 where no more than seldom.

    A number that is added again and again to a growing sum is rounded the same way each time, so that the errors of equal terms add up.
    Numbers are equal that are so far `apart`, in parts of their size: where they were computed, their own roundings move them.
    """
    n = values.shape[axis]
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)
    most: Array = np.zeros(ordered.shape[:-1])
    length = seldom
    while length < n:      # whether some number is equal to the one so many places on
        first, later = ordered[..., :-length], ordered[..., length:]
        is_long = ((later - first <= apart * np.abs(later)) & (later != 0)).any(axis=-1)
        if not is_long.any():
            break
        most[is_long] = min(2 * length, n)
        length *= 2
    return most


def scale(value: Array) -> Array:
    """Return each number's size and the root mean square of all in its tensor."""
    size = np.abs(value, dtype=np.float64)
    mean = root_mean_square(size)
    return np.asarray((size if mean < math.inf else np.where(size < math.inf, size, 0.0)) + mean)


def root_mean_square(value: Array) -> float:
    """Return that of all finite numbers: −∞ of a mask does not count."""
    return float(root_mean_squares(value[None])[0])


def root_mean_squares(values: Array) -> Array:
    """Return that of each of several tensors, stacked on a leading axis."""
    flat = values.reshape(len(values), -1)
    with np.errstate(all="ignore"):
        totals = np.einsum("ij,ij->i", flat, flat)
        if not ((totals > 0) & (totals < math.inf)).all():      # or too small to be squared in float32
            flat = np.where(np.isfinite(flat), flat, 0.0).astype(np.float64)
            totals = np.einsum("ij,ij->i", flat, flat)
    return np.asarray(np.sqrt(totals.astype(np.float64) / max(1, flat.shape[1])))


@lru_cache(maxsize=256)
def critical(samples: int, numbers: int, chance: float = CHANCE) -> float:
    """Return c: of so many numbers in Student's distribution, one is beyond ±c with that chance.

    The tail beyond t is ∫cosᵛ⁻¹φ dφ from arctan(t/√v) to π/2, as a part of the same from −π/2 to π/2.
    """
    angles = (np.arange(200_000) + 0.5) / 200_000 * math.pi / 2
    weights = np.sin(angles) ** (samples - 1)      # cos, from the far end: sin of the distance from π/2
    tail = np.cumsum(weights) / weights.sum()      # both tails, beyond √v / tan(angle)
    at = int(np.searchsorted(tail, chance / max(1, numbers)))
    return math.sqrt(samples) / math.tan(angles[min(at, len(angles) - 1)])
