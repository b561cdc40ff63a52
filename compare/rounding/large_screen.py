"""The screen for the gradients and deltas of large weights: below what the envelope allows them, at the cost of a look at each number.

The envelope of ∂L/∂W = δᵀa holds 2γₙ Σ|δ||a|, summed over the n records. Three sieves give less than that, each finer and dearer, and what
one leaves the next one sees:

- rows, by one number for each unit: Σ|δ| times the smallest |a|, which is enough where a is a sigmoid's; or else, for vectors d, m ≥ 0 of n
  numbers with means d̄, m̄ and deviations σ, τ, is Σ dm ≥ n(d̄m̄ − στ), by Cauchy and Schwarz on what they are off their means; m = min(|a|, c)
  ≤ |a| for a c below which few |a| are has a small τ, unless a is a relu's;
- numbers, by γₙ Σ|δ||a| over some of the records, a product of small depth, or by γₙ|∂L/∂W|, whichever is more;
- one by one, by γₙ Σ|δ||a| over all records; and where δ or a is a relu's, by what rounding of its sum z = Σ b w does to them besides:
  a is off by γ Σ|b||w|, and a unit whose |z| is no more than that may be on for one side and off for the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..problem.problem import Problem
from ..support.arrays import Array
from .arithmetic import Precision
from .block import Block
from .difference import Key

CHUNK_BYTES = 1 << 18      # of differences, looked at while they are in the cache
RECORDS = 16              # whose terms are summed at least,
MULTIPLICATIONS = 1 << 21      # and more where that takes no more than this
AT_ONCE = 256           # numbers that are looked at one by one at once,
MOST_LEFT = 1 << 12      # and altogether; more are left to the envelope


class LargeScreen:
    """The products of a large network's steps, whose factors the expected side shows."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.precision = Precision(problem.dtype, sides=1)
        self.inputs: tuple[Array, Columns] | None = None      # the last step's, often the same again

    def of(self, block: Block) -> dict[Key, "Product"]:
        """The block's gradients and deltas that are such products."""
        problem, expected = self.problem, block.expected
        if expected.errors is None or expected.activations is None or not (problem.is_large and problem.is_plain_descent):
            return {}
        if self.inputs is None or self.inputs[0] is not block.x:
            self.inputs = block.x, Columns(block.x)
        columns = self.inputs[1]
        products: dict[Key, Product] = {}
        below: _Rectified | None = None
        for i, layer in enumerate(problem.layers):
            relu = None
            if layer.function == "relu" and not problem.normalization:
                above = problem.layers[i + 1].linear if i + 1 < len(problem.layers) else None
                relu = _Rectified(block, layer.linear, columns.a, above, problem.bias, self.precision)
            terms = Terms(Columns(expected.errors[layer.linear]), columns, self.precision, relu, below)
            columns, below = Columns(expected.activations[layer.activation]), relu
            for phase, factor in (("grads", 1.0), ("deltas", problem.lr)):
                for name, kind in ((f"{layer.linear}.weight", WeightProduct), (f"{layer.linear}.bias", BiasProduct)):
                    if (phase, name) in block.pairs:
                        products[phase, name] = kind(terms, factor)
        return products


@dataclass(frozen=True)
class _Rectified:
    """A layer of relus over a linear one, whose inputs are b (…, n, in); and the linear layer above it, if any."""

    block: Block
    linear: str
    b: Array
    above: str | None
    has_bias: bool
    precision: Precision

    def off(self, step: int, units: Any) -> Array:
        """What rounding of their sums makes of those units' a (n, units), where they are on: γ Σ|b||w|."""
        b, weight = _of_step(self.b, step), self.block.units_before(step, f"{self.linear}.weight", units)
        return self.precision.gamma(b.shape[1]) * (np.abs(b) @ np.abs(weight).T)

    def doubt(self, step: int, units: Any) -> Array:
        """What rounding of their sums makes of those units' δ (n, units): all of ∂L/∂a where z may as well be on the other side of 0.

        A z of terms that are all 0 is in no doubt.
        """
        b, errors = _of_step(self.b, step), self.block.expected.errors
        z = b @ self.block.units_before(step, f"{self.linear}.weight", units).T
        if self.has_bias:
            z += self.block.units_before(step, f"{self.linear}.bias", units)
        doubt = np.zeros_like(z)
        if self.above is not None and errors is not None:
            off = self.off(step, units)
            records, places = np.nonzero((np.abs(z) <= off) & (off > 0))
            weight = self.block.before[f"{self.above}.weight"][step] if len(records) else z
            for record, place in zip(records, places, strict=True):
                doubt[record, place] = abs(errors[self.above][step][record] @ weight[:, units[place]])
        return doubt


