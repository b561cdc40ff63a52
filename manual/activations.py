"""Activations a = f(z), each beside its derivative f′(z), elementwise on arrays of any shape."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Activation:
    """One activation: `function(z)` gives a = f(z); `derivative(z, a)` gives f′(z), from z or from a, whichever is simpler."""

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]


def sigmoid(z: Array) -> Array:
    """σ(z) = 1 / (1 + e⁻ᶻ), written so that the exponential never overflows."""
    e: Array = np.exp(-np.abs(z))
    a: Array = np.where(z >= 0, 1, e) / (1 + e)
    return a


def sigmoid_derivative(z: Array, a: Array) -> Array:
    """σ′(z) = σ(z) (1 − σ(z))."""
    return a * (1 - a)


def tanh(z: Array) -> Array:
    """tanh(z) = (eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ)."""
    return np.tanh(z)


def tanh_derivative(z: Array, a: Array) -> Array:
    """tanh′(z) = 1 − tanh²(z)."""
    return 1 - a * a


def relu(z: Array) -> Array:
    """relu(z) = max(z, 0)."""
    return np.maximum(z, 0)


def relu_derivative(z: Array, a: Array) -> Array:
    """relu′(z) = 1 for z > 0, else 0; at z = 0, where there is no derivative, 0 as in PyTorch."""
    return (z > 0).astype(z.dtype)


def identity(z: Array) -> Array:
    """f(z) = z: a linear unit."""
    return z


def identity_derivative(z: Array, a: Array) -> Array:
    """f′(z) = 1."""
    return np.ones_like(z)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("sigmoid", sigmoid, sigmoid_derivative),
        Activation("tanh", tanh, tanh_derivative),
        Activation("relu", relu, relu_derivative),
        Activation("identity", identity, identity_derivative),
    )
}
