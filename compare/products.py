"""The screen for the gradients and deltas of large weights: less than the envelope allows them, at the cost of a look at each number.

The envelope of ∂L/∂W = δᵀa holds 2γₙ Σ|δ||a| over the n records. Some of the terms are less than all, so that γₙ Σ|δ||a| over a few
records is a bound below it: a matrix product of small depth. What is not within that bound is held against γₙ|∂L/∂W|, and what is not
within that either, number by number, against all its terms: γₙ Σ|δ||a|, and for a relu's a, which is off by what its sum z = Σ b w is,
Σ|δ| γ Σ|b||w| too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compare.implementation import Array
from compare.rounding import Precision

RECORDS = 8              # whose terms are summed at least,
MULTIPLICATIONS = 1 << 21      # and more where that takes no more than this
CHUNK_BYTES = 1 << 16
AT_ONCE = 256           # numbers whose terms are summed at once
MOST_LEFT = 1 << 14      # numbers that are looked at one by one; more are left to the envelope


@dataclass(frozen=True)
class Product:
    """δ (n, out) and a (n, in) of the expected side, and the factor on δᵀa: 1 for a gradient, the learning rate for a delta.

    Where a = relu(b Wᵀ), `sums` gives b (n, before) and W (in, before).
    """

    delta: Array
    a: Array
    factor: float
    sums: Callable[[], tuple[Array, Array]] | None = None


def screened_product(actual: Array, expected: Array, product: Product, precision: Precision) -> tuple[float, float]:
    """The largest difference of two weights' gradients or deltas (out, in), and its share of the bound: infinite if any is not cleared.

    `precision` is one side's.
    """
    n = len(product.delta)
    gamma = precision.gamma(n)
    few = min(max(RECORDS, MULTIPLICATIONS // expected.size), n)
    rows = np.arange(few) * n // few
    scaled = np.abs(product.delta[rows]).T * product.delta.dtype.type(gamma * product.factor)      # (out, records)
    magnitudes = np.abs(product.a[rows])                                                           # (records, in)
    largest, share = 0.0, 0.0
    left: list[tuple[Array, ...]] = []      # gap, unit and input of what is not cleared yet
    step = max(1, CHUNK_BYTES // expected[0].nbytes)
    gap, bound, within = (np.empty((step, expected.shape[1]), kind) for kind in (expected.dtype, expected.dtype, bool))
    for top in range(0, len(expected), step):
        part = slice(top, top + step)
        size = len(expected[part])
        d, b, w = gap[:size], bound[:size], within[:size]
        np.subtract(actual[part], expected[part], d)
        np.abs(d, d)
        np.dot(scaled[part], magnitudes, b)
        np.less_equal(d, b, w)
        flat = d.reshape(-1)
        at = int(flat.argmax())
        if not flat[at] <= largest:      # NaN is the largest of all
            largest = float(flat[at])
            share = largest / float(b.reshape(-1)[at]) if b.reshape(-1)[at] > 0 else np.inf
            share = 0.0 if largest == 0 else min(share, 1.0) if w.reshape(-1)[at] else share
        if not w.all():
            places = np.flatnonzero(~w.reshape(-1))
            units, inputs = np.divmod(places, expected.shape[1])
            numbers = np.abs(expected[part].reshape(-1)[places])
            far = np.flatnonzero(~(flat[places] <= gamma * numbers))
            left.append((flat[places[far]], units[far] + top, inputs[far]))
            share = min(share, 1.0)
    if not np.isfinite(largest) or sum(len(gaps) for gaps, _, _ in left) > MOST_LEFT:
        return largest, np.inf
    if left:
        gaps, units, inputs = map(np.concatenate, zip(*left, strict=True))
        if not _within(gaps, units, inputs, product, precision):
            return largest, np.inf
    return largest, share


def _within(gap: Array, units: Array, inputs: Array, product: Product, precision: Precision) -> bool:
    """Whether each of those differences is within what its terms allow."""
    gamma = precision.gamma(len(product.delta))
    for start in range(0, len(gap), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        delta, a = np.abs(product.delta[:, units[some]]), np.abs(product.a[:, inputs[some]])
        bound = gamma * (delta * a).sum(axis=0)
        if product.sums is not None and not (gap[some] <= product.factor * bound).all():
            before, weight = product.sums()
            off = precision.gamma(before.shape[1]) * (np.abs(before) @ np.abs(weight[inputs[some]]).T)
            bound += (delta * np.where(a > 0, off, 0)).sum(axis=0)
        if not (gap[some] <= product.factor * bound).all():
            return False
    return True

