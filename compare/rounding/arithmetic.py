"""Arithmetic on values that carry a bound on their rounding: how far apart two honest implementations of a formula can be.

A `Bounded` is a value v and a bound e ≥ 0, elementwise: two implementations of the same formula, in precision u, in any order of
summation, whose inputs differ by at most the inputs' bounds, both lie within v ± e and within e of each other. No bound is a choice: each
rule is the error analysis of its operation. The product rule is Higham's, *Accuracy and Stability of Numerical Algorithms* (2nd ed.),
section 3.5. Both sides round, so every rounding counts twice: `Precision.u` is the sum of the two sides' unit roundoffs.

Formulas read as on paper: `a @ b`, `a * b` elementwise, `a + b`, `1 - a`, `-a`, `a.T`. A number or an array beside a `Bounded` is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..support.arrays import Array


class Precision:
    """The unit roundoff of `dtype`, and the roundings of `sides` implementations that compute in it, summed."""

    def __init__(self, dtype: DTypeLike, sides: int = 2) -> None:
        info = np.finfo(dtype)
        self.unit = float(info.eps) / 2
        self.sides = sides
        self.u = sides * self.unit
        self.smallest_normal = sides * float(info.smallest_normal)

    def gamma(self, n: int) -> float:
        """Return γₙ = nu / (1 − nu) of each side, summed: the relative error of n roundings; NaN where nu ≥ 1, as no bound is known."""
        nu = n * self.unit
        return self.sides * nu / (1 - nu) if nu < 1 else np.nan


@dataclass(frozen=True, eq=False)
class Bounded:
    """A value, the precision of its computation, and its bound `error`: an array of the value's shape, or 0.0 for an exact input."""

    value: Array
    precision: Precision
    error: Array | float = 0.0

    __array_ufunc__ = None      # so that NumPy leaves array + Bounded to Bounded

    def like(self, value: Any, error: Any = 0.0) -> Bounded:
        """Return another value and its bound, in the same precision."""
        return Bounded(np.asarray(value), self.precision, error)

    def off_by(self, more: Any) -> Bounded:
        """Return the same value with `more` added to its bound."""
        return Bounded(self.value, self.precision, self.error + more)

    def at_most(self) -> Array:
        """Return the most that |v| can be on either side: |v| + e."""
        return np.abs(self.value) + self.error

    @property
    def is_exact(self) -> bool:
        """Whether both sides have the same number."""
        return isinstance(self.error, float) and self.error == 0.0

    # Operations without rounding.

    @property
    def T(self) -> Bounded:
        """The array with its last two axes exchanged."""
        return self.like(self.value.swapaxes(-1, -2), self.error if self.is_exact else np.swapaxes(self.error, -1, -2))

    def __neg__(self) -> Bounded:
        return self.like(-self.value, self.error)

    def __getitem__(self, index: Any) -> Bounded:
        return self.like(self.value[index], np.broadcast_to(self.error, self.value.shape)[index])

    def masked(self, mask: Any) -> Bounded:
        """a ∘ m for a mask of 0 and 1."""
        return self.like(self.value * mask, self.error * mask)

    def zeros(self) -> Bounded:
        """Return an exact 0 in each place."""
        return self.like(np.zeros_like(self.value), np.zeros_like(self.value))

    def rearranged(self, how: Any) -> Bounded:
        """Return `how` of the value and of its bound, for a function that moves, repeats or leaves out numbers."""
        return self.like(how(self.value), how(np.broadcast_to(self.error, self.value.shape)))

    def broadcast_to(self, shape: tuple[int, ...]) -> Bounded:
        """Return the array broadcast to that shape."""
        return self.rearranged(lambda a: np.broadcast_to(a, shape))

    # Operations with rounding.

    def __add__(self, other: Any) -> Bounded:
        """a + b: the errors add up, and the sum rounds once."""
        other = self._exact(other)
        value = self.value + other.value
        error = self.error + other.error
        return self.like(value, error + self.precision.u * (np.abs(value) + error))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Bounded:
        return self + -self._exact(other)

    def __rsub__(self, other: Any) -> Bounded:
        return -self + self._exact(other)

    def __mul__(self, other: Any) -> Bounded:
        """a ∘ b elementwise: e = |a|e_b + e_a(|b| + e_b), one rounding, and η where the product may underflow."""
        other = self._exact(other)
        left, right = self.at_most(), other.at_most()
        error = np.abs(self.value) * other.error + self.error * right + self.precision.u * (left * right)
        is_not_zero = (left != 0) & (right != 0)
        return self.like(self.value * other.value, error + np.where(is_not_zero, self.precision.smallest_normal, 0.0))

    def matmul(self, other: Bounded, start: Bounded | None = None) -> Bounded:
        """The matrix product A B over n terms: E = |A|E_B + E_A(|B| + E_B) + γₙ(|A| + E_A)(|B| + E_B) + nη.

        `start`, a bias, is one more term, with which the sum may begin or end. η, the smallest normal number, is the most that underflow or
        flushing to zero can lose in each of the n terms; where all terms are exactly zero nothing can be lost, and the result is exact.
        """
        n, other = self.value.shape[-1], self._exact(other)
        value = self.value @ other.value
        left, right = self.at_most(), other.at_most()
        magnitude, terms = left @ right, _terms(left, right)
        if start is not None:
            n, value, magnitude = n + 1, value + start.value, magnitude + start.at_most()
        error = self.precision.gamma(n) * magnitude + terms * self.precision.smallest_normal
        if not other.is_exact:
            error += np.abs(self.value) @ other.error
        if not self.is_exact:
            error += self.error @ right
        return self.like(value, error if start is None else error + start.error)

    __matmul__ = matmul

    def scaled(self, factor: float, roundings: int = 3) -> Bounded:
        """`factor` · a for an exact factor, by multiplications and divisions with at most that many roundings, in any order."""
        most = self.at_most()
        error = abs(factor) * self.error + self.precision.gamma(roundings) * (abs(factor) * most)
        return self.like(factor * self.value, error + np.where(most != 0, self.precision.smallest_normal, 0.0))

    def sum(self, *axes: int, keepdims: bool = False) -> Bounded:
        """Return the sum over the axes, of n terms in any order: e = Σe + γₙ Σ|a|."""
        n = int(np.prod([self.value.shape[axis] for axis in axes]))
        error = self.precision.gamma(n) * self.at_most().sum(axis=axes, keepdims=keepdims)
        own = 0.0 if self.is_exact else np.sum(self.error, axis=axes, keepdims=keepdims)
        return self.like(self.value.sum(axis=axes, keepdims=keepdims), error + own)

    def over(self, other: Any, least: float) -> Bounded:
        """a / b elementwise for b ≥ `least` > 0 on either side: e = (e_a + |a/b| e_b) / (b − e_b), and one rounding."""
        other = self._exact(other)
        value, divisor = self.value / other.value, np.maximum(other.value - other.error, least)
        error = (self.error + np.abs(value) * other.error) / divisor
        underflow = np.where(self.at_most() != 0, self.precision.smallest_normal, 0.0)
        return self.like(value, error + self.precision.u * (np.abs(value) + error) + underflow)

    def root(self) -> Bounded:
        """√a elementwise, for a ≥ 0 on either side: e = √a − √(a − e_a), the steeper way, and 2 roundings."""
        value = np.sqrt(np.maximum(self.value, 0))
        lowest = np.sqrt(np.maximum(self.value - self.error, 0))
        error = np.divide(self.error, value + lowest, out=np.zeros_like(value), where=np.greater(self.error, 0) & (value > 0))
        error = np.where(value > 0, np.minimum(error, np.sqrt(self.error)), np.sqrt(self.error))
        return self.like(value, error + 2 * self.precision.u * (value + error))

    def reciprocal_root(self, least: float) -> Bounded:
        """1/√a elementwise, for a ≥ `least` > 0 on either side: e = e_a / (2 a^(3/2)) at the interval's lower end, and 4 roundings."""
        value = 1 / np.sqrt(np.maximum(self.value, least))
        lowest = np.maximum(self.value - self.error, least)
        error = np.minimum(self.error / (2 * lowest * np.sqrt(lowest)), 1 / np.sqrt(lowest))
        return self.like(value, error + 4 * self.precision.u * (value + error))

    def _exact(self, other: Any) -> Bounded:
        """Return the other operand, a number or an array as an exact `Bounded`; raise TypeError for a `Bounded` of another precision."""
        if not isinstance(other, Bounded):
            return self.like(other)
        if (other.precision.unit, other.precision.sides) != (self.precision.unit, self.precision.sides):
            raise TypeError(f"numbers of two precisions in one formula, with u {self.precision.u:g} and {other.precision.u:g}")
        return other


def as_row(units: Bounded) -> Bounded:
    """Return one number per unit, (…, units), as a row (…, 1, units), which broadcasts over the records."""
    return units[..., None, :]


def _terms(left: Array, right: Array) -> Any:
    """Return how many terms of each number of the product are not exactly zero."""
    if np.count_nonzero(left) == left.size and np.count_nonzero(right) == right.size:      # the usual case
        return left.shape[-1]
    return (left != 0).astype(np.float64) @ (right != 0).astype(np.float64)
