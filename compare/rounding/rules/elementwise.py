"""The building blocks of the elementwise activations' rules: δ = ∂L/∂a ∘ f′(z), and the bounds of a smooth f.

A library's exp, log, tanh and erf are taken to be off by up to 4 ulp, 8u relative: the loosest that NumPy tests its SIMD kernels against;
glibc, SLEEF (PyTorch's on the CPU) and CUDA promise 1 to 2. 4 ulp of a number that is at most 1, as tanh is, are at most 4u absolute.
The error of a formula built on them follows from there, and each rule says how. The roundings are those at z itself; that they differ a
little where z may have moved is of second order.
"""

from collections.abc import Callable

import numpy as np

from ...support.arrays import Array
from ..arithmetic import Bounded, Precision

Pullback = Callable[[Bounded], Bounded]
Bounds = Callable[[Bounded], tuple[Bounded, Pullback]]
Slope = Callable[[Bounded], tuple[Bounded, Bounded]]


def elementwise(slope_rule: Slope) -> Bounds:
    """Return the rule of an elementwise f, with δ = ∂L/∂a ∘ f′(z), from a function that bounds f(z) and f′(z)."""

    def bounds(z: Bounded) -> tuple[Bounded, Pullback]:
        a, slope = slope_rule(z)
        return a, lambda error: error * slope

    return bounds


def smooth(
    function: Callable[[Array], tuple[Array, Array]], rounding: Callable[[Bounded], tuple[Array, Array]], steepest: float, bend: float
) -> Bounds:
    """Return the rule of a smooth f with |f′| ≤ M₁, `steepest`, and |f″| ≤ M₂, `bend`, everywhere.

    `function(z)` returns f(z) and f′(z), `rounding(z)` the roundings of each. Where z moves by e, f moves by at most
    |f′|e + M₂e²/2 and M₁e, and f′ by at most M₂e and 2M₁.
    """

    def slope_rule(z: Bounded) -> tuple[Bounded, Bounded]:
        a, slope = function(z.value)
        a_rounding, slope_rounding = rounding(z)
        e = np.asarray(z.error)
        a_moved = np.minimum(np.abs(slope) * e + bend * e**2 / 2, steepest * e)
        slope_moved = np.minimum(bend * e, 2 * steepest)
        underflow = np.where(z.at_most() != 0, z.precision.smallest_normal, 0.0)
        return z.like(a, a_moved + a_rounding + underflow), z.like(slope, slope_moved + slope_rounding + underflow)

    return elementwise(slope_rule)


def near_limit(rest: Array, roundings: Array | float, precision: Precision) -> Array:
    """Return the error of an f that is `rest` away from its limit: `roundings` u, or the rest where it is far below u.

    There every form may give the limit itself, and not all libraries give the nearest number: NumPy's tanh in float32 is 1 from 10 on,
    where the rest is u/15.
    """
    return np.where(rest < precision.unit / 64, 1.01 * rest, roundings * precision.u)


def nearest(z: Bounded) -> Array:
    """Return the smallest |z| that the bound allows."""
    return np.maximum(np.abs(z.value) - z.error, 0.0)
