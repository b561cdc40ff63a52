"""Arithmetic on sampled numbers: an array together with what it would be if each operation had rounded otherwise.

The first row of a `Sampled` has the numbers themselves, plain; the others are moved at random, at each operation by `amplitude` times
as much as the honest forms of that operation may be apart, in u, the unit roundoff. Where they go together, as both terms of a difference,
that is seen, and so is a choice that rounding turns: each row makes its own. How far the rows lie apart is what rounding allows.

Half of the samples are moved less, down to what one honest program is off, and count for as much more: what is chosen among many, as a
pattern of rounding alone, would otherwise be seen only far from where honest programs are.

Formulas read as on paper: `a @ b`, `a * b` elementwise, `a + b`, `1 - a`, `-a`, `a.T`. A number or an array beside a `Sampled` is exact.
What an operation may be moved by is what `rounding.table` has for PyTorch's call of the same kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..rounding.spread import LAST, SAMPLES, SELDOM, allowed_by, critical, repeats
from ..support.arrays import Array

NUMBERS = 1 << 20      # are judged by one run of formulas, about: c hardly depends on it
_LONG, _PARTIAL = 16, 0.3      # terms from which on a sum is one of many, and what bounds its partial sums: see the noise table
_EQUAL = 0.05      # u for each of equal terms
_ROW, _FEW = 1 << 22, 1 << 16      # numbers, and those of them that fit into a processor's cache
_SMALL = 1 << 14      # numbers
_ODD, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(64 - 16)      # of Fibonacci hashing


class Precision:
    """The unit roundoff of `dtype`, and how many `samples` there are, drawn from `seed`.

    With `alike`, equal numbers are moved alike in every other sample: they often round the same way, so that their errors add up, or
    cancel. That takes a third longer.
    """

    def __init__(
        self, dtype: DTypeLike, *, samples: int = SAMPLES, amplitude: float | None = None, seed: int = 0, alike: bool = False
    ) -> None:
        info = np.finfo(dtype)
        self.unit, self.tiny = float(info.eps) / 2, float(info.smallest_normal)
        self.samples, self._alike = samples, alike
        self.amplitude = critical(SAMPLES, NUMBERS) / 2 if amplitude is None else amplitude
        self._random = np.random.default_rng(seed)
        less = samples // 2
        self.factors = np.concatenate([np.ones(samples - less), np.geomspace(1 / max(1.0, self.amplitude), 1.0, less)])
        self.u = 2 * self.unit      # of two sides

    def gamma(self, n: int) -> float:
        """Return the relative error of n roundings on each of two sides, each as wrong as can be; NaN where n u ≥ 1."""
        nu = n * self.unit
        return 2 * nu / (1 - nu) if nu < 1 else math.nan

    def drawn(self, values: Array) -> Array:
        """Return numbers in [−1, 1], (samples, *values.shape): places of a long row, from drawn ones on.

        Where equal values have equal ones they do not in a large array, in which their search would take long.
        """
        shape, n = values.shape, self.samples * values.size
        if self._alike and values.size <= _SMALL:
            places = (np.ascontiguousarray(values).view(np.uint64).reshape(shape) * _ODD) >> _SHIFT
            first = self._random.integers(_FEW, size=(self.samples, *[1] * len(shape)), dtype=np.uint64)
            places = np.broadcast_to(places, (self.samples, *shape)).copy()
            places[1::2] += np.arange(values.size, dtype=np.uint64).reshape(shape)      # equal numbers are at other places
            drawn = _uniform()[(places + first) & np.uint64(_FEW - 1)]
        elif n > _ROW // 2:
            drawn = self._random.uniform(-1, 1, (self.samples, *shape))
        else:
            at = int(self._random.integers(_ROW - n))
            drawn = _uniform()[at : at + n].reshape(self.samples, *shape)
        return np.asarray(drawn)

    def by_sample(self, axes: int) -> Array:
        """Return how much of the amplitude each sample is moved by, with so many axes more."""
        return self.factors.reshape(-1, *[1] * axes)

    def shares(self, n: int) -> Array:
        """Return n numbers in [0, 1), drawn."""
        return np.asarray(self._random.random(n))


@lru_cache(maxsize=1)
def _uniform() -> Array:
    return np.asarray(np.random.default_rng(0).uniform(-1, 1, _ROW))


@dataclass(frozen=True, eq=False)
class Sampled:
    """Numbers of some shape as `rows` (1 + samples, *shape), or (1, *shape) where they are exact, and their precision."""

    rows: Array
    precision: Precision

    __array_ufunc__ = None      # so that NumPy leaves array + Sampled to Sampled

    @classmethod
    def exact(cls, value: Any, precision: Precision) -> Sampled:
        """Return numbers that every side has."""
        return cls(np.asarray(value, dtype=np.float64)[None], precision)

    @classmethod
    def off(cls, value: Any, allowed: Any, precision: Precision) -> Sampled:
        """Return numbers that are off by as much as is `allowed`: twice their spread."""
        return cls.exact(value, precision).off_by(allowed)

    @property
    def value(self) -> Array:
        """The numbers themselves."""
        return np.asarray(self.rows[0])

    @property
    def plain(self) -> Array:
        """The plain row, with its axis."""
        return self.rows[:1]

    @property
    def shape(self) -> tuple[int, ...]:
        """Their shape."""
        return self.rows.shape[1:]

    @property
    def is_exact(self) -> bool:
        """Whether every side has the same numbers."""
        return len(self.rows) == 1

    @cached_property
    def error(self) -> Array:
        """How far rounding may move each number, of that shape."""
        if self.is_exact:      # or there are no samples
            return np.zeros(self.shape)
        value, last = self.value, LAST * self.precision.unit
        with np.errstate(all="ignore"):
            squares, most = self.spread()
            allowed = allowed_by(squares, most, self.precision.samples)
        return np.asarray(allowed + last * np.abs(value) + self.precision.tiny * ((value != 0) | (most > 0)))

    def spread(self) -> tuple[Array, Array]:
        """Return the sum of the squares by which the samples of each number are off, and the most that one is, each of that shape."""
        if self.is_exact:
            return np.zeros(self.shape), np.zeros(self.shape)
        value = self.value
        off = np.subtract(self.rows[1:], value)
        off /= self.precision.by_sample(value.ndim)
        squares = np.einsum("i...,i...->...", off, off)
        most = np.abs(off, out=off).max(axis=0)
        if not np.isfinite(squares).all():
            is_lost = np.isnan(most)
            squares, most = (np.where(np.isfinite(value), np.where(is_lost, np.inf, each), 0.0) for each in (squares, most))
        return np.asarray(squares), np.asarray(most)

    def like(self, value: Any, allowed: Any = 0.0) -> Sampled:
        """Return other numbers, off by what is `allowed`."""
        return Sampled.off(value, allowed, self.precision)

    def with_rows(self, rows: Any) -> Sampled:
        """Return other rows of the same precision."""
        return Sampled(np.asarray(rows), self.precision)

    def moved(self, units: Any, *, by_record: bool = False) -> Sampled:
        """Move the samples at random by so many u, an array with one row or all: how far honest forms may be apart.

        `by_record`, all numbers of a record go the same way.
        """
        precision = self.precision
        return self._moved(np.asarray(units) * (precision.unit * precision.amplitude), by_record) if precision.samples else self

    def off_by(self, more: Any) -> Sampled:
        """Move the samples so that `more` is allowed besides, an array of the numbers' shape."""
        return self._moved(np.asarray(more)[None] * math.sqrt(0.75)) if self.precision.samples and np.any(more) else self

    def _moved(self, most: Array, by_record: bool = False) -> Sampled:
        shape = self.shape if most.shape[1:] in ((), self.shape) else np.broadcast_shapes(self.shape, most.shape[1:])
        rows = np.empty((1 + self.precision.samples, *shape))
        rows[0] = self.rows[0]
        if not np.isfinite(most).all():
            most = np.nan_to_num(most, nan=0.0, posinf=0.0, neginf=0.0)
        drawn = self.precision.drawn(rows[0, ..., :1] if by_record else rows[0])
        np.multiply(drawn, most[1:] if most.ndim and len(most) > 1 else most, out=rows[1:])
        rows[1:] *= self.precision.by_sample(len(shape))
        rows[1:] += self.rows[1:] if len(self.rows) > 1 else self.rows
        return self.with_rows(rows)

    def since(self, before: Sampled) -> Sampled:
        """Return how much the numbers are more than before, without rounding."""
        return self.with_rows(self.rows - before.rows)

    def within(self, low: float, high: float) -> Sampled:
        """Return the numbers held between those two, which no honest form leaves."""
        return self.with_rows(np.clip(self.rows, low, high))

    def apply(self, function: Callable[[Array], Any]) -> Sampled:
        """Return an elementwise function of the numbers, without its rounding."""
        return self.with_rows(function(self.rows))

    def at_most(self) -> Array:
        """Return the most that |v| can be: |v| and what is allowed."""
        return np.asarray(np.abs(self.value) + self.error)

    # Operations without rounding.

    @property
    def T(self) -> Sampled:
        """The array with its last two axes exchanged."""
        return self.with_rows(self.rows.swapaxes(-1, -2))

    def __neg__(self) -> Sampled:
        return self.with_rows(-self.rows)

    def __getitem__(self, index: Any) -> Sampled:
        return self.with_rows(self.rows[(slice(None), *(index if isinstance(index, tuple) else (index,)))])

    def masked(self, mask: Any) -> Sampled:
        """a ∘ m for a mask of 0 and 1."""
        return self.with_rows(self.rows * mask)

    def zeros(self) -> Sampled:
        """Return an exact 0 in each place."""
        return Sampled.exact(np.zeros(self.shape), self.precision)

    def rearranged(self, how: Callable[[Array], Any]) -> Sampled:
        """Return `how` of each row, for a function that moves, repeats or leaves out numbers."""
        return self.with_rows(np.stack([how(row) for row in self.rows]))

    def broadcast_to(self, shape: tuple[int, ...]) -> Sampled:
        """Return the array broadcast to that shape."""
        rows = self.rows.reshape(len(self.rows), *[1] * (len(shape) - len(self.shape)), *self.shape)
        return self.with_rows(np.broadcast_to(rows, (len(rows), *shape)))

    # Operations with rounding.

    def __add__(self, other: Any) -> Sampled:
        """a + b, a sum of two terms: √2 u (|a| + |b|)."""
        a, b = self._aligned(other)
        total = self.with_rows(a + b)
        return total.moved(math.sqrt(2) * (self._size(a) + self._size(b))) if self.precision.samples else total

    __radd__ = __add__

    def __sub__(self, other: Any) -> Sampled:
        return self + -self._sampled(other)

    def __rsub__(self, other: Any) -> Sampled:
        return -self + self._sampled(other)

    def less(self, other: Any) -> Sampled:
        """a − b, where no honest form is another one: u of the difference, which is exact where the two are near each other."""
        a, b = self._aligned(other)
        return self.with_rows(a - b)._times(1)

    def __mul__(self, other: Any) -> Sampled:
        """a ∘ b elementwise, also by a reciprocal: 2u."""
        a, b = self._aligned(other)
        return self.with_rows(a * b)._times(2)

    def matmul(self, other: Sampled, start: Sampled | None = None) -> Sampled:
        """The matrix product A B, with a bias `start` as one more term."""
        a, b = self._aligned(other)
        product, n = self.with_rows(a @ b), self.shape[-1]
        if not self.precision.samples:
            return product if start is None else product + start
        size = self._size(a) @ self._size(b)
        equal: Array | int = 0
        if n > SELDOM:
            equal = np.minimum(repeats(a[:1], -1)[..., :, None], repeats(b[:1], -2)[..., None, :])
        if (cancels := (product.plain == 0) & (size > 0)).any():      # two terms do so on any side, more may not
            size = np.where(cancels & ((a[:1] != 0).astype(float) @ (b[:1] != 0) <= 2), 0.0, size)
        if start is not None:
            a, b = product._aligned(start)
            product, size, n = self.with_rows(a + b), size + self._size(b), n + 1
        return product._summed(size, n, equal)

    __matmul__ = matmul

    def scaled(self, factor: float, roundings: int = 2) -> Sampled:
        """`factor` · a for an exact factor, by multiplications and divisions with at most that many roundings, in any order."""
        return self.with_rows(factor * self.rows)._times(roundings)

    def sum(self, *axes: int, keepdims: bool = False) -> Sampled:
        """Return the sum over the axes, in any order."""
        axes = tuple(axis if axis < 0 else axis + 1 for axis in axes)
        n = math.prod(self.rows.shape[axis] for axis in axes)
        total = self.with_rows(self.rows.sum(axis=axes, keepdims=keepdims))
        if not self.precision.samples:
            return total
        equal: Array | int = 0
        if n > SELDOM:
            axis = self.rows.ndim + axes[0] if axes[0] < 0 else axes[0]
            terms = np.moveaxis(self.rows[:1], axes, range(-len(axes), 0)) if len(axes) > 1 else self.rows[:1]
            equal = repeats(terms.reshape(*terms.shape[: -len(axes)], n), -1) if len(axes) > 1 else repeats(terms, axis)
            equal = np.expand_dims(equal, axes) if keepdims else equal
        return total._summed(self._size(self.rows).sum(axis=axes, keepdims=keepdims), n, equal)

    def over(self, other: Any, least: float = 0.0) -> Sampled:
        """a / b elementwise: 2u. On any side b is at least `least`."""
        a, b = self._aligned(other)
        return self.with_rows(a / (np.maximum(b, least) if least else b))._times(2)

    def root(self) -> Sampled:
        """√a elementwise: 2u."""
        return self.with_rows(np.sqrt(np.maximum(self.rows, 0.0)))._times(2)

    def reciprocal_root(self, least: float) -> Sampled:
        """1/√a elementwise, for a ≥ `least` > 0 on any side: 4u."""
        return self.with_rows(1 / np.sqrt(np.maximum(self.rows, least)))._times(4)

    def _times(self, units: float) -> Sampled:
        """Move each number by so many u of its size."""
        return self.moved(units * self._size(self.rows)) if units and self.precision.samples else self

    def _summed(self, size: Array, n: int, equal: Array | int = 0) -> Sampled:
        """Move sums of n terms, of sizes that add up to `size`: √n u Σ|terms|, of many terms 0.3 √n u (Σ|terms| + |sum|).

        Of `equal` terms the errors add up: n u/2 of the sum at most, which is allowed with the amplitude.
        """
        if n <= _LONG:
            return self.moved(math.sqrt(n) * size)
        return self.moved((_PARTIAL * math.sqrt(n) + _EQUAL * equal) * (size + self._size(self.rows)))

    def _size(self, rows: Array) -> Array:
        """Return the largest |a| of all rows, with an axis of one row: in the plain one it may be 0, by a choice that rounding turns."""
        return np.abs(rows).max(axis=0, keepdims=True) if len(rows) > 1 else np.abs(rows)

    def _sampled(self, other: Any) -> Sampled:
        """Return the other operand, a number or an array as an exact one; raise TypeError for one of another precision."""
        if not isinstance(other, Sampled):
            return Sampled.exact(other, self.precision)
        if other.precision.unit != self.precision.unit:
            raise TypeError(f"numbers of two precisions in one formula, with u {self.precision.unit:g} and {other.precision.unit:g}")
        return other

    def _aligned(self, other: Any) -> tuple[Array, Array]:
        """Return the rows of both with as many axes: those of the smaller come last, after the rows."""
        a, b = self.rows, self._sampled(other).rows
        axes = max(a.ndim, b.ndim)
        return tuple(each.reshape(len(each), *[1] * (axes - each.ndim), *each.shape[1:]) for each in (a, b))  # type: ignore[return-value]


def as_row(units: Sampled) -> Sampled:
    """Return one number per unit, (…, units), as a row (…, 1, units), which broadcasts over the records."""
    return units[..., None, :]
