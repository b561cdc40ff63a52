"""Layers: what each computes going forward, and what it makes of the error that comes back.

δ stands for ∂L/∂z, the loss's gradient with respect to a linear layer's output z. The lesson's error term is −δ: it adds its
steps where gradient descent subtracts.
"""

from manual.activations import Activation, Array


class Linear:
    """z = a Wᵀ + b, for a of shape (n, in): weight W (out, in), bias b (out,) or None."""

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        self.weight = weight
        self.bias = bias

    def parameters(self) -> dict[str, Array]:
        """The layer's own arrays by name, weight first; changing them changes the layer."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def forward(self, a: Array) -> Array:
        """z, of shape (n, out); the input is kept for the way back."""
        self.a = a
        z = a @ self.weight.T                     # z = a Wᵀ          (n, out)
        return z if self.bias is None else z + self.bias

    def gradients(self, delta: Array) -> dict[str, Array]:
        """The loss's gradients with respect to weight and bias, given δ of shape (n, out); δ is kept to be looked at."""
        self.delta = delta
        grads: dict[str, Array] = {}
        grads["weight"] = delta.T @ self.a        # ∂L/∂W = δᵀ a      (out, in)
        if self.bias is not None:
            grads["bias"] = delta.sum(axis=0)     # ∂L/∂b = Σₙ δ      (out,)
        return grads

    def backward(self, delta: Array) -> Array:
        """The error sent back to the layer's input, given δ of shape (n, out)."""
        return delta @ self.weight                # ∂L/∂a = δ W       (n, in)


class Elementwise:
    """a = f(z): an activation applied to each element."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def forward(self, z: Array) -> Array:
        """a, of the shape of z; both are kept for the way back."""
        self.z, self.a = z, self.activation.function(z)
        return self.a

    def backward(self, error: Array) -> Array:
        """δ, given the error ∂L/∂a that comes back to the layer's output."""
        return error * self.activation.derivative(self.z, self.a)      # δ = ∂L/∂a ∘ f′(z)   (n, out)
