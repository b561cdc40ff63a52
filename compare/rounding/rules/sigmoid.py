"""The rules of sigmoid, tanh, softplus and silu. The errors of a library's functions are those stated in `elementwise`."""

import numpy as np

from ...support.arrays import Array
from ..arithmetic import Bounded
from .elementwise import near_limit, nearest


def logistic(z: Array) -> Array:
    """Return σ(z), by the exponential that does not overflow."""
    e = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1.0, e) / (1 + e))


def logistic_slope(z: Array) -> Array:
    """Return σ′(z), which is even in z."""
    e = np.exp(-np.abs(z))
    return np.asarray(e / (1 + e) ** 2)


def sigmoid(z: Bounded) -> tuple[Bounded, Bounded]:
    """Bound σ computed by any of its forms, and σ′ = σ(1 − σ) by any of its own.

    1/(1 + e⁻ᶻ) and eᶻ/(1 + eᶻ) are off by at most 18u relative (8u for the numerator's exp, 8u for the denominator's, 2u for sum
    and quotient), ½(1 + tanh(z/2)) by 5u absolute (half of 8u for tanh and 2u for the sum). σ′ is off by what σ is, times |1 − 2σ|,
    exactly (σ′ is a polynomial of σ), and by at most 30u relative when it is computed from exp directly.
    """
    a, slope = logistic(z.value), logistic_slope(z.value)
    a_error = z.error * logistic_slope(nearest(z)) + z.precision.u * (18 * a + 5)
    slope_error = np.abs(1 - 2 * a) * a_error + a_error**2 + z.precision.u * 30 * slope
    return z.like(a, a_error), z.like(slope, slope_error)


def tanh(z: Bounded) -> tuple[Bounded, Bounded]:
    """Bound tanh computed by any of its forms, and tanh′ = 1 − tanh² by any of its own.

    (eᶻ − e⁻ᶻ)/(eᶻ + e⁻ᶻ) and 2σ(2z) − 1 are off by at most 20u absolute (8u for each exp against a sum no smaller, and the sums' and the
    quotient's roundings), which is more than the library's 8u relative. tanh′ is off by what tanh is, times |2 tanh|, by one rounding of
    tanh², and by at most 30u relative when it is computed from cosh.
    """
    a = np.tanh(z.value)
    a_error = z.error * (1 - np.tanh(nearest(z)) ** 2) + z.precision.u * 20
    slope = 1 - a**2
    slope_error = np.abs(2 * a) * a_error + a_error**2 + z.precision.u * (a**2 + 30 * slope)
    return z.like(a, a_error), z.like(slope, slope_error)


def softplus(z: Bounded) -> tuple[Bounded, Bounded]:
    """Bound ln(1 + eᶻ) computed by any of its forms, and its slope σ by any of its own, also 1 − e⁻ᵃ.

    max(z, 0) + log1p(e^−|z|) is off by 17u relative (8u each for exp and log1p, 1u for the sum), log(1 + eᶻ) by 16u relative and u absolute
    (8u for exp weigh σ ≤ a, the sum's u counts in full, 8u for log), −log(1 − σ(z)) by one u absolute more. σ, as above, is off by
    18σ + 5 units, 1 − e⁻ᵃ by 18σ + 11: (17a + 2)e⁻ᵃ for a, with ae⁻ᵃ ≤ σ, 8e⁻ᵃ for exp and 1 for the difference.
    f′ = σ grows with z, so that f is steepest at the upper end.
    """
    a = np.maximum(z.value, 0.0) + np.log1p(np.exp(-np.abs(z.value)))
    slope = logistic(z.value)
    a_error = z.error * logistic(z.value + z.error) + z.precision.u * (17 * a + 2)
    slope_error = z.error * logistic_slope(nearest(z)) + z.precision.u * (18 * slope + 11)
    return z.like(a, a_error), z.like(slope, slope_error)


def silu_values(z: Array) -> tuple[Array, Array]:
    """Return f(z) and f′(z)."""
    s, rest = logistic(z), logistic(-z)
    return z * s, s * (1 + z * rest)


def silu_rounding(z: Bounded) -> tuple[Array, Array]:
    """Return the roundings of f by zσ(z) or z/(1 + e⁻ᶻ), and of f′ by σ(1 + z(1 − σ)), σ + a(1 − σ), a + σ(1 − a) and the like.

    σ is off by 18σ(1 − σ) + 2σ units by exp (what exp is off weighs 1 − σ), by 5 by tanh, and by nothing but its distance from 0 or 1
    where that rounds away. So a is off by |z| times that and the product's u. f′ is off by at most 1 + |z| times what σ is off,
    also where its two σ are not computed alike; its roundings are at most 3|z|σ(1 − σ) of the product, 2σ(1 + |a|) of a + σ(1 − a),
    and 2|f′| of the last two operations: together at most 5|a| + 4σ.
    """
    precision, s, most = z.precision, logistic(z.value), z.at_most()
    s_error = precision.u * 18 * s * (1 - s) + near_limit(logistic(-nearest(z)), 2 * s + 5, precision)
    a = np.abs(z.value) * s
    return most * s_error + precision.u * a, (1 + most) * (s_error + precision.smallest_normal) + precision.u * (5 * a + 4 * s)
