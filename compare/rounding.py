"""Rounding, computed: arithmetic on values that carry a bound on how far apart two honest implementations can be.

A `Bounded` is a value v and a bound e ≥ 0, elementwise: two implementations of the same formula, in precision u, in any order of
summation, entering with weights that differ by at most the bound they enter with, both lie within v ± e and within e of
each other. Nothing here is chosen: each rule is the formula's own error analysis. The product rule is Higham's, *Accuracy and
Stability of Numerical Algorithms* (2nd ed.), section 3.5.

Both sides round, so every rounding counts twice: `Precision.u` is the sum of the two sides' unit roundoffs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from compare.implementation import Array


class Precision:
    """The roundings of `sides` implementations that both compute in `dtype`."""

    def __init__(self, dtype: DTypeLike, sides: int = 2) -> None:
        info = np.finfo(dtype)
        self._unit = float(info.eps) / 2
        self._sides = sides
        self.u = sides * self._unit
        self.smallest_normal = sides * float(info.smallest_normal)

    def gamma(self, n: int) -> float:
        """γₙ = nu / (1 − nu) of each side, summed: the relative error of n roundings; NaN where nu ≥ 1, where nothing is known."""
        nu = n * self._unit
        return self._sides * nu / (1 - nu) if nu < 1 else np.nan


@dataclass(frozen=True)
class Bounded:
    """A value and the bound beside it; arrays of the same shape, or a bound of 0.0 for what both sides were handed."""

    value: Array
    error: Array | float = 0.0

    def at_most(self) -> Array:
        """The most that |v| can be on either side."""
        return np.abs(self.value) + self.error


def product(a: Bounded, b: Bounded, precision: Precision, start: Bounded | None = None) -> Bounded:
    """The matrix product a b over n terms: e = |A|E_B + E_A(|B| + E_B) + γₙ(|A| + E_A)(|B| + E_B) + nη.

    With `start`, a bias, one more term that the sum may begin or end with. η, the smallest normal number, is what underflow or
    flushing to zero can lose in each of n terms; where all terms are exactly zero there is nothing to lose, and the result is exact.
    """
    n = a.value.shape[-1]
    value = a.value @ b.value
    magnitude = a.at_most() @ b.at_most()
    if start is not None:
        n, value, magnitude = n + 1, value + start.value, magnitude + start.at_most()
    terms = (a.at_most() != 0).astype(np.float64) @ (b.at_most() != 0).astype(np.float64)      # how many are not exactly zero
    error = precision.gamma(n) * magnitude + terms * precision.smallest_normal
    if not _is_exact(b):
        error += np.abs(a.value) @ b.error
    if not _is_exact(a):
        error += a.error @ b.at_most()
    return Bounded(value, error if start is None else error + start.error)


def total(a: Bounded, axes: tuple[int, ...], precision: Precision) -> Bounded:
    """The sum over the axes, n terms in any order: the terms' errors and γₙ Σ|a|."""
    n = int(np.prod([a.value.shape[axis] for axis in axes]))
    magnitude = a.at_most().sum(axis=axes)
    error = precision.gamma(n) * magnitude
    return Bounded(a.value.sum(axis=axes), error if _is_exact(a) else error + np.sum(a.error, axis=axes))


def plus(a: Bounded, b: Bounded, precision: Precision) -> Bounded:
    """a + b elementwise: the errors add up, and one rounding joins them."""
    value = a.value + b.value
    error = a.error + b.error
    return Bounded(value, error + precision.u * (np.abs(value) + error))


def times(a: Bounded, b: Bounded, precision: Precision) -> Bounded:
    """a ∘ b elementwise: e = |a|e_b + e_a(|b| + e_b), one rounding, and η where it may underflow."""
    magnitude = a.at_most() * b.at_most()
    error = np.abs(a.value) * b.error + a.error * b.at_most() + precision.u * magnitude
    is_not_zero = (a.at_most() != 0) & (b.at_most() != 0)
    return Bounded(a.value * b.value, error + np.where(is_not_zero, precision.smallest_normal, 0.0))


def scaled(a: Bounded, factor: float, roundings: int, precision: Precision) -> Bounded:
    """a times a number known to all, which is multiplied or divided in by at most that many roundings, in any order."""
    magnitude = abs(factor) * a.at_most()
    error = abs(factor) * a.error + precision.gamma(roundings) * magnitude
    return Bounded(factor * a.value, error + np.where(a.at_most() != 0, precision.smallest_normal, 0.0))


def transposed(a: Bounded) -> Bounded:
    """The last two axes exchanged: nothing is rounded."""
    return Bounded(a.value.swapaxes(-1, -2), a.error if _is_exact(a) else np.swapaxes(a.error, -1, -2))


def _is_exact(a: Bounded) -> bool:
    return isinstance(a.error, float) and a.error == 0.0


# Activations ----------------------------------------------------------------------------------------------------------------
#
# A library's exp and tanh are taken to be off by up to 4 ulp, 8u relative: the loosest that NumPy tests its SIMD kernels against;
# glibc, SLEEF (PyTorch's on the CPU) and CUDA promise 1 to 2. What a formula built on them can be off follows from there.


