"""Adam and AdamW: steps by the mean of the gradients so far over the root of the mean of their squares."""

from dataclasses import dataclass, field

import numpy as np

from .arrays import Array
from .checks import check_numbers, check_shares
from .update import Optimizer


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

    def __post_init__(self) -> None:
        super().__post_init__()
        beta1, beta2 = self.betas
        check_shares(beta1=beta1, beta2=beta2)
        check_numbers(eps=self.eps)

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
