"""Losses of probabilities: −ln of the probability that the output gives to the target, of two classes or of many."""

import numpy as np

from .activations import sigmoid
from .arrays import Array, Targets
from .softmax import log_softmax, softmax


def bce(output: Array, y: Array) -> Array:
    """ℓ = −(y ln ŷ + (1 − y) ln(1 − ŷ)) of probabilities ŷ in [0, 1]; in PyTorch `F.binary_cross_entropy(output, y)`.

    As in PyTorch, each logarithm is at least −100, so that a ŷ of 0 or 1 on the wrong side costs 100 and not infinity.
    """
    with np.errstate(divide="ignore"):      # ln 0 = −∞
        log, log_rest = np.maximum(np.log(output), -100), np.maximum(np.log1p(-output), -100)
    return -(y * log + (1 - y) * log_rest)


def bce_derivative(output: Array, y: Array) -> Array:
    """∂ℓ/∂ŷ = (ŷ − y) / (ŷ (1 − ŷ))   (n, k); the divisor is at least 10⁻¹², as in PyTorch."""
    return (output - y) / np.maximum(output * (1 - output), 1e-12)


def bce_with_logits(output: Array, y: Array) -> Array:
    """ℓ = −(y ln σ(ŷ) + (1 − y) ln(1 − σ(ŷ))) = max(ŷ, 0) − ŷ y + ln(1 + e^−|ŷ|); in PyTorch `F.binary_cross_entropy_with_logits`."""
    return np.maximum(output, 0) - output * y + np.log1p(np.exp(-np.abs(output)))


def bce_with_logits_derivative(output: Array, y: Array) -> Array:
    """∂ℓ/∂ŷ = σ(ŷ) − y   (n, k): σ′ has cancelled."""
    return sigmoid(output) - y


def cross_entropy(output: Array, y: Targets) -> Array:
    """ℓ = −Σₖ yₖ ln softmax(ŷ)ₖ, one for each record, from logits ŷ; in PyTorch `F.cross_entropy(output, y)`.

    y holds probabilities (n, k), or class indices (n,), integers from 0 to k − 1, for which ℓ = −ln softmax(ŷ)_y.
    """
    terms: Array = -(_as_probabilities(y, output) * log_softmax(output)).sum(axis=-1)
    return terms


def cross_entropy_derivative(output: Array, y: Targets) -> Array:
    """∂ℓ/∂ŷ = softmax(ŷ) Σₖ yₖ − y   (n, k): softmax(ŷ) − y where the probabilities of each record sum to 1."""
    p = _as_probabilities(y, output)
    gradient: Array = softmax(output) * p.sum(axis=-1, keepdims=True) - p
    return gradient


def _as_probabilities(y: Targets, output: Array) -> Array:
    """Return the targets as probabilities (n, k): a class index becomes 1 for its class and 0 for all others. Raises ValueError."""
    if output.ndim != 2:
        raise ValueError(f"the output has shape {output.shape}; expected (n, classes), or the loss CrossEntropy, which takes more axes")
    return y if y.ndim == output.ndim else np.eye(output.shape[-1], dtype=output.dtype)[y]
