"""The activations by name: a = f(z) and the pullback ∂L/∂a ↦ ∂L/∂z on sampled numbers, f computed in any of its honest forms.

How far the forms are apart is in u, the unit roundoff. A library's exp, log, tanh and erf are taken to be off by up to 4 ulp, 8u relative:
the loosest that NumPy tests its SIMD kernels against; glibc, SLEEF (PyTorch's on the CPU) and CUDA promise 1 to 2. 4 ulp of a number that
is at most 1, as tanh is, are at most 4u absolute. The error of a formula built on them follows from there, and each activation says how.
"""

import math
from collections.abc import Callable

import numpy as np

from ..support.arrays import Array
from .sampled import Precision, Sampled

Pullback = Callable[[Sampled], Sampled]
Activation = Callable[[Sampled], tuple[Sampled, Pullback]]
_erfc = np.frompyfunc(math.erfc, 1, 1)


def logistic(z: Array) -> Array:
    """Return σ(z), by the exponential that does not overflow."""
    e = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1.0, e) / (1 + e))


def logistic_slope(z: Array) -> Array:
    """Return σ′(z), which is even in z."""
    e = np.exp(-np.abs(z))
    return np.asarray(e / (1 + e) ** 2)


def _elementwise(slope_rule: Callable[[Sampled], tuple[Sampled, Sampled]]) -> Activation:
    """Return an elementwise f, with δ = ∂L/∂a ∘ f′(z), from a function that returns f(z) and f′(z)."""

    def activation(z: Sampled) -> tuple[Sampled, Pullback]:
        a, slope = slope_rule(z)
        return a, lambda error: error * slope

    return activation


def _smooth(function: Callable[[Array], tuple[Array, Array]], forms: Callable[[Array, Precision], tuple[Array, Array]]) -> Activation:
    """Return a smooth f from the functions z ↦ f(z), f′(z) and z ↦ how far the forms of each are apart, in u."""

    def slope_rule(z: Sampled) -> tuple[Sampled, Sampled]:
        (a, slope), (of_a, of_slope) = function(z.rows), forms(z.plain, z.precision)
        underflow = np.where(z.plain != 0, z.precision.tiny / z.precision.unit, 0.0)
        return z.with_rows(a).moved(of_a + underflow), z.with_rows(slope).moved(of_slope + underflow)

    return _elementwise(slope_rule)


def _near_limit(rest: Array, units: Array | float, precision: Precision) -> Array:
    """Return how far forms are apart of an f that is `rest` away from its limit: so many u, or the rest where it is far below u.

    There every form may give the limit itself, and not all libraries give the nearest number: NumPy's tanh in float32 is 1 from 10 on,
    where the rest is u/15.
    """
    return np.where(rest < precision.unit / 64, 1.01 * rest / precision.unit, units)


def _sigmoid(z: Sampled) -> tuple[Sampled, Sampled]:
    """σ by any of its forms, and σ′ = σ(1 − σ) by any of its own.

    1/(1 + e⁻ᶻ) and eᶻ/(1 + eᶻ) are off by at most 18u relative (8u for the numerator's exp, 8u for the denominator's, 2u for sum
    and quotient), ½(1 + tanh(z/2)) by 5u absolute (half of 8u for tanh and 2u for the sum). σ′ is off by what σ is, times 1 − 2σ, or
    by at most 30u relative when it is computed from exp directly: it need not go together with σ.
    """
    a, slope = z.apply(logistic), z.apply(logistic_slope)
    of_a = 18 * a.plain + 5
    return a.moved(of_a).within(0.0, 1.0), slope.moved(np.abs(1 - 2 * a.plain) * of_a + 30 * slope.plain)


