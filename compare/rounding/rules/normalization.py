"""Normalisation's part in the envelope: γ (z − μ) / √(v + ε) + β, its way back, and the running statistics."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...support.arrays import Array
from ..arithmetic import Bounded, Precision, negative, plus, reciprocal_root, scaled, times, total

EPS = 1e-5
MOMENTUM = 0.1
AXES = {"layer_norm": -1, "batch_norm": -2}      # what μ and v are taken over: a record's units, or the batch's records

Gradients = dict[str, Bounded]


@dataclass(frozen=True)
class Normalized:
    """The output, its way back, error ↦ (δ, gradients of γ and β), and the mean and biased variance, on axes of length 1."""

    output: Bounded
    pullback: Callable[[Bounded], tuple[Bounded, Gradients]]
    mean: Bounded
    variance: Bounded


def normalized(name: str, z: Bounded, weight: Bounded, bias: Bounded, precision: Precision) -> Normalized:
    """Over z (…, n, units), in training.

    Beside what the steps as written lose, two forms are allowed for, since PyTorch's kernels compute so: z α + (β − μ α) with α = γ s, and
    on the way back Σ g z − μ Σ g in place of Σ g (z − μ). Both lose rounding of |z| + |μ| where z − μ is small. Welford's variance loses no
    more than the mean's error does here.
    """
    axis = AXES[name]
    n = z.value.shape[axis]
    mean = _mean(z, axis, precision)
    away = z.at_most() + mean.at_most()                                        # |z| + |μ|
    centred = plus(z, negative(mean), precision)
    centred = Bounded(centred.value, centred.error + precision.gamma(4) * away)
    variance = _mean(times(centred, centred, precision), axis, precision)
    scale = _scale(variance, precision)                                        # s = 1 / √(v + ε)
    normal = times(centred, scale, precision)                                  # ẑ
    output = plus(times(normal, weight, precision), bias, precision)
    output = Bounded(output.value, output.error + precision.gamma(3) * bias.at_most())

    def pullback(error: Bounded) -> tuple[Bounded, Gradients]:
        g = times(error, weight, precision)
        product = times(g, normal, precision)
        through_variance = times(normal, _mean(product, axis, precision), precision)
        inner = plus(plus(g, negative(_mean(g, axis, precision)), precision), negative(through_variance), precision)
        delta = times(scale, inner, precision)                                 # s (g − mean g − ẑ mean(g ẑ))
        uncentred = scale.at_most() ** 3 * away * np.mean(g.at_most() * away, axis=axis, keepdims=True)
        spread = scale.at_most() * (g.at_most() + np.mean(g.at_most(), axis=axis, keepdims=True))
        delta = Bounded(delta.value, delta.error + precision.gamma(n + 8) * (uncentred + spread))
        return delta, {
            "weight": total(times(error, normal, precision), (-2,), precision),
            "bias": total(error, (-2,), precision),
        }

    return Normalized(output, pullback, mean, variance)


def evaluated(z: Bounded, weight: Bounded, bias: Bounded, mean: Bounded, variance: Bounded, precision: Precision) -> Bounded:
    """Over z (…, n, units) in evaluation, by the running mean and variance."""
    centred = plus(z, negative(mean), precision)
    centred = Bounded(centred.value, centred.error + precision.gamma(4) * (z.at_most() + mean.at_most()))
    output = plus(times(times(centred, _scale(variance, precision), precision), weight, precision), bias, precision)
    return Bounded(output.value, output.error + precision.gamma(3) * bias.at_most())


def running(before: Bounded, batch: Bounded, precision: Precision) -> Bounded:
    """r ← 0.9 r + 0.1 (the batch's own), also as r + 0.1 (the batch's own − r)."""
    after = plus(scaled(before, 1 - MOMENTUM, 3, precision), scaled(batch, MOMENTUM, 3, precision), precision)
    return Bounded(after.value, after.error + precision.u * before.at_most())


def unbiased(variance: Bounded, n: int, precision: Precision) -> Bounded:
    """n / (n − 1) times the biased variance."""
    return scaled(variance, n / (n - 1), 3, precision)


def _mean(a: Bounded, axis: int, precision: Precision) -> Bounded:
    mean = scaled(total(a, (axis,), precision), 1 / a.value.shape[axis], 2, precision)
    return Bounded(np.expand_dims(mean.value, axis), np.expand_dims(np.asarray(mean.error), axis))


def _scale(variance: Bounded, precision: Precision) -> Bounded:
    eps: Array = np.asarray(EPS)
    return reciprocal_root(plus(variance, Bounded(eps, precision.u * EPS), precision), EPS / 2, precision)
