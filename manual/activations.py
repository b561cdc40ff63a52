"""Activations a = f(z), each beside its backward pass, which gives δ = ∂L/∂z.

Most act on each element alone, so that their derivative f′(z) is enough: δ = ∂L/∂a ∘ f′(z). softmax and log_softmax mix the units of
a record, along the last axis: their δ is the product of the whole Jacobian with ∂L/∂a. No argument, however large, makes them overflow.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arrays import Array
from .gelu import gelu, gelu_derivative, gelu_tanh, gelu_tanh_derivative
from .relu import elu, elu_derivative, leaky_relu, leaky_relu_derivative, relu, relu_derivative
from .softmax import log_softmax, log_softmax_pullback, softmax, softmax_pullback


@dataclass(frozen=True)
class Activation:
    """One activation: `function(z)` gives a = f(z), of z's shape and dtype; one of the other two makes its backward pass.

    `derivative(z, a)` gives f′(z), from z or from a, whichever is simpler; `pullback(error, a)` gives ∂L/∂z from ∂L/∂a. What is `of_output`
    needs a alone, and z need not be stored.
    """

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array] | None = None
    pullback: Callable[[Array, Array], Array] | None = None
    of_output: bool = False

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


def identity(z: Array) -> Array:
    """f(z) = z: a linear unit."""
    return z


def identity_derivative(z: Array, a: Array) -> Array:
    """f′(z) = 1."""
    return np.ones_like(z)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("sigmoid", sigmoid, sigmoid_derivative, of_output=True),
        Activation("tanh", tanh, tanh_derivative, of_output=True),
        Activation("relu", relu, relu_derivative, of_output=True),
        Activation("leaky_relu", leaky_relu, leaky_relu_derivative),
        Activation("elu", elu, elu_derivative),
        Activation("gelu", gelu, gelu_derivative),
        Activation("gelu_tanh", gelu_tanh, gelu_tanh_derivative),
        Activation("silu", silu, silu_derivative),
        Activation("softplus", softplus, softplus_derivative),
        Activation("softmax", softmax, pullback=softmax_pullback, of_output=True),
        Activation("log_softmax", log_softmax, pullback=log_softmax_pullback, of_output=True),
        Activation("identity", identity, identity_derivative, of_output=True),
    )
}
