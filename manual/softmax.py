"""softmax and its logarithm, which mix the units of a record: their δ is the product of the whole Jacobian with ∂L/∂a."""

import numpy as np

from .arrays import Array


def softmax(z: Array) -> Array:
    """aᵢ = e^zᵢ / Σⱼ e^zⱼ over the last axis; the largest zⱼ is subtracted first, which changes no aᵢ and keeps e^zⱼ from overflowing."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    a: Array = e / e.sum(axis=-1, keepdims=True)
    return a


def softmax_pullback(error: Array, a: Array) -> Array:
    """δᵢ = aᵢ (∂L/∂aᵢ − Σⱼ ∂L/∂aⱼ aⱼ), since ∂aⱼ/∂zᵢ = aⱼ (1ᵢⱼ − aᵢ)."""
    delta: Array = a * (error - (error * a).sum(axis=-1, keepdims=True))
    return delta


def log_softmax(z: Array) -> Array:
    """aᵢ = zᵢ − ln Σⱼ e^zⱼ over the last axis; the largest zⱼ is subtracted first, as in softmax."""
    shifted = z - z.max(axis=-1, keepdims=True)
    a: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return a


def log_softmax_pullback(error: Array, a: Array) -> Array:
    """δᵢ = ∂L/∂aᵢ − e^aᵢ Σⱼ ∂L/∂aⱼ, since ∂aⱼ/∂zᵢ = 1ᵢⱼ − e^aᵢ."""
    delta: Array = error - np.exp(a) * error.sum(axis=-1, keepdims=True)
    return delta
