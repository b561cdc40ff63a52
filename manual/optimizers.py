"""The formulas of the update: Δw from the gradient g = ∂L/∂w and from the optimiser's state, made of earlier gradients.

Gradient descent is Δw = −lr · g. The rest are PyTorch's variants of it, by its documentation:
https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html, and likewise Adam, AdamW, RMSprop and Adagrad.
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


@dataclass(eq=False, kw_only=True)
class RMSprop(Optimizer):
    """Steps by the gradient over the root of its running square v (Tieleman and Hinton, 2012).

        g ← g + λ w                        (`weight_decay` λ)
        v ← α v + (1 − α) g²               `centered`: less ḡ² under the root, with ḡ ← α ḡ + (1 − α) g
        Δw = −lr · g / (√v + ε)            or with `momentum` μ: −lr · b, with b ← μ b + g / (√v + ε)
    """

    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.slots = ("square_avg", *(["momentum_buffer"] if self.momentum else []), *(["grad_avg"] if self.centered else []))

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Return Δw = −lr · g / (√v + ε), of the shape of w."""
        if decay := self.decay_of(w):
            g = g + decay * w                                             # g ← ∂L/∂w + λ w
        v, alpha = state["square_avg"], self.alpha
        v[...] = alpha * v + (1 - alpha) * g * g                          # v ← α v + (1 − α) g²
        if self.centered:
            mean = state["grad_avg"]
            mean[...] = alpha * mean + (1 - alpha) * g                    # ḡ ← α ḡ + (1 − α) g
            v = v - mean * mean                                           # the variance of g
        step: Array = g / (np.sqrt(v) + self.eps)                         # g / (√v + ε)
        if self.momentum:
            b = state["momentum_buffer"]
            b[...] = self.momentum * b + step                             # b ← μ b + g / (√v + ε)
            step = b
        return -self.rate * step                                          # Δw = −lr · g / (√v + ε), or −lr · b


@dataclass(eq=False, kw_only=True)
class Adagrad(Optimizer):
    """Steps by the gradient over the root of the sum s of its squares so far (Duchi and others, 2011).

        g ← g + λ w                        (`weight_decay` λ)
        s ← s + g²                         from s = `initial_accumulator_value`
        Δw = −lr / (1 + (t − 1) η) · g / (√s + ε)            (`lr_decay` η) at step t, counted from 1
    """

    lr_decay: float = 0.0
    eps: float = 1e-10
    initial_accumulator_value: float = 0.0
    slots: tuple[str, ...] = field(default=("sum",), init=False)

    def start(self, w: Array) -> dict[str, Array]:
        """Return s before the first step."""
        return {"sum": np.full_like(w, self.initial_accumulator_value)}

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Return Δw, of the shape of w."""
        if decay := self.decay_of(w):
            g = g + decay * w                                             # g ← ∂L/∂w + λ w
        s = state["sum"]
        s[...] = s + g * g                                                # s ← s + g²
        lr = self.rate / (1 + (self.steps - 1) * self.lr_decay)           # lr / (1 + (t − 1) η)
        delta: Array = -lr * g / (np.sqrt(s) + self.eps)                  # Δw = −lr · g / (√s + ε)
        return delta


OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "adagrad": Adagrad}
