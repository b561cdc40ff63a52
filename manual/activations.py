"""Activations a = f(z), each beside its backward pass, which gives δ = ∂L/∂z.

Most act on each element alone, so that their derivative f′(z) is enough: δ = ∂L/∂a ∘ f′(z). softmax and log_softmax mix the units of
a record, along the last axis: their δ is the product of the whole Jacobian with ∂L/∂a. No argument, however large, makes them overflow.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .erf import erf

Array = NDArray[np.floating[Any]]

LEAK = 0.01                            # leaky_relu's slope below 0: PyTorch's default
TANH_SCALE = math.sqrt(2 / math.pi)    # gelu_tanh's two constants: Hendrycks and Gimpel, 2016
TANH_CUBIC = 0.044715


@dataclass(frozen=True)
class Activation:
    """One activation: `function(z)` gives a = f(z), of z's shape and dtype; one of the other two makes its backward pass.

    `derivative(z, a)` gives f′(z), from z or from a, whichever is simpler; `pullback(error, a)` gives ∂L/∂z from ∂L/∂a.
    """

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array] | None = None
    pullback: Callable[[Array, Array], Array] | None = None

    def backward(self, error: Array, z: Array, a: Array) -> Array:
        """Return δ = ∂L/∂z from the error ∂L/∂a, both of the shape of a."""
        if self.derivative is not None:
            return error * self.derivative(z, a)      # δ = ∂L/∂a ∘ f′(z)
        if self.pullback is not None:
            return self.pullback(error, a)            # δ = Jᵀ ∂L/∂a, J = ∂a/∂z
        raise TypeError(f"{self.name} has neither a derivative nor a pullback; expected one of them")


def sigmoid(z: Array) -> Array:
    """σ(z) = 1 / (1 + e⁻ᶻ), written so that the exponential never overflows."""
    e: Array = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


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


def gelu(z: Array) -> Array:
    """f(z) = z Φ(z), with Φ(z) = ½ (1 + erf(z / √2)) the normal distribution."""
    return z * normal_distribution(z)


def gelu_derivative(z: Array, a: Array) -> Array:
    """f′(z) = Φ(z) + z φ(z), with φ(z) = e^(−z²/2) / √(2π) the normal density, and Φ(z) = a / z, or ½ near 0."""
    distribution = np.divide(a, z, out=np.full_like(z, 0.5), where=np.abs(z) > 1e-30)
    density = np.exp(z * z / -2) / math.sqrt(2 * math.pi)
    return distribution + z * density


def normal_distribution(z: Array) -> Array:
    """Φ(z) = ½ (1 + erf(z / √2))."""
    return (1 + erf(z / math.sqrt(2))) / 2


def gelu_tanh(z: Array) -> Array:
    """f(z) = ½ z (1 + tanh(y)) with y = √(2/π) (z + 0.044715 z³): gelu to three digits, without erf."""
    a: Array = z * (1 + np.tanh(_gelu_tanh_argument(z))) / 2
    return a


def gelu_tanh_derivative(z: Array, a: Array) -> Array:
    """f′(z) = ½ (1 + tanh(y)) + ½ z (1 − tanh²(y)) y′, with y′ = √(2/π) (1 + 3 · 0.044715 z²)."""
    t = np.tanh(_gelu_tanh_argument(z))
    inner = TANH_SCALE * (1 + 3 * TANH_CUBIC * z * z)
    slope: Array = (1 + t) / 2 + z * (1 - t * t) * inner / 2
    return slope


def _gelu_tanh_argument(z: Array) -> Array:
    """y = √(2/π) (z + 0.044715 z³)."""
    return TANH_SCALE * (z + TANH_CUBIC * z * z * z)


def silu(z: Array) -> Array:
    """f(z) = z σ(z), also called swish."""
    return z * sigmoid(z)


def silu_derivative(z: Array, a: Array) -> Array:
    """f′(z) = σ(z) (1 + z (1 − σ(z)))."""
    s = sigmoid(z)
    return s * (1 + z * (1 - s))


def softplus(z: Array) -> Array:
    """f(z) = ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|)."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softplus_derivative(z: Array, a: Array) -> Array:
    """f′(z) = σ(z)."""
    return sigmoid(z)


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
        Activation("leaky_relu", leaky_relu, leaky_relu_derivative),
        Activation("elu", elu, elu_derivative),
        Activation("gelu", gelu, gelu_derivative),
        Activation("gelu_tanh", gelu_tanh, gelu_tanh_derivative),
        Activation("silu", silu, silu_derivative),
        Activation("softplus", softplus, softplus_derivative),
        Activation("softmax", softmax, pullback=softmax_pullback),
        Activation("log_softmax", log_softmax, pullback=log_softmax_pullback),
        Activation("identity", identity, identity_derivative),
    )
}
