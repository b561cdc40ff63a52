"""The formulas of a training step on sampled numbers, each written once: the step and the diagnosis are both built from them.

Activations and errors are (…, n, units) for a batch of n records, weights (…, out, in), with or without leading axes of steps.
"""

from typing import Any

from .activations import ACTIVATIONS, Pullback
from .sampled import Sampled, as_row


def linear(a: Sampled, weight: Sampled, bias: Sampled | None) -> Sampled:
    """z = a Wᵀ + b   (…, n, out)."""
    return a.matmul(weight.T, None if bias is None else as_row(bias))


def activated(function: str, z: Sampled) -> tuple[Sampled, Pullback]:
    """Return a = f(z), and the pullback ∂L/∂a ↦ ∂L/∂z."""
    return ACTIVATIONS[function](z)


def dropped(a: Sampled, mask: Any, p: float) -> Sampled:
    """a ∘ m / (1 − p), dropout of an activation or an error: the mask is exact; 1 − p, the quotient and the product round."""
    return a.masked(mask).scaled(1 / (1 - p), 3)


def input_error(delta: Sampled, weight: Sampled) -> Sampled:
    """∂L/∂a = δ W for the input a of a linear layer   (…, n, in)."""
    return delta @ weight


def weight_gradient(delta: Sampled, a: Sampled) -> Sampled:
    """∂L/∂W = δᵀ a   (…, out, in)."""
    return delta.T @ a


def bias_gradient(delta: Sampled) -> Sampled:
    """∂L/∂b = Σₙ δ   (…, out)."""
    return delta.sum(-2)


def updated(w: Sampled, delta: Sampled, further: float = 0.0) -> Sampled:
    """w + Δw, off by `further` · (|w| + |Δw|) beyond the rounding of one sum."""
    after = w + delta
    return after.off_by(further * (abs(w.value) + abs(delta.value))) if further else after
