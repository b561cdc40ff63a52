"""The formulas of a training step on bounded numbers, each written once: the envelope and the diagnosis are both built from them.

Activations and errors are (…, n, units) for a batch of n records, weights (…, out, in), with or without leading axes of steps.
"""

from typing import Any

import numpy as np

from .arithmetic import Bounded, as_row
from .rules import ACTIVATIONS, Pullback


def linear(a: Bounded, weight: Bounded, bias: Bounded | None) -> Bounded:
    """z = a Wᵀ + b   (…, n, out)."""
    return a.matmul(weight.T, None if bias is None else as_row(bias))


def activated(function: str, z: Bounded) -> tuple[Bounded, Pullback]:
    """Return a = f(z), and the pullback ∂L/∂a ↦ ∂L/∂z."""
    return ACTIVATIONS[function].bounds(z)


def dropped(a: Bounded, mask: Any, p: float) -> Bounded:
    """a ∘ m / (1 − p), dropout of an activation or an error: the mask is exact; 1 − p, the quotient and the product round."""
    return a.masked(mask).scaled(1 / (1 - p))


def input_error(delta: Bounded, weight: Bounded) -> Bounded:
    """∂L/∂a = δ W for the input a of a linear layer   (…, n, in)."""
    return delta @ weight


def weight_gradient(delta: Bounded, a: Bounded) -> Bounded:
    """∂L/∂W = δᵀ a   (…, out, in)."""
    return delta.T @ a


def bias_gradient(delta: Bounded) -> Bounded:
    """∂L/∂b = Σₙ δ   (…, out)."""
    return delta.sum(-2)


def updated(w: Bounded, delta: Bounded, further: float, further_of_w: float = 0.0) -> Bounded:
    """w + Δw, off by `further` · (|w| + |Δw|) and `further_of_w` · |w| beyond the rounding of one sum."""
    off = further * (w.at_most() + delta.at_most())
    return (w + delta).off_by(further_of_w * np.abs(w.value) + off if further_of_w else off)
