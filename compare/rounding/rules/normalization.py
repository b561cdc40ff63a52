"""The rules of normalisation: γ (z − μ) / √(v + ε) + β, its pullback, and the running statistics."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arithmetic import Bounded, as_row

EPS = 1e-5
MOMENTUM = 0.1
AXES = {"layer_norm": -1, "batch_norm": -2}      # μ and v are over a record's units, or over the batch's records


@dataclass(frozen=True)
class Normalized:
    """The output, the pullback ∂L/∂output ↦ (∂L/∂z, gradients of γ and β), and the mean and biased variance, on axes of length 1."""

    output: Bounded
    pullback: Callable[[Bounded], tuple[Bounded, dict[str, Bounded]]]
    mean: Bounded
    variance: Bounded


def normalized(name: str, z: Bounded, weight: Bounded, bias: Bounded) -> Normalized:
    """Normalise z (…, n, units) as in training, with γ and β (…, units).

    The bounds cover the operations as written and two other forms, those of PyTorch's kernels: z α + (β − μ α) with α = γ s, and in the
    pullback Σ g z − μ Σ g in place of Σ g (z − μ). Both lose rounding of |z| + |μ| where z − μ is small. Welford's variance loses no
    more than the mean's error does here.
    """
    axis, gamma, weight, bias = AXES[name], z.precision.gamma, as_row(weight), as_row(bias)
    n = z.value.shape[axis]
    mean = _mean(z, axis)
    away = z.at_most() + mean.at_most()                                        # |z| + |μ|
    centred = (z - mean).off_by(gamma(4) * away)
    variance = _mean(centred * centred, axis)
    scale = _scale(variance)                                                   # s = 1 / √(v + ε)
    normal = centred * scale                                                   # ẑ
    output = (normal * weight + bias).off_by(gamma(3) * bias.at_most())

    def pullback(error: Bounded) -> tuple[Bounded, dict[str, Bounded]]:
        g = error * weight
        delta = scale * (g - _mean(g, axis) - normal * _mean(g * normal, axis))      # s (g − mean g − ẑ mean(g ẑ))
        uncentred = scale.at_most() ** 3 * away * np.mean(g.at_most() * away, axis=axis, keepdims=True)
        spread = scale.at_most() * (g.at_most() + np.mean(g.at_most(), axis=axis, keepdims=True))
        return delta.off_by(gamma(n + 8) * (uncentred + spread)), {"weight": (error * normal).sum(-2), "bias": error.sum(-2)}

    return Normalized(output, pullback, mean, variance)


def evaluated(z: Bounded, weight: Bounded, bias: Bounded, mean: Bounded, variance: Bounded) -> Bounded:
    """Normalise z (…, n, units) as batch normalisation does in evaluation, by the running mean and variance (…, units)."""
    gamma, weight, bias, mean, variance = z.precision.gamma, as_row(weight), as_row(bias), as_row(mean), as_row(variance)
    centred = (z - mean).off_by(gamma(4) * (z.at_most() + mean.at_most()))
    return (centred * _scale(variance) * weight + bias).off_by(gamma(3) * bias.at_most())


def running(before: Bounded, batch: Bounded) -> Bounded:
    """r ← 0.9 r + 0.1 b for the batch's statistic b, also computed as r + 0.1 (b − r)."""
    return (before.scaled(1 - MOMENTUM) + batch.scaled(MOMENTUM)).off_by(before.precision.u * before.at_most())


def _mean(a: Bounded, axis: int) -> Bounded:
    return a.sum(axis, keepdims=True).scaled(1 / a.value.shape[axis], roundings=2)


def _scale(variance: Bounded) -> Bounded:
    return (variance + variance.like(EPS, variance.precision.u * EPS)).reciprocal_root(least=EPS / 2)
