"""Recurrence: a layer with a state h, which at each step t of a sequence follows from the input x_t and the state before, h_{t−1}.

The weights are the same at all steps. So the backward pass runs through time, from the last step to the first: the error at h_t is the
sum of what comes from the output and what comes back from step t + 1, and a weight's gradient is the sum over all steps. The inputs of
all steps are multiplied by their weights at once, and all gradients are computed at once, after the loop.

Parameters have the names and layout of PyTorch's layers of one level: `weight_ih_l0` (G H, in) and `weight_hh_l0` (G H, H), those of G
gates of H units one below the other, and `bias_ih_l0` and `bias_hh_l0` (G H,). Arrays of gates are (G, T, batch, H).
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html
"""

import numpy as np

from .activations import ACTIVATIONS
from .arrays import Array
from .checks import check_given, check_shape
from .layers import Layer


class Recurrent(Layer):
    """A layer from inputs (batch, T, in) to the states of all steps (batch, T, H), or to the `last` one alone (batch, H).

    The state before the first step is 0. Both biases may be None; ValueError is raised if only one is, and for shapes that do not fit.
    """

    gates: int

    def __init__(
        self, weight_ih_l0: Array, weight_hh_l0: Array, bias_ih_l0: Array | None = None, bias_hh_l0: Array | None = None, *,
        last: bool = False,
    ) -> None:
        if (bias_ih_l0 is None) != (bias_hh_l0 is None):
            raise ValueError("one of bias_ih_l0 and bias_hh_l0 is None; expected both or neither")
        units = weight_hh_l0.shape[-1]
        check_shape("weight_ih_l0", weight_ih_l0, self.gates * units, "in")
        check_shape("weight_hh_l0", weight_hh_l0, self.gates * units, units)
        check_shape("bias_ih_l0", bias_ih_l0, self.gates * units)
        check_shape("bias_hh_l0", bias_hh_l0, self.gates * units)
        self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0 = weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0
        self.last = last

    def parameters(self) -> dict[str, Array]:
        """Return the weights, and the biases if there are any."""
        named = {
            "weight_ih_l0": self.weight_ih_l0, "weight_hh_l0": self.weight_hh_l0,
            "bias_ih_l0": self.bias_ih_l0, "bias_hh_l0": self.bias_hh_l0,
        }
        return {name: array for name, array in named.items() if array is not None}

    def by_gate(self, parameter: Array) -> Array:
        """Return a weight (G H, k) as (G, H, k), a bias (G H,) as (G, 1, H)."""
        rows = 1 if parameter.ndim == 1 else len(parameter) // self.gates
        return parameter.reshape(self.gates, rows, -1)

    def from_inputs(self, x: Array, *biases: Array | None) -> Array:
        """Return x W_ihᵀ + Σ b (G, T, batch, H) for x (batch, T, in), and set h₀. Raises ValueError for an x of another shape."""
        if x.ndim != 3 or x.shape[1] == 0 or x.shape[2] != self.weight_ih_l0.shape[1]:
            raise ValueError(f"x has shape {x.shape}; expected (batch, T, {self.weight_ih_l0.shape[1]}) with T at least 1")
        batch, steps, n_in = x.shape
        self.x = x.swapaxes(0, 1).reshape(steps * batch, n_in)                      # x                  (T batch, in)
        z: Array = self.x @ self.by_gate(self.weight_ih_l0).swapaxes(1, 2)          # z = x W_ihᵀ        (G, T batch, H)
        own = [bias for bias in biases if bias is not None]
        if own:
            z += self.by_gate(np.sum(own, axis=0))                                  # z += Σ b
        z = z.reshape(self.gates, steps, batch, z.shape[2])
        self.h = np.zeros((steps + 1, *z.shape[2:]), z.dtype)                       # h₀ = 0             (T + 1, batch, H)
        return z

    def output(self) -> Array:
        """Return h₁ … h_T (batch, T, H), or h_T (batch, H)."""
        return self.h[-1] if self.last else self.h[1:].swapaxes(0, 1)

    def from_outside(self, error: Array) -> Array:
        """Return the errors at h₁ … h_T (T, batch, H), from the error at the output: with `last`, 0 before h_T."""
        self.given = error
        if not self.last:
            return error.swapaxes(0, 1)
        errors = np.zeros_like(self.h[1:])
        errors[-1] = error
        return errors

    def weight_gradients(self, delta: Array, delta_h: Array) -> dict[str, Array]:
        """Return all gradients from δ = ∂L/∂(x W_ihᵀ + b_ih) and δʰ = ∂L/∂(h W_hhᵀ + b_hh), each (G, T, batch, H)."""
        gates, _, _, units = delta.shape
        h = self.h[:-1].reshape(-1, units)                                          # h₀ … h_{T−1}       (T batch, H)
        self.delta, delta_h = delta.reshape(gates, -1, units), delta_h.reshape(gates, -1, units)
        grads: dict[str, Array] = {}
        grads["weight_ih_l0"] = self.delta.swapaxes(1, 2) @ self.x                  # ∂L/∂W_ih = δᵀ x    (G, H, in)
        grads["weight_hh_l0"] = delta_h.swapaxes(1, 2) @ h                          # ∂L/∂W_hh = δʰᵀ h   (G, H, H)
        if self.bias_ih_l0 is not None:
            ones = np.ones(len(h), h.dtype)                                         # what met the biases
            grads["bias_ih_l0"] = ones @ self.delta                                 # ∂L/∂b_ih = 1ᵀ δ    (G, H)
            grads["bias_hh_l0"] = ones @ delta_h                                    # ∂L/∂b_hh = 1ᵀ δʰ   (G, H)
        return {name: grad.reshape(self.parameters()[name].shape) for name, grad in grads.items()}

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂x (batch, T, in) from the δ that `gradients` has left."""
        check_given(self, error)
        x: Array = (self.delta @ self.by_gate(self.weight_ih_l0)).sum(axis=0)       # ∂L/∂x = Σ δ W_ih over gates   (T batch, in)
        return x.reshape(len(self.h) - 1, self.h.shape[1], x.shape[1]).swapaxes(0, 1)


class RNN(Recurrent):
    """h_t = f(x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh), with `nonlinearity` f "tanh" or "relu".

    Source: Elman, *Finding structure in time*, 1990. Raises ValueError for another nonlinearity.
    """

    gates = 1

    def __init__(
        self, weight_ih_l0: Array, weight_hh_l0: Array, bias_ih_l0: Array | None = None, bias_hh_l0: Array | None = None, *,
        nonlinearity: str = "tanh", last: bool = False,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity is {nonlinearity!r}; expected 'tanh' or 'relu'")
        super().__init__(weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, last=last)
        self.activation = ACTIVATIONS[nonlinearity]

    def forward(self, x: Array) -> Array:
        """Return the states for x (batch, T, in)."""
        (self.z,) = self.from_inputs(x, self.bias_ih_l0, self.bias_hh_l0)           # z = x W_ihᵀ + b_ih + b_hh   (T, batch, H)
        for t, z in enumerate(self.z):
            z += self.h[t] @ self.weight_hh_l0.T                                    # z += h_{t−1} W_hhᵀ          (batch, H)
            self.h[t + 1] = self.activation.function(z)                             # h_t = f(z)
        return self.output()

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of the parameters, from ∂L/∂h of all steps or of the last."""
        errors, delta = self.from_outside(error), np.zeros_like(self.z)
        dh = np.zeros_like(self.h[0])                                               # from step t + 1, at first none
        for t in reversed(range(len(errors))):
            dh = dh + errors[t]                                                     # ∂L/∂h_t                     (batch, H)
            delta[t] = self.activation.backward(dh, self.z[t], self.h[t + 1])       # δ = ∂L/∂z = ∂L/∂h_t ∘ f′(z)
            dh = delta[t] @ self.weight_hh_l0                                       # ∂L/∂h_{t−1} = δ W_hh
        return self.weight_gradients(delta[None], delta[None])


def squash(z: Array, s: Array | float) -> None:
    """Turn z into s tanh(s z) + 1 − s, in place: for s = 1 tanh(z), and for s = ½ the sigmoid, σ(z) = ½ tanh(½ z) + ½.

    Near 0 this σ(z) is as exact as numbers near 1 are, where that of `activations` is as exact as itself.
    """
    z *= s
    np.tanh(z, out=z)
    z *= s
    z += 1 - s