def _of_step(arrays: Array, step: int) -> Array:
    """That step's (n, …), where steps may share theirs."""
    return arrays if arrays.ndim == 2 else arrays[step]


class Columns:
    """The columns of arrays (…, n, units), each by its mean and deviation: of |a|, or of min(|a|, c) for a c of half the mean of |a|."""

    def __init__(self, a: Array) -> None:
        self.a = a

    @cached_property
    def magnitudes(self) -> Array:
        """|a|."""
        return np.abs(self.a)

    @cached_property
    def means(self) -> Array:
        """The mean of |a| (…, units)."""
        return _means(self.magnitudes)

    @cached_property
    def deviations(self) -> Array:
        """The deviation of |a| (…, units), or a little more."""
        return _deviations(self.magnitudes, self.means)

    @cached_property
    def least(self) -> Array:
        """The smallest |a| of each step (…)."""
        least = self.a.min(axis=(-2, -1))
        return np.asarray(least) if (least > 0).all() else self.magnitudes.min(axis=(-2, -1))

    @cached_property
    def cut(self) -> tuple[Array, Array]:
        """Mean and deviation of min(|a|, c) (…, units)."""
        c = np.empty_like(self.a[..., :1, :])      # a row of the same number, which is faster than a number
        c[...] = self.means.mean(axis=-1)[..., None, None] / 2
        m = np.minimum(self.magnitudes, c)
        means = _means(m)
        return means, _deviations(m, means)


def _means(m: Array) -> Array:
    return np.asarray((_shares(m.shape[-2], m.dtype) @ m)[..., 0, :])


@lru_cache(maxsize=8)
def _shares(n: int, dtype: DTypeLike) -> Array:
    return np.full((1, n), 1 / n, dtype)


def _deviations(m: Array, means: Array) -> Array:
    """The deviation of each column or a little more: what rounding and underflow may have taken from it is added."""
    squares = _means(m * m)
    rounding = 4 * Precision(m.dtype, sides=1).gamma(m.shape[-2] + 2)
    underflow = 2 * np.finfo(m.dtype).smallest_normal
    return np.asarray(np.sqrt(np.maximum(squares - means * means, 0) + rounding * squares + underflow))