def _tanh(z: Sampled) -> tuple[Sampled, Sampled]:
    """tanh by any of its forms, and tanh′ = 1 − tanh² by any of its own.

    (eᶻ − e⁻ᶻ)/(eᶻ + e⁻ᶻ) and 2σ(2z) − 1 are off by at most 20u absolute (8u for each exp against a sum no smaller, and the sums' and the
    quotient's roundings), which is more than the library's 8u relative; at an exact 0 all are 0. tanh′ is off by what tanh is, times
    2 tanh, by one rounding of tanh², or by at most 30u relative when it is computed from cosh: it need not go together with tanh.
    """
    a = z.apply(np.tanh)
    slope, square = z.with_rows(1 - np.square(a.rows)), np.square(a.plain)
    return a.moved(np.where(z.rows == 0, 0.0, 20.0)).within(-1.0, 1.0), slope.moved(40 * np.abs(a.plain) + square + 30 * (1 - square))


def _rectified(leak: float) -> Activation:
    """z for z > 0, exact given z, else `leak` · z, off by 2u for the product and the constant; at an exact 0 the slope is `leak`."""

    def slope_rule(z: Sampled) -> tuple[Sampled, Sampled]:
        below = z.rows <= 0
        a, slope = z.with_rows(np.where(below, leak * z.rows, z.rows)), z.with_rows(np.where(below, leak, 1.0))
        return (a.moved(np.where(below, 2 * leak * np.abs(z.rows), 0.0)), slope.moved(np.where(below, leak, 0.0))) if leak else (a, slope)

    return _elementwise(slope_rule)


def _elu(z: Sampled) -> tuple[Sampled, Sampled]:
    """z for z > 0, exact given z, else eᶻ − 1; slope 1 for z > 0, else eᶻ or a + 1.

    eᶻ − 1 is off by 8u absolute (8eᶻ for exp and 1 − eᶻ for the difference), which is more than expm1's 8u relative; the slope by 9u, for
    the sum. At an exact 0 both are exact.
    """
    below, lowest = z.rows < 0, np.minimum(z.rows, 0.0)
    a, slope = z.with_rows(np.where(below, np.expm1(lowest), z.rows)), z.with_rows(np.exp(lowest))
    return a.moved(np.where(below, 8.0, 0.0)), slope.moved(np.where(below, 9.0, 0.0))


def _softplus(z: Sampled) -> tuple[Sampled, Sampled]:
    """ln(1 + eᶻ) by any of its forms, and its slope σ by any of its own, also 1 − e⁻ᵃ.

    max(z, 0) + log1p(e^−|z|) is off by 17u relative (8u each for exp and log1p, 1u for the sum), log(1 + eᶻ) by 16u relative and u absolute
    (8u for exp weigh σ ≤ a, the sum's u counts in full, 8u for log), −log(1 − σ(z)) by one u absolute more. σ, as above, is off by
    18σ + 5 units, 1 − e⁻ᵃ by 18σ + 11: (17a + 2)e⁻ᵃ for a, with ae⁻ᵃ ≤ σ, 8e⁻ᵃ for exp and 1 for the difference.
    """
    a = z.apply(lambda rows: np.maximum(rows, 0.0) + np.log1p(np.exp(-np.abs(rows))))
    slope = z.apply(logistic)
    return a.moved(17 * a.plain + 2), slope.moved(18 * slope.plain + 11)


def _silu_values(z: Array) -> tuple[Array, Array]:
    s, rest = logistic(z), logistic(-z)
    return z * s, s * (1 + z * rest)


def _silu_forms(z: Array, precision: Precision) -> tuple[Array, Array]:
    """f by zσ(z) or z/(1 + e⁻ᶻ), and f′ by σ(1 + z(1 − σ)), σ + a(1 − σ), a + σ(1 − a) and the like.

    σ is off by 18σ(1 − σ) + 2σ units by exp (what exp is off weighs 1 − σ), by 5 by tanh, and by nothing but its distance from 0 or 1
    where that rounds away. So a is off by |z| times that and the product's u. f′ is off by at most 1 + |z| times what σ is off,
    also where its two σ are not computed alike; its roundings are at most 3|z|σ(1 − σ) of the product, 2σ(1 + |a|) of a + σ(1 − a),
    and 2|f′| of the last two operations: together at most 5|a| + 4σ.
    """
    s, size = logistic(z), np.abs(z)
    of_s = 18 * s * (1 - s) + _near_limit(logistic(-size), 2 * s + 5, precision)
    a = size * s
    return size * of_s + a, (1 + size) * of_s + 5 * a + 4 * s


