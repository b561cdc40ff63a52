"""The activations' rules by name: bounds on a = f(z) and δ = ∂L/∂z, for f computed in any of its honest forms."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...support.arrays import Array
from ..arithmetic import Bounded, Precision
from .elementwise import Bounds, Slope, elementwise, smooth
from .gelu import gelu_rounding, gelu_tanh_rounding, gelu_tanh_values, gelu_values
from .sigmoid import sigmoid, silu_rounding, silu_values, softplus, tanh
from .softmax import log_softmax, softmax


@dataclass(frozen=True)
class ActivationRule:
    """The bounds of an activation.

    `bounds(z)` returns a = f(z) with its bound, and the pullback ∂L/∂a ↦ ∂L/∂z. `floor(a, n_in, precision)` returns the screen's bound of
    a, computed from a alone and never above the envelope's: some of the roundings that a has whatever z's error.
    """

    bounds: Bounds
    floor: Callable[[Array, int, Precision], Array]


def _rectified(leak: float) -> Slope:
    """Return the rule of z for z > 0, exact given z, else `leak` · z, off by 2u for the product and the constant, and η for underflow.

    Where rounding may have moved z across 0, either slope is honest; at an exact 0 the slope is `leak`.
    """

    def slope_rule(z: Bounded) -> tuple[Bounded, Bounded]:
        precision, lowest, highest = z.precision, z.value - z.error, z.value + z.error
        undecided = (np.abs(z.value) <= z.error) & np.greater(z.error, 0)
        slope = np.where(z.value > 0, 1.0, leak)
        a = np.where(z.value > 0, z.value, leak * z.value)
        steepest = np.where(highest > 0, 1.0, leak)
        product = np.where((lowest < 0) & (leak != 0), leak * 2 * precision.u * np.abs(lowest) + precision.smallest_normal, 0.0)
        slope_error = np.where(undecided, 1 - leak, 0.0) + np.where((z.value > 0) & ~undecided, 0.0, leak * precision.u)
        return z.like(a, steepest * z.error + product), z.like(slope, slope_error)

    return slope_rule


def _elu(z: Bounded) -> tuple[Bounded, Bounded]:
    """z for z > 0, exact given z, else eᶻ − 1; slope 1 for z > 0, else eᶻ or a + 1.

    eᶻ − 1 is off by 8u absolute (8eᶻ for exp and 1 − eᶻ for the difference), which is more than expm1's 8u relative; the slope by 9u, for
    the sum. Both slopes are 1 at 0; f′ is e^min(z, 0), which grows with z and nowhere faster than it is itself at the upper end.
    """
    may_be_below = z.value - z.error < 0
    steepest = np.exp(np.minimum(z.value + z.error, 0.0))
    slope = np.exp(np.minimum(z.value, 0.0))
    a = np.where(z.value > 0, z.value, np.expm1(np.minimum(z.value, 0.0)))
    u = z.precision.u
    a_error = z.error * steepest + np.where(may_be_below, 8 * u, 0.0)
    slope_error = np.where(may_be_below, np.minimum(z.error * steepest, 1.0) + 9 * u, 0.0)
    return z.like(a, a_error), z.like(slope, slope_error)


def _linear_floor(a: Array, n_in: int, precision: Precision) -> Array:
    """Return the rounding of z, a sum over n_in terms, which is the same relative to a."""
    return precision.gamma(n_in) * np.abs(a)


def _times_floor(roundings: float) -> Callable[[Array, int, Precision], Array]:
    """Return the floor of so many roundings of a: at least the last one, of a product with z."""
    return lambda a, n_in, precision: precision.u * roundings * np.abs(a)


# Each floor counts some of the roundings that its rule counts, and no more; its arguments are a, n_in and precision.
ACTIVATIONS = {
    "sigmoid": ActivationRule(elementwise(sigmoid), lambda a, n, p: p.u * (18 * np.abs(a) + 5)),
    "tanh": ActivationRule(elementwise(tanh), lambda a, n, p: np.full_like(a, p.u * 20)),
    "relu": ActivationRule(elementwise(_rectified(0.0)), _linear_floor),
    "leaky_relu": ActivationRule(elementwise(_rectified(0.01)), _linear_floor),
    "elu": ActivationRule(elementwise(_elu), lambda a, n, p: np.where(a < 0, 8 * p.u, _linear_floor(a, n, p))),
    "gelu": ActivationRule(smooth(gelu_values, gelu_rounding, steepest=1.12891, bend=0.79789), _times_floor(9)),
    "gelu_tanh": ActivationRule(smooth(gelu_tanh_values, gelu_tanh_rounding, steepest=1.129, bend=0.79789), _times_floor(1)),
    "silu": ActivationRule(smooth(silu_values, silu_rounding, steepest=1.09984, bend=0.50001), _times_floor(1)),
    "softplus": ActivationRule(elementwise(softplus), lambda a, n, p: p.u * (17 * np.abs(a) + 2)),
    "softmax": ActivationRule(softmax, lambda a, n, p: p.u * (17 + a.shape[-1]) * np.abs(a)),
    "log_softmax": ActivationRule(log_softmax, lambda a, n, p: p.u * (17 + a.shape[-1] + 8 * np.abs(a))),
    "identity": ActivationRule(elementwise(lambda z: (z, z.like(np.ones_like(z.value), np.zeros_like(z.value)))), _linear_floor),
}
