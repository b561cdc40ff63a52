"""The formulas of the update: Δw from the gradient g = ∂L/∂w and from the optimiser's state, made of earlier gradients.

Gradient descent is Δw = −lr · g. The rest are PyTorch's variants of it, by its documentation:
https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html, and likewise Adam and AdamW.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .activations import Array
from .update import Optimizer


@dataclass(eq=False, kw_only=True)
class SGD(Optimizer):
    """Gradient descent, Δw = −lr · g; with `weight_decay` λ or `momentum` μ, g is replaced first.

        g ← g + λ w
        b ← μ b + (1 − dampening) g, the first b being g itself;  g ← b, or with `nesterov` g ← g + μ b
    """

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.momentum:
            self.slots = ("momentum_buffer",)

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Return Δw = −lr · g, of the shape of w."""
        if decay := self.decay_of(w):
            g = g + decay * w                                             # g ← ∂L/∂w + λ w
        if self.momentum:
            b = state["momentum_buffer"]
            b[...] = g if self.steps == 1 else self.momentum * b + (1 - self.dampening) * g      # b ← μ b + (1 − τ) g; at first b ← g
            g = g + self.momentum * b if self.nesterov else b             # g ← g + μ b, or b
        return -self.rate * g                                               # Δw = −lr · g


@dataclass(eq=False, kw_only=True)
class Adam(Optimizer):
    """Steps by the gradient's running mean m over the root of its running square v (Kingma and Ba, 2015).

        g ← g + λ w                        (`weight_decay` λ)
        m ← β₁ m + (1 − β₁) g              m̂ = m / (1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²             v̂ = v / (1 − β₂ᵗ)
        Δw = −lr · m̂ / (√v̂ + ε)            at step t, counted from 1
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    slots: tuple[str, ...] = field(default=("exp_avg", "exp_avg_sq"), init=False)

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Return Δw = −lr · m̂ / (√v̂ + ε), of the shape of w."""
        if decay := self.decay_of(w):
            g = g + decay * w                                             # g ← ∂L/∂w + λ w
        return self.adaptive(g, state)

    def adaptive(self, g: Array, state: dict[str, Array]) -> Array:
        """Return −lr · m̂ / (√v̂ + ε) for the gradient g."""
        beta1, beta2 = self.betas
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m[...] = beta1 * m + (1 - beta1) * g                              # m ← β₁ m + (1 − β₁) g
        v[...] = beta2 * v + (1 - beta2) * g * g                          # v ← β₂ v + (1 − β₂) g²
        m_hat = m / (1 - beta1**self.steps)                               # m̂ = m / (1 − β₁ᵗ)
        v_hat = v / (1 - beta2**self.steps)                               # v̂ = v / (1 − β₂ᵗ)
        delta: Array = -self.rate * m_hat / (np.sqrt(v_hat) + self.eps)     # Δw = −lr · m̂ / (√v̂ + ε)
        return delta


@dataclass(eq=False, kw_only=True)
class AdamW(Adam):
    """Adam with the decay decoupled from the gradient (Loshchilov and Hutter, 2019): Δw = −lr λ w − lr · m̂ / (√v̂ + ε)."""

    weight_decay: float = 0.01

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Return Δw = −lr λ w − lr · m̂ / (√v̂ + ε), of the shape of w."""
        return -self.rate * self.decay_of(w) * w + self.adaptive(g, state)


OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
