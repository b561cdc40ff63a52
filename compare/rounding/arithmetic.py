"""Rounding, computed: arithmetic on values that carry a bound on how far apart two honest implementations can be.

A `Bounded` is a value v and a bound e ≥ 0, elementwise: two implementations of the same formula, in precision u, in any order of
summation, entering with weights that differ by at most the bound they enter with, both lie within v ± e and within e of
each other. Nothing here is chosen: each rule is the formula's own error analysis. The product rule is Higham's, *Accuracy and
Stability of Numerical Algorithms* (2nd ed.), section 3.5.

Both sides round, so every rounding counts twice: `Precision.u` is the sum of the two sides' unit roundoffs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..support.arrays import Array


class Precision:
    """The roundings of `sides` implementations that both compute in `dtype`."""

    def __init__(self, dtype: DTypeLike, sides: int = 2) -> None:
        info = np.finfo(dtype)
        self.unit = float(info.eps) / 2
        self.sides = sides
        self.u = sides * self.unit
        self.smallest_normal = sides * float(info.smallest_normal)

    def gamma(self, n: int) -> float:
        """γₙ = nu / (1 − nu) of each side, summed: the relative error of n roundings; NaN where nu ≥ 1, where nothing is known."""
        nu = n * self.unit
        return self.sides * nu / (1 - nu) if nu < 1 else np.nan


@dataclass(frozen=True)
class Bounded:
    """A value and the bound beside it; arrays of the same shape, or a bound of 0.0 for what both sides were handed."""

    value: Array
    error: Array | float = 0.0

    def at_most(self) -> Array:
        """The most that |v| can be on either side."""
        return np.abs(self.value) + self.error


def product(a: Bounded, b: Bounded, precision: Precision, start: Bounded | None = None) -> Bounded:
    """The matrix product a b over n terms: e = |A|E_B + E_A(|B| + E_B) + γₙ(|A| + E_A)(|B| + E_B) + nη.

    With `start`, a bias, one more term that the sum may begin or end with. η, the smallest normal number, is what underflow or
    flushing to zero can lose in each of n terms; where all terms are exactly zero there is nothing to lose, and the result is exact.
    """
    n = a.value.shape[-1]
    value = a.value @ b.value
    left, right = a.at_most(), b.at_most()
    magnitude, terms = left @ right, _terms(left, right)
    if start is not None:
        n, value, magnitude = n + 1, value + start.value, magnitude + start.at_most()
    error = precision.gamma(n) * magnitude + terms * precision.smallest_normal
    if not _is_exact(b):
        error += np.abs(a.value) @ b.error
    if not _is_exact(a):
        error += a.error @ right
    return Bounded(value, error if start is None else error + start.error)


def _terms(left: Array, right: Array) -> Any:
    """How many terms of each number of the product are not exactly zero."""
    if np.count_nonzero(left) == left.size and np.count_nonzero(right) == right.size:      # as it mostly is
        return left.shape[-1]
    return (left != 0).astype(np.float64) @ (right != 0).astype(np.float64)


def total(a: Bounded, axes: tuple[int, ...], precision: Precision) -> Bounded:
    """The sum over the axes, n terms in any order: the terms' errors and γₙ Σ|a|."""
    n = int(np.prod([a.value.shape[axis] for axis in axes]))
    magnitude = a.at_most().sum(axis=axes)
    error = precision.gamma(n) * magnitude
    return Bounded(a.value.sum(axis=axes), error if _is_exact(a) else error + np.sum(a.error, axis=axes))


def plus(a: Bounded, b: Bounded, precision: Precision) -> Bounded:
    """a + b elementwise: the errors add up, and one rounding joins them."""
    value = a.value + b.value
    error = a.error + b.error
    return Bounded(value, error + precision.u * (np.abs(value) + error))


def times(a: Bounded, b: Bounded, precision: Precision) -> Bounded:
    """a ∘ b elementwise: e = |a|e_b + e_a(|b| + e_b), one rounding, and η where it may underflow."""
    left, right = a.at_most(), b.at_most()
    error = np.abs(a.value) * b.error + a.error * right + precision.u * (left * right)
    is_not_zero = (left != 0) & (right != 0)
    return Bounded(a.value * b.value, error + np.where(is_not_zero, precision.smallest_normal, 0.0))


def scaled(a: Bounded, factor: float, roundings: int, precision: Precision) -> Bounded:
    """a times a number known to all, which is multiplied or divided in by at most that many roundings, in any order."""
    most = a.at_most()
    error = abs(factor) * a.error + precision.gamma(roundings) * (abs(factor) * most)
    return Bounded(factor * a.value, error + np.where(most != 0, precision.smallest_normal, 0.0))


def negative(a: Bounded) -> Bounded:
    """−a: nothing is rounded."""
    return Bounded(-a.value, a.error)


def quotient(a: Bounded, b: Bounded, least: float, precision: Precision) -> Bounded:
    """a / b elementwise for b ≥ `least` > 0 on either side: e = (e_a + |a/b| e_b) / (b − e_b), and one rounding."""
    value = a.value / b.value
    divisor = np.maximum(b.value - b.error, least)
    error = (a.error + np.abs(value) * b.error) / divisor
    return Bounded(value, error + precision.u * (np.abs(value) + error) + np.where(a.at_most() != 0, precision.smallest_normal, 0.0))


def root(a: Bounded, precision: Precision) -> Bounded:
    """√a elementwise, for a ≥ 0 on either side: e = √a − √(a − e_a), the steeper way, and 2 roundings."""
    value = np.sqrt(np.maximum(a.value, 0))
    lowest = np.sqrt(np.maximum(a.value - a.error, 0))
    error = np.divide(a.error, value + lowest, out=np.zeros_like(value), where=np.greater(a.error, 0) & (value > 0))
    error = np.where(value > 0, np.minimum(error, np.sqrt(a.error)), np.sqrt(a.error))
    return Bounded(value, error + 2 * precision.u * (value + error))


def reciprocal_root(a: Bounded, least: float, precision: Precision) -> Bounded:
    """1/√a elementwise, for a ≥ `least` > 0 on either side: e = e_a / (2 a^(3/2)) at the interval's lower end, and 4 roundings."""
    value = 1 / np.sqrt(np.maximum(a.value, least))
    lowest = np.maximum(a.value - a.error, least)
    error = np.minimum(a.error / (2 * lowest * np.sqrt(lowest)), 1 / np.sqrt(lowest))
    return Bounded(value, error + 4 * precision.u * (value + error))


def transposed(a: Bounded) -> Bounded:
    """The last two axes exchanged: nothing is rounded."""
    return Bounded(a.value.swapaxes(-1, -2), a.error if _is_exact(a) else np.swapaxes(a.error, -1, -2))


def _is_exact(a: Bounded) -> bool:
    return isinstance(a.error, float) and a.error == 0.0