def _normal_distribution(z: Array) -> Array:
    """Φ(z) = ½ erfc(−z/√2)."""
    return np.asarray(_erfc(z * -math.sqrt(0.5)), dtype=np.float64) / 2


def _normal_density(z: Array) -> Array:
    """φ(z) = e^(−z²/2) / √(2π)."""
    return np.asarray(np.exp(z * z / -2) / math.sqrt(2 * math.pi))


def _gelu_values(z: Array) -> tuple[Array, Array]:
    phi = _normal_distribution(z)
    return z * phi, phi + z * _normal_density(z)


def _gelu_forms(z: Array, precision: Precision) -> tuple[Array, Array]:
    """f by zΦ(z) and f′ by Φ(z) + zφ(z), Φ from erf or from erfc.

    Φ is off by 8u relative by erfc, by half of 8u absolute by ½(1 + erf), and by as much of the sum's u as erfc may be off; both by 2|z|φ
    units for the argument z/√2, which is off by 2u; where 1 + erf rounds away, by Φ itself. The product with z costs u.
    φ is off by 5u of its exponent z²/2 when that is the square of z/√2, 8u for exp, 2u for constant and product, and zφ by u more. The last
    sum costs u, or 2u absolute where it is made in another order, as ½ + (½ erf + zφ): PyTorch's slope in float32 is a multiple of u/2.
    """
    phi, tail = _normal_distribution(z), np.abs(z) * _normal_density(z)
    of_phi = 2 * tail + 8 * phi + _near_limit(_normal_distribution(-np.abs(z)), 4.0, precision)
    return np.abs(z) * (of_phi + phi), of_phi + tail * (2.5 * z**2 + 11) + np.abs(phi + z * _normal_density(z)) + 2


def _gelu_tanh_parts(z: Array) -> tuple[Array, Array, Array, Array]:
    """Return y = √(2/π) (z + 0.044715 z³), y′, ½(1 + tanh y) = σ(2y), and 1 − tanh² y = 4σ′(2y)."""
    factor, cubic = math.sqrt(2 / math.pi), 0.044715
    y = factor * z * (1 + cubic * z * z)
    return y, factor * (1 + 3 * cubic * z * z), logistic(2 * y), 4 * logistic_slope(2 * y)


def _gelu_tanh_values(z: Array) -> tuple[Array, Array]:
    _, inner, half, w = _gelu_tanh_parts(z)
    return z * half, half + z * w * inner / 2


def _gelu_tanh_forms(z: Array, precision: Precision) -> tuple[Array, Array]:
    """f by ½z(1 + t) and f′ by ½(1 + t) + ½z(1 − t²)y′, for t = tanh y by any form of tanh.

    Let w = 1 − t². y is off by at most 13u relative (8u if z³ is a library's power, its constants, products and the sum). By exp, what t is
    off weighs w: t is off by 13|y|w for y, 8w for exp, and 5 units for the roundings near 1, or the library's 4; where w
    rounds away, by w. ½(1 + t) is off by half of that, by ½w if it is σ(2y), and by the sum's u. w is off by 2|t| times what t is, by one
    rounding of t², or by at most 30u relative and as much for y if it is computed from cosh. ½zwy′ is off by what w is, and by 10 units
    for y′ (7) and the products (3); the last sum costs u, or 2u absolute where it is made in another order.
    """
    y, inner, _, w = _gelu_tanh_parts(z)
    a, slope = _gelu_tanh_values(z)
    of_half = 6.5 * np.abs(y) * w + 4.5 * w + _near_limit(w, 7.0, precision)
    of_w = 26 * np.abs(y) * w + 46 * w + _near_limit(w, 11.0, precision)
    weight = np.abs(z) * inner / 2
    return np.abs(z) * of_half + np.abs(a), of_half + weight * (of_w + 10 * w) + np.abs(slope) + 2