@dataclass(frozen=True)
class Terms:
    """What ∂L/∂W = δᵀa is summed from: δ (steps, n, out), and a (…, n, in).

    `relu` is the layer whose δ it is, `below` the one whose a it is, where they are relus. `precision` is one side's.
    """

    delta: Columns
    a: Columns
    precision: Precision
    relu: _Rectified | None = None
    below: _Rectified | None = None

    @cached_property
    def gamma(self) -> float:
        """γₙ of one side."""
        return self.precision.gamma(self.delta.a.shape[-2])

    @cached_property
    def total(self) -> Array:
        """γₙ Σ|δ| (steps, out)."""
        return np.asarray(self.gamma * self.delta.a.shape[-2] * self.delta.means)

    def least(self) -> Iterator[Array]:
        """For each row of the weight (steps, out), what γₙ Σ|δ||a| is for none of its numbers below: first the cheaper bound."""
        yield self.total * self.a.least[..., None]
        if self.below is None:      # a relu's a is 0 so often that the other says nothing
            mean, deviation = self.a.cut
            lowest, widest = mean.min(axis=-1, keepdims=True), deviation.max(axis=-1, keepdims=True)
            records = self.delta.a.shape[-2]
            yield np.asarray(self.gamma * records * (self.delta.means * lowest - self.delta.deviations * widest))

    def some(self, step: int) -> tuple[Array, Array]:
        """γₙ|δ| (out, records) and |a| (records, in) of some of that step's records."""
        delta, a = self.delta.a[step], _of_step(self.a.a, step)
        few = min(max(RECORDS, MULTIPLICATIONS // (delta.shape[1] * a.shape[1])), len(a))
        rows = np.arange(few) * len(a) // few
        return np.abs(delta[rows]).T * delta.dtype.type(self.gamma), np.abs(a[rows])

    def allow(self, step: int, gap: Array, units: Any, inputs: Any | None) -> bool:
        """Whether those gaps, in the rows `units` and columns `inputs` or of a bias, are within what all their terms allow."""
        for start in range(0, len(gap), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            if not self._allow(step, gap[part], units[part], None if inputs is None else inputs[part]):
                return False
        return True

    def _allow(self, step: int, gap: Array, units: Any, inputs: Any | None) -> bool:
        delta = np.abs(self.delta.a[step][:, units])
        a = np.ones_like(delta) if inputs is None else np.abs(_of_step(self.a.a, step)[:, inputs])
        bound = self.gamma * np.einsum("ng,ng->g", delta, a)
        far = np.flatnonzero(~(gap <= bound))
        if len(far) and self.below is not None and inputs is not None:
            columns, place = np.unique(inputs[far], return_inverse=True)
            bound[far] += np.einsum("ng,ng->g", delta[:, far] * (a[:, far] > 0), self.below.off(step, columns)[:, place])
            far = far[~(gap[far] <= bound[far])]
        if len(far) and self.relu is not None:
            rows, place = np.unique(units[far], return_inverse=True)
            bound[far] += np.einsum("ng,ng->g", self.relu.doubt(step, rows)[:, place], a[:, far])
            far = far[~(gap[far] <= bound[far])]
        return not len(far)


@dataclass(frozen=True)
class Product:
    """`factor` times the gradients of a weight or a bias."""

    terms: Terms
    factor: float

    def screened(self, actual: Array, expected: Array) -> tuple[Array, Any]:
        """For each step, the largest difference of the two sides' gradients or deltas; and whether each is within its bound."""
        raise NotImplementedError


class BiasProduct(Product):
    """Of a bias (steps, out): summed from δ alone."""

    def screened(self, actual: Array, expected: Array) -> tuple[Array, Any]:
        """By Σ|δ| for each number; one by one where that is not enough."""
        gap = np.abs(actual - expected)
        far = ~(gap <= self.factor * self.terms.total)
        within = np.asarray(np.isfinite(gap).all(axis=1))
        for step in np.flatnonzero(far.any(axis=1) & within).tolist():
            units = np.flatnonzero(far[step])
            within[step] = self.terms.allow(step, gap[step, units] / self.factor, units, None)
        return np.asarray(gap.max(axis=1)), within


class WeightProduct(Product):
    """Of a weight (steps, out, in)."""

    def screened(self, actual: Array, expected: Array) -> tuple[Array, Any]:
        """By rows; then number by number, and one by one."""
        largest = np.array([largest_by_row(*pair) for pair in zip(actual, expected, strict=True)])
        for least in self.terms.least():
            far = ~(largest <= self.factor * least)
            if not far.any():
                break
        within = np.asarray(np.isfinite(largest).all(axis=1))      # a bound that overflows would clear what does
        for step in np.flatnonzero(far.any(axis=1) & within).tolist():
            within[step] = self._are_within(step, actual[step], expected[step], np.flatnonzero(far[step]))
        return largest.max(axis=1), within

    def _are_within(self, step: int, actual: Array, expected: Array, units: Any) -> bool:
        """Whether each number of those rows is within its bound, by the second and third sieve."""
        left = []
        deltas, magnitudes = self.terms.some(step)
        at_once = _rows_at_once(expected)
        for start in range(0, len(units), at_once):
            rows = units[start : start + at_once]
            at = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] == len(rows) - 1 else rows      # nothing is copied
            gap = np.abs(actual[at] - expected[at])
            bound = deltas[at] @ magnitudes
            bound *= self.factor
            places = np.nonzero(~(gap <= bound))
            gaps = gap[places]
            far = ~(gaps <= self.terms.gamma * np.abs(expected[rows[places[0]], places[1]]))
            left.append((gaps[far], rows[places[0][far]], places[1][far]))
        gaps, units, inputs = map(np.concatenate, zip(*left, strict=True))
        return len(gaps) <= MOST_LEFT and self.terms.allow(step, gaps / self.factor, units, inputs)


def largest_by_row(actual: Array, expected: Array) -> Array:
    """The largest |actual − expected| of each row of matrices (out, in)."""
    step = _rows_at_once(expected)
    room = np.empty((step, expected.shape[1]), expected.dtype)
    largest = np.empty(len(expected), expected.dtype)
    for top in range(0, len(expected), step):
        rows = slice(top, top + step)
        gap = np.subtract(actual[rows], expected[rows], room[: len(expected) - top])
        np.maximum.reduce(np.abs(gap, gap), axis=1, out=largest[rows])
    return largest


def _rows_at_once(array: Array) -> int:
    return max(1, CHUNK_BYTES // int(array[0].nbytes))
