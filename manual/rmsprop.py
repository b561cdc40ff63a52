"""RMSprop and Adagrad: steps by the gradient over the root of the mean, or the sum, of its squares so far."""

from dataclasses import dataclass, field

import numpy as np

from .arrays import Array
from .checks import check_numbers
from .update import Optimizer


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
        check_numbers(alpha=self.alpha, eps=self.eps, momentum=self.momentum)
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

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(lr_decay=self.lr_decay, eps=self.eps, initial_accumulator_value=self.initial_accumulator_value)

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
