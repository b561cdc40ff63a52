"""The screen for the gradients and deltas of large weights: bounds below the envelope's, at the cost of a look at each number.

The envelope of ∂L/∂W = δᵀa holds 2γₙ Σ|δ||a|, summed over the n records. Three sieves give less than that, each finer and dearer, and each
sees what the one before it does not clear:

- rows, by one number for each unit: Σ|δ| times the smallest |a|, which is enough where a is a sigmoid's; or else, for vectors d, m ≥ 0 of n
  numbers with means d̄, m̄ and deviations σ, τ, Σ dm ≥ n(d̄m̄ − στ), by Cauchy and Schwarz on their distances from the means; m = min(|a|, c)
  ≤ |a| for a c below which few |a| are has a small τ, unless a is a relu's;
- numbers, by γₙ Σ|δ||a| over some of the records, a product of small depth, or by γₙ|∂L/∂W|, whichever is more;
- one by one, by γₙ Σ|δ||a| over all records; and where δ or a is a relu's, by the effect of rounding of its sum z = Σ b w besides:
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

CHUNK_BYTES = 1 << 18       # of the differences that are looked at together, so that they stay in the cache
RECORDS = 16                # the least number of records in the second sieve's sums
MULTIPLICATIONS = 1 << 21   # in those sums; there are more records where it takes no more than this
AT_ONCE = 256               # numbers that the third sieve looks at together
MOST_LEFT = 1 << 12         # numbers for the third sieve; where there are more the envelope decides


class LargeScreen:
    """The screen of a large network's steps, for the products whose factors the expected side shows."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.precision = Precision(problem.dtype, sides=1)
        self.inputs: Columns | None = None      # of the last block, as the next one often has the same

    def of(self, block: Block) -> dict[Key, "Product"]:
        """Return the block's gradients and deltas that are such products, by (phase, tensor)."""
        problem, expected = self.problem, block.expected
        if expected.errors is None or expected.activations is None or not (problem.is_large and problem.is_plain_descent):
            return {}
        if self.inputs is None or self.inputs.a is not block.x:
            self.inputs = Columns(block.x)
        columns = self.inputs
        products: dict[Key, Product] = {}
        below: _Rectified | None = None
        for i, layer in enumerate(problem.layers):
            relu = None
            if layer.function == "relu" and not problem.normalization:
                above = problem.layers[i + 1].linear if i + 1 < len(problem.layers) else None
                relu = _Rectified(block, layer.linear, columns.a, above, self.precision)
            terms = Terms(Columns(expected.errors[layer.linear]), columns, self.precision, relu, below)
            columns, below = Columns(expected.activations[layer.activation]), relu
            for phase, factor in (("grads", 1.0), ("deltas", problem.lr)):
                keys = ((phase, f"{layer.linear}.{kind}") for kind in ("weight", "bias"))
                products |= {key: Product(terms, factor) for key in keys if key in block.pairs}
        return products


@dataclass(frozen=True)
class _Rectified:
    """A layer of relus over a linear layer with inputs b (…, n, in), and the linear layer above it, if any."""

    block: Block
    linear: str
    b: Array
    above: str | None
    precision: Precision

    def off(self, step: int, units: Any) -> Array:
        """Return the rounding of those units' a (n, units), where they are on: γ Σ|b||w|."""
        b, weight = _of_step(self.b, step), self.block.before[f"{self.linear}.weight"][step, units]
        return np.asarray(self.precision.gamma(b.shape[1]) * (np.abs(b) @ np.abs(weight).T))

    def doubt(self, step: int, units: Any) -> Array:
        """Return how far rounding may move those units' δ (n, units): by all of ∂L/∂a where it may move z across 0, else by 0.

        A z whose terms are all 0 cannot move.
        """
        b, errors, before = _of_step(self.b, step), self.block.expected.errors, self.block.before
        z: Array = b @ before[f"{self.linear}.weight"][step, units].T
        if f"{self.linear}.bias" in before:
            z += before[f"{self.linear}.bias"][step, units]
        doubt = np.zeros_like(z)
        if self.above is not None and errors is not None:
            off = self.off(step, units)
            records, places = np.nonzero((np.abs(z) <= off) & (off > 0))
            weight = before[f"{self.above}.weight"][step] if len(records) else z
            for record, place in zip(records, places, strict=True):
                doubt[record, place] = abs(errors[self.above][step][record] @ weight[:, units[place]])
        return doubt


def _of_step(arrays: Array, step: int) -> Array:
    """Return that step's array (n, …), of one for each step or of one that all steps share."""
    return arrays if arrays.ndim == 2 else arrays[step]


