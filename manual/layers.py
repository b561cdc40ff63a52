"""Layers: the forward pass of each, and its backward pass.

Every layer has the same four methods: `forward(a)` in training, `predict(a)` in evaluation, `gradients(error)`, which gives the gradients
of its own parameters from the error ∂L/∂a at its output, and after it `backward(error)`, which gives the error at its input.

δ stands for ∂L/∂z, the loss's gradient with respect to a linear layer's output z. The lesson's error term is −δ: the lesson adds its
steps, where gradient descent subtracts.
"""

import math
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from .activations import Activation
from .arrays import Array
from .checks import check_shape


class Layer:
    """A layer; by default it has no parameters and no buffers, and computes the same in evaluation as in training."""

    given: Array | None = None      # the last error of `gradients`, where `backward` goes on from what that has left

    def parameters(self) -> dict[str, Array]:
        """Return the layer's own arrays by name, weight first; changing them changes the layer."""
        return {}

    def children(self) -> "Mapping[str, Layer]":
        """Return the layers that this one is made of, by name."""
        return {}

    def buffers(self) -> dict[str, NDArray[Any]]:
        """Return the layer's running statistics of the batches seen, by name."""
        return {}

    def entries(self) -> dict[str, NDArray[Any]]:
        """Return parameters and buffers by name, in PyTorch's order."""
        return self.parameters() | self.buffers()

    def forward(self, a: Array) -> Array:
        """Return the output for input a (n, in), in training, and store what `backward` and `gradients` need."""
        raise NotImplementedError

    def predict(self, a: Array) -> Array:
        """Return the output for input a (n, in), in evaluation."""
        return self.forward(a)

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the loss's gradients with respect to the parameters, from the error at the output."""
        return {}

    def backward(self, error: Array) -> Array:
        """Return the error at the input, from the error at the output, which `gradients` was called with before."""
        raise NotImplementedError


class Linear(Layer):
    """z = a Wᵀ + b, for a of shape (n, in), or with more axes before the last: weight W (out, in), bias b (out,) or None."""

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        check_shape("weight", weight, "out", "in")
        check_shape("bias", bias, len(weight))
        self.weight, self.bias = weight, bias

    def parameters(self) -> dict[str, Array]:
        """Return the weight, and the bias if there is one."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def forward(self, a: Array) -> Array:
        """Return z (n, out). Raises ValueError for an a of another number of units."""
        if a.shape[-1:] != self.weight.shape[1:]:
            raise ValueError(f"a has shape {a.shape}; expected (…, {self.weight.shape[1]})")
        self.a = a
        z = a @ self.weight.T                     # z = a Wᵀ          (n, out)
        return z if self.bias is None else z + self.bias

    def gradients(self, delta: Array) -> dict[str, Array]:
        """Return ∂L/∂W and ∂L/∂b from δ (n, out), which is stored for whoever compares it."""
        self.delta = delta
        delta, a = rows(delta), rows(self.a)      # n counts the places of all axes but the last
        grads: dict[str, Array] = {}
        grads["weight"] = delta.T @ a             # ∂L/∂W = δᵀ a      (out, in)
        if self.bias is not None:
            grads["bias"] = delta.sum(axis=0)     # ∂L/∂b = Σₙ δ      (out,)
        return grads

    def backward(self, delta: Array) -> Array:
        """Return ∂L/∂a (n, in) from δ (n, out)."""
        return delta @ self.weight                # ∂L/∂a = δ W       (n, in)


class Activate(Layer):
    """a = f(z): an activation applied to the output of the layer before."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def forward(self, z: Array) -> Array:
        """Return a, of the shape of z."""
        self.a = self.activation.function(z)
        self.z = self.a if self.activation.of_output else z      # where a is enough, z is not stored
        return self.a

    def backward(self, error: Array) -> Array:
        """Return δ from the error ∂L/∂a."""
        return self.activation.backward(error, self.z, self.a)      # δ = ∂L/∂a ∘ f′(z)   (n, out)


class Flatten(Layer):
    """(n, …) as (n, in): all numbers of a record in one row, the last axis fastest."""

    def forward(self, a: Array) -> Array:
        """Return a with one axis for the records and one for all else."""
        self.shape = a.shape
        return a.reshape(len(a), math.prod(a.shape[1:]))

    def backward(self, error: Array) -> Array:
        """Return the error in the shape of the input."""
        return error.reshape(self.shape)


def rows(a: Array) -> Array:
    """Return a (…, units) as (n, units): a row for each place of each record."""
    return a.reshape(-1, a.shape[-1])
