"""Layers: what each computes going forward, and what it makes of the error that comes back.

Every layer has the same four: `forward(a)` in training, `predict(a)` in evaluation, `backward(error)`, which turns the error ∂L/∂a at
its output into the one at its input, and `gradients(error)`, those of its own parameters.

δ stands for ∂L/∂z, the loss's gradient with respect to a linear layer's output z. The lesson's error term is −δ: it adds its
steps where gradient descent subtracts.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activations import Activation, Array


class Layer:
    """A layer without parameters whose evaluation is its forward pass."""

    def parameters(self) -> dict[str, Array]:
        """The layer's own arrays by name, weight first; changing them changes the layer."""
        return {}

    def buffers(self) -> dict[str, NDArray[Any]]:
        """What the layer keeps of the batches it has seen, by name."""
        return {}

    def forward(self, a: Array) -> Array:
        """The output for input a (n, in), in training; what the way back needs is kept."""
        raise NotImplementedError

    def predict(self, a: Array) -> Array:
        """The output for input a (n, in), in evaluation."""
        return self.forward(a)

    def gradients(self, error: Array) -> dict[str, Array]:
        """The loss's gradients with respect to the parameters, given the error at the output."""
        return {}

    def backward(self, error: Array) -> Array:
        """The error at the input, given the one at the output."""
        raise NotImplementedError


class Linear(Layer):
    """z = a Wᵀ + b, for a of shape (n, in): weight W (out, in), bias b (out,) or None."""

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        self.weight = weight
        self.bias = bias

    def parameters(self) -> dict[str, Array]:
        """Weight, and bias if there is one."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def forward(self, a: Array) -> Array:
        """z, of shape (n, out)."""
        self.a = a
        z = a @ self.weight.T                     # z = a Wᵀ          (n, out)
        return z if self.bias is None else z + self.bias

    def gradients(self, delta: Array) -> dict[str, Array]:
        """Given δ of shape (n, out), which is kept to be looked at."""
        self.delta = delta
        grads: dict[str, Array] = {}
        grads["weight"] = delta.T @ self.a        # ∂L/∂W = δᵀ a      (out, in)
        if self.bias is not None:
            grads["bias"] = delta.sum(axis=0)     # ∂L/∂b = Σₙ δ      (out,)
        return grads

    def backward(self, delta: Array) -> Array:
        """∂L/∂a, given δ of shape (n, out)."""
        return delta @ self.weight                # ∂L/∂a = δ W       (n, in)


class Activate(Layer):
    """a = f(z): an activation applied to the outputs of the layer before."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def forward(self, z: Array) -> Array:
        """a, of the shape of z."""
        self.z, self.a = z, self.activation.function(z)
        return self.a

    def backward(self, error: Array) -> Array:
        """δ, given the error ∂L/∂a that comes back."""
        return self.activation.backward(error, self.z, self.a)      # δ = ∂L/∂a ∘ f′(z)   (n, out)


class Dropout(Layer):
    """a ∘ m / (1 − p): in training, each element is 0 with probability p, and the others make up for it; in evaluation, a as it is.

    The mask m (n, units), True where an element is kept, is the one that `mask` is set to for the next forward pass, or is drawn from
    `generator`.
    """

    def __init__(self, p: float, generator: np.random.Generator) -> None:
        self.p = p
        self.generator = generator
        self.mask: NDArray[np.bool_] | None = None

    def forward(self, a: Array) -> Array:
        """The elements that are kept, scaled."""
        mask = self.generator.random(a.shape) >= self.p if self.mask is None else self.mask
        self.mask = None
        if mask.shape != a.shape:
            raise ValueError(f"a mask has shape {mask.shape}; expected {a.shape}, that of what it drops from")
        self.scale = mask / a.dtype.type(1 - self.p)
        return a * self.scale

    def predict(self, a: Array) -> Array:
        """All elements, as they are."""
        return a

    def backward(self, error: Array) -> Array:
        """What was dropped sends nothing back."""
        return error * self.scale                 # ∂L/∂a ∘ m / (1 − p)