class Columns:
    """An array a (…, n, units), with the means and deviations of its columns: of |a|, and of min(|a|, c), c being half the mean of |a|."""

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
        """The mean and the deviation of min(|a|, c) (…, units)."""
        row = self.a[..., :1, :]      # of equal numbers c, with which np.minimum is faster than with one number
        m = np.minimum(self.magnitudes, np.full_like(row, self.means.mean(axis=-1)[..., None, None] / 2))
        means = _means(m)
        return means, _deviations(m, means)


def _means(m: Array) -> Array:
    return np.asarray((_shares(m.shape[-2], m.dtype) @ m)[..., 0, :])


@lru_cache(maxsize=8)
def _shares(n: int, dtype: DTypeLike) -> Array:
    return np.full((1, n), 1 / n, dtype)


def _deviations(m: Array, means: Array) -> Array:
    """Return the deviation of each column, or a little more: the most that rounding and underflow can have taken from it is added."""
    squares = _means(m * m)
    rounding = 4 * Precision(m.dtype, sides=1).gamma(m.shape[-2] + 2)
    underflow = 2 * np.finfo(m.dtype).smallest_normal
    return np.asarray(np.sqrt(np.maximum(squares - means * means, 0) + rounding * squares + underflow))


@dataclass(frozen=True)
class Terms:
    """The factors δ (steps, n, out) and a (…, n, in) of ∂L/∂W = δᵀa.

    `relu` is the layer with this δ, `below` the layer with this a, if it is one of relus. `precision` is one side's.
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
        """Yield lower bounds (steps, out) of γₙ Σ|δ||a| over each row of the weight, the cheaper first."""
        yield self.total * self.a.least[..., None]
        if self.below is None:      # a relu's a is 0 so often that this bound clears nothing
            mean, deviation = self.a.cut
            lowest, widest = mean.min(axis=-1, keepdims=True), deviation.max(axis=-1, keepdims=True)
            yield np.asarray(self.gamma * self.delta.a.shape[-2] * (self.delta.means * lowest - self.delta.deviations * widest))

    def some(self, step: int) -> tuple[Array, Array]:
        """Return γₙ|δ| (out, records) and |a| (records, in) of some of that step's records."""
        delta, a = self.delta.a[step], _of_step(self.a.a, step)
        few = min(max(RECORDS, MULTIPLICATIONS // (delta.shape[1] * a.shape[1])), len(a))
        rows = np.arange(few) * len(a) // few
        return np.abs(delta[rows]).T * delta.dtype.type(self.gamma), np.abs(a[rows])

    def allow(self, step: int, gap: Array, units: Any, inputs: Any | None) -> bool:
        """Return whether each gap, in its row of `units` and column of `inputs`, or of a bias, is within the bound by all records."""
        parts = [slice(start, start + AT_ONCE) for start in range(0, len(gap), AT_ONCE)]
        return all(self._allow(step, gap[part], units[part], None if inputs is None else inputs[part]) for part in parts)

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
    """`factor` times the gradients of a weight (steps, out, in), δᵀa, or of a bias (steps, out), sums of δ."""

    terms: Terms
    factor: float

    def screened(self, actual: Array, expected: Array) -> tuple[Array, Any]:
        """Return each step's largest difference and whether all are within their bounds, by one sieve after the other."""
        is_weight = expected.ndim == 3
        if is_weight:
            largest = np.array([largest_by_row(*pair) for pair in zip(actual, expected, strict=True)])
        else:
            largest = np.abs(actual - expected)
        for least in self.terms.least() if is_weight else (self.terms.total,):
            far = ~(largest <= self.factor * least)
            if not far.any():
                break
        within = np.asarray(np.isfinite(largest).all(axis=1))      # an infinite difference would be within a bound that overflows
        for step in np.flatnonzero(far.any(axis=1) & within).tolist():
            units = np.flatnonzero(far[step])
            if is_weight:
                within[step] = self._are_within(step, actual[step], expected[step], units)
            else:
                within[step] = self.terms.allow(step, largest[step, units] / self.factor, units, None)
        return np.asarray(largest.max(axis=1)), within

    def _are_within(self, step: int, actual: Array, expected: Array, units: Any) -> bool:
        """Return whether each number of those rows is within its bound, by the second and third sieve."""
        left = []
        deltas, magnitudes = self.terms.some(step)
        at_once = _rows_at_once(expected)
        for start in range(0, len(units), at_once):
            rows = units[start : start + at_once]
            at = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] == len(rows) - 1 else rows      # a slice copies nothing
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
    """Return the largest |actual − expected| of each row of matrices (out, in)."""
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
