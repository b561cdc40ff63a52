"""The rules of gelu by erf and of gelu by tanh. The errors of a library's functions are those stated in `elementwise`."""

import math

import numpy as np

from ...support.arrays import Array
from ..arithmetic import Bounded
from .elementwise import near_limit, nearest
from .sigmoid import logistic, logistic_slope

_erfc = np.frompyfunc(math.erfc, 1, 1)


def _normal_distribution(z: Array) -> Array:
    """Φ(z) = ½ erfc(−z/√2)."""
    return np.asarray(_erfc(z * -math.sqrt(0.5)), dtype=np.float64) / 2


def _normal_density(z: Array) -> Array:
    """φ(z) = e^(−z²/2) / √(2π)."""
    return np.asarray(np.exp(z * z / -2) / math.sqrt(2 * math.pi))


def gelu_values(z: Array) -> tuple[Array, Array]:
    """Return f(z) and f′(z)."""
    phi = _normal_distribution(z)
    return z * phi, phi + z * _normal_density(z)


def gelu_rounding(z: Bounded) -> tuple[Array, Array]:
    """Return the roundings of f by zΦ(z) and of f′ by Φ(z) + zφ(z), Φ from erf or from erfc.

    Φ is off by 8u relative by erfc, by half of 8u absolute by ½(1 + erf), and by as much of the sum's u as erfc may be off; both by 2|z|φ
    units for the argument z/√2, which is off by 2u; where 1 + erf rounds away, by Φ itself. The product with z costs u.
    φ is off by 5u of its exponent z²/2 when that is the square of z/√2, 8u for exp, 2u for constant and product, and zφ by u more. The last
    sum costs u, or 2u absolute where it is made in another order, as ½ + (½ erf + zφ): PyTorch's slope in float32 is a multiple of u/2.
    """
    precision, (a, slope) = z.precision, gelu_values(z.value)
    most, tail = z.at_most(), np.abs(z.value) * _normal_density(z.value)
    phi_error = precision.u * (2 * tail + 8 * _normal_distribution(z.value))
    phi_error = phi_error + near_limit(_normal_distribution(-nearest(z)), 4.0, precision)
    slope_rounding = phi_error + precision.u * (tail * (2.5 * z.value**2 + 11) + np.abs(slope) + 2)
    return most * phi_error + precision.u * np.abs(a), slope_rounding


def _gelu_tanh_parts(z: Array) -> tuple[Array, Array, Array, Array]:
    """Return y = √(2/π) (z + 0.044715 z³), y′, ½(1 + tanh y) = σ(2y), and 1 − tanh² y = 4σ′(2y)."""
    scale, cubic = math.sqrt(2 / math.pi), 0.044715
    y = scale * z * (1 + cubic * z * z)
    return y, scale * (1 + 3 * cubic * z * z), logistic(2 * y), 4 * logistic_slope(2 * y)


def gelu_tanh_values(z: Array) -> tuple[Array, Array]:
    """Return f(z) and f′(z)."""
    _, inner, half, w = _gelu_tanh_parts(z)
    return z * half, half + z * w * inner / 2


def gelu_tanh_rounding(z: Bounded) -> tuple[Array, Array]:
    """Return the roundings of f by ½z(1 + t) and of f′ by ½(1 + t) + ½z(1 − t²)y′, for t = tanh y by any form of tanh.

    Let w = 1 − t². y is off by at most 13u relative (8u if z³ is a library's power, its constants, products and the sum). By exp, what t is
    off weighs w: t is off by 13|y|w for y, 8w for exp, and 5 units for the roundings near 1, or the library's 4; where w
    rounds away, by w. ½(1 + t) is off by half of that, by ½w if it is σ(2y), and by the sum's u. w is off by 2|t| times what t is, by one
    rounding of t², or by at most 30u relative and as much for y if it is computed from cosh. ½zwy′ is off by what w is, and by 10 units
    for y′ (7) and the products (3); the last sum costs u, or 2u absolute where it is made in another order.
    """
    precision, (y, inner, _, w) = z.precision, _gelu_tanh_parts(z.value)
    a, slope = gelu_tanh_values(z.value)
    most, rest = z.at_most(), _gelu_tanh_parts(nearest(z))[3]
    half_error = precision.u * (6.5 * np.abs(y) * w + 4.5 * w) + near_limit(rest, 7.0, precision)
    w_error = precision.u * (26 * np.abs(y) * w + 46 * w) + near_limit(rest, 11.0, precision)
    weight = most * inner / 2
    slope_rounding = half_error + weight * (w_error + precision.u * 10 * w + precision.smallest_normal)
    slope_rounding = slope_rounding + precision.u * (np.abs(slope) + 2)
    return most * half_error + precision.u * np.abs(a), slope_rounding
