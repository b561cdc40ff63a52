"""Normalisation on sampled numbers: γ (z − μ) / √(v + ε) + β, its pullback, and the running statistics."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..support.arrays import Array
from .sampled import Sampled, as_row

EPS = 1e-5
MOMENTUM = 0.1
AXES = {"layer_norm": -1, "batch_norm": -2}      # μ and v are over a record's units, or over the batch's records


@dataclass(frozen=True)
class Normalized:
    """The output, the pullback ∂L/∂output ↦ (∂L/∂z, gradients of γ and β), and the mean and biased variance, on axes of length 1."""

    output: Sampled
    pullback: Callable[[Sampled], tuple[Sampled, dict[str, Sampled]]]
    mean: Sampled
    variance: Sampled


def normalized(name: str, z: Sampled, weight: Sampled, bias: Sampled) -> Normalized:
    """Normalise z (…, n, units) as in training, with γ and β (…, units).

    Two other forms are those of PyTorch's kernels: z α + (β − μ α) with α = γ s, and in the pullback Σ g z − μ Σ g in place of
    Σ g (z − μ). Both lose rounding of |z| + |μ| where z − μ is small, some of it the same in all numbers of one mean. Welford's variance
    loses no more than the mean's error does here.
    """
    axis, weight, bias = AXES[name], as_row(weight), as_row(bias)
    n = z.shape[axis]
    mean = _mean(z, axis)
    away = _size(z) + _size(mean)                                              # |z| + |μ|
    centred = (z - mean.moved(4 * _size(mean))).moved(4 * away)
    variance = _mean(centred * centred, axis)
    scale = _scale(variance)                                                   # s = 1 / √(v + ε)
    normal = centred * scale                                                   # ẑ
    output = (normal * weight + bias).moved(3 * _size(bias))

    def pullback(error: Sampled) -> tuple[Sampled, dict[str, Sampled]]:
        g = error * weight
        delta = scale * (g - _mean(g, axis) - normal * _mean(g * normal, axis))      # s (g − mean g − ẑ mean(g ẑ))
        uncentred = _size(scale) ** 3 * away * np.mean(_size(g) * away, axis=axis, keepdims=True)
        spread = _size(scale) * (_size(g) + np.mean(_size(g), axis=axis, keepdims=True))
        delta = delta.moved(math.sqrt(n + 8) * (uncentred + spread))
        return delta, {"weight": (error * normal).sum(-2), "bias": error.sum(-2)}

    return Normalized(output, pullback, mean, variance)


def evaluated(z: Sampled, weight: Sampled, bias: Sampled, mean: Sampled, variance: Sampled) -> Sampled:
    """Normalise z (…, n, units) as batch normalisation does in evaluation, by the running mean and variance (…, units)."""
    weight, bias, mean, variance = as_row(weight), as_row(bias), as_row(mean), as_row(variance)
    centred = (z - mean.moved(4 * _size(mean))).moved(4 * (_size(z) + _size(mean)))
    return (centred * _scale(variance) * weight + bias).moved(3 * _size(bias))


def running(before: Sampled, batch: Sampled) -> Sampled:
    """r ← 0.9 r + 0.1 b for the batch's statistic b, also computed as r + 0.1 (b − r)."""
    return (before.scaled(1 - MOMENTUM) + batch.scaled(MOMENTUM)).moved(_size(before))


def _size(a: Sampled) -> Array:
    """Return the largest |a| of all rows, with an axis of one row."""
    return np.asarray(np.abs(a.rows).max(axis=0, keepdims=True))


def _mean(a: Sampled, axis: int) -> Sampled:
    return a.sum(axis, keepdims=True).scaled(1 / a.shape[axis])


def _scale(variance: Sampled) -> Sampled:
    return (variance + EPS).reciprocal_root(least=EPS / 2)