def probabilities(z: Sampled) -> tuple[Sampled, Sampled, Sampled]:
    """Return p by any form of softmax, p also as e^ln p with ln p by any of its forms, and ln p by any of its forms, over the last axis.

    In units of u, each on ln p, for S = Σ e^(zⱼ−m) with m the largest z or 0, and lse = m + ln S: |zᵢ − m| for the difference;
    in S the mean of the same, 8 for exp, k − 1 for the sum. e^(zᵢ−m)/S adds 8 for exp and 1 for the quotient; zᵢ − lse adds 8 ln S or
    8|lse| for log, |lse| for the sum and |ln pᵢ| for the difference. e^ln p adds 8 for exp, ln(p) 8|ln pᵢ| for log. What S and lse are
    off is the same in all of a record.
    """
    shifted = z.rows - z.rows.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    log_p = z.with_rows(shifted - log_sum)
    away, ln_s = np.abs(shifted[: len(z.plain)]), log_sum[: len(z.plain)]
    lse = np.abs(z.plain.max(axis=-1, keepdims=True) + ln_s)
    spread = (np.exp(log_p.plain) * away).sum(axis=-1, keepdims=True)
    of_record = spread + 8 * np.maximum(ln_s, lse) + lse + z.shape[-1] + 17
    log_p = log_p.moved(of_record, by_record=True)

    def of(units: Array) -> Sampled:
        return log_p.moved(away + units).within(-np.inf, 0.0)

    size = np.abs(log_p.plain)
    return of(size).apply(np.exp), of(9 * size + 8).apply(np.exp), of(9 * size)


def _softmax(z: Sampled) -> tuple[Sampled, Pullback]:
    """p by any of its forms, and δᵢ = pᵢ (∂L/∂pᵢ − Σⱼ ∂L/∂pⱼ pⱼ), also by the whole Jacobian diag(p) − ppᵀ, which rounds each ∂L/∂pᵢ pᵢ."""
    p, _, _ = probabilities(z)

    def pullback(error: Sampled) -> Sampled:
        weighted = error * p
        delta = p * (error - weighted.sum(-1, keepdims=True))
        return delta.moved(math.sqrt(z.shape[-1] + 3) * np.abs(weighted.plain))

    return p, pullback


def _log_softmax(z: Sampled) -> tuple[Sampled, Pullback]:
    """ln p by any of its forms, and δᵢ = ∂L/∂aᵢ − pᵢ Σⱼ ∂L/∂aⱼ, also by the whole Jacobian 1 − 1pᵀ, which rounds each ∂L/∂aᵢ."""
    _, p, log_p = probabilities(z)

    def pullback(error: Sampled) -> Sampled:
        delta = error - p * error.sum(-1, keepdims=True)
        return delta.moved(math.sqrt(z.shape[-1] + 2) * np.abs(error.plain))

    return log_p, pullback


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": _elementwise(_sigmoid),
    "tanh": _elementwise(_tanh),
    "relu": _rectified(0.0),
    "leaky_relu": _rectified(0.01),
    "elu": _elementwise(_elu),
    "gelu": _smooth(_gelu_values, _gelu_forms),
    "gelu_tanh": _smooth(_gelu_tanh_values, _gelu_tanh_forms),
    "silu": _smooth(_silu_values, _silu_forms),
    "softplus": _elementwise(_softplus),
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "identity": _elementwise(lambda z: (z, z.apply(np.ones_like))),
}
