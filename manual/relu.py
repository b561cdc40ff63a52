"""Activations with a bend at 0, where they have no derivative: relu, and two that are not flat below it."""

import numpy as np

from .arrays import Array

LEAK = 0.01      # leaky_relu's slope below 0: PyTorch's default


def relu(z: Array) -> Array:
    """relu(z) = max(z, 0)."""
    return np.maximum(z, 0)


def relu_derivative(z: Array, a: Array) -> Array:
    """relu′(z) = 1 for z > 0, where a > 0 too, else 0; at z = 0, where there is no derivative, 0 as in PyTorch."""
    return (a > 0).astype(a.dtype)


def leaky_relu(z: Array, slope: float = LEAK) -> Array:
    """f(z) = z for z > 0, else s z."""
    return np.where(z > 0, z, slope * z)


def leaky_relu_derivative(z: Array, a: Array, slope: float = LEAK) -> Array:
    """f′(z) = 1 for z > 0, else s; at z = 0, where there is no derivative, s as in PyTorch."""
    return np.where(z > 0, 1, slope).astype(z.dtype)


def elu(z: Array, alpha: float = 1.0) -> Array:
    """f(z) = z for z > 0, else α (eᶻ − 1)."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_derivative(z: Array, a: Array, alpha: float = 1.0) -> Array:
    """f′(z) = 1 for z > 0, else α eᶻ; at z = 0, where there is no derivative unless α = 1, α as in PyTorch."""
    return np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0)))