@dataclass(frozen=True)
class ActivationRule:
    """An activation's part in the envelope.

    `bounds(z, precision)` gives a = f(z) and f′(z) with their bounds; `floor(a, n_in, precision)` gives a number that is at
    most the bound of a, cheap to have from a alone: the screen's.
    """

    bounds: Callable[[Bounded, Precision], tuple[Bounded, Bounded]]
    floor: Callable[[Array, int, Precision], Array]


def _sigmoid(z: Bounded, precision: Precision) -> tuple[Bounded, Bounded]:
    """σ by any of its forms, σ′ = σ(1 − σ) by any of its own.

    1/(1 + e⁻ᶻ) and eᶻ/(1 + eᶻ) are off by at most 18u relative (8u for the numerator's exp, 8u for the denominator's, 2u for sum
    and quotient), ½(1 + tanh(z/2)) by 5u absolute (half of 8u for tanh and 2u for the sum). σ′ is off by what σ is, times |1 − 2σ|,
    exactly (σ′ is a polynomial of σ), and by at most 30u relative when it is computed from exp directly.
    """
    e = np.exp(-np.abs(z.value))
    a = np.where(z.value >= 0, 1.0, e) / (1 + e)
    nearest = np.exp(-np.maximum(np.abs(z.value) - z.error, 0.0))       # e^-|z| where the interval comes nearest to 0
    steepest = nearest / (1 + nearest) ** 2                             # so σ′ is nowhere in it larger than here
    a_error = z.error * steepest + precision.u * (18 * a + 5)
    slope = e / (1 + e) ** 2
    slope_error = np.abs(1 - 2 * a) * a_error + a_error**2 + precision.u * 30 * slope
    return Bounded(a, a_error), Bounded(slope, slope_error)


def _sigmoid_floor(a: Array, n_in: int, precision: Precision) -> Array:
    return precision.u * (18 * np.abs(a) + 5)


def _tanh(z: Bounded, precision: Precision) -> tuple[Bounded, Bounded]:
    """tanh by any of its forms, tanh′ = 1 − tanh² by any of its own.

    (eᶻ − e⁻ᶻ)/(eᶻ + e⁻ᶻ) and 2σ(2z) − 1 are off by at most 20u absolute (8u for each exp against a sum no smaller, and the sums' and the
    quotient's roundings), which is more than the library's 8u relative. tanh′ is off by what tanh is, times |2 tanh|, by one rounding of
    tanh², and by at most 30u relative when it is computed from cosh.
    """
    a = np.tanh(z.value)
    nearest = np.tanh(np.maximum(np.abs(z.value) - z.error, 0.0))
    a_error = z.error * (1 - nearest**2) + precision.u * 20
    slope = 1 - a**2
    slope_error = np.abs(2 * a) * a_error + a_error**2 + precision.u * (a**2 + 30 * slope)
    return Bounded(a, a_error), Bounded(slope, slope_error)


def _tanh_floor(a: Array, n_in: int, precision: Precision) -> Array:
    return np.full_like(a, precision.u * 20)


def _relu(z: Bounded, precision: Precision) -> tuple[Bounded, Bounded]:
    """max(z, 0), exact given z. Where rounding may have moved z across 0, either slope is honest; at an exact 0 the slope is 0."""
    undecided = (np.abs(z.value) <= z.error) & np.greater(z.error, 0)
    a_error = np.where(z.value + z.error > 0, z.error, 0.0)
    slope = (z.value > 0).astype(z.value.dtype)
    return Bounded(np.maximum(z.value, 0), a_error), Bounded(slope, undecided.astype(z.value.dtype))


def _identity(z: Bounded, precision: Precision) -> tuple[Bounded, Bounded]:
    return z, Bounded(np.ones_like(z.value), np.zeros_like(z.value))


def _linear_floor(a: Array, n_in: int, precision: Precision) -> Array:
    return precision.gamma(n_in) * np.abs(a)


ACTIVATIONS = {
    "sigmoid": ActivationRule(_sigmoid, _sigmoid_floor),
    "tanh": ActivationRule(_tanh, _tanh_floor),
    "relu": ActivationRule(_relu, _linear_floor),
    "identity": ActivationRule(_identity, _linear_floor),
}


# Losses ---------------------------------------------------------------------------------------------------------------------

LossRule = Callable[[Bounded, Array, Precision], tuple[Bounded, Bounded]]


def _mean_square(scale: float) -> LossRule:
    """L = scale · mean of (ŷ − y)² and ∂L/∂ŷ = 2 · scale · (ŷ − y) / N, over the last two axes.

    One rounding for the difference, one for each square, γ over the sum, and two more for 1/N and the factor.
    """

    def rule(output: Bounded, y: Array, precision: Precision) -> tuple[Bounded, Bounded]:
        n = y.shape[-1] * y.shape[-2]
        difference = plus(output, Bounded(-y), precision)
        squares = times(difference, difference, precision)
        loss = scaled(total(squares, (-2, -1), precision), scale / n, 2, precision)
        return loss, scaled(difference, 2 * scale / n, 2, precision)

    return rule


LOSSES: dict[str, LossRule] = {
    "half_mse": _mean_square(0.5),
    "mse": _mean_square(1.0),
}
