"""Updates in plain NumPy, each in two forms: SGD, with momentum, Adam, AdamW and RMSprop."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compare.support.arrays import Array

KINDS = ("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop")
State = Mapping[str, Array]
MOMENTUM, BETA1, BETA2, ALPHA, EPS = 0.9, 0.9, 0.999, 0.99, 1e-8      # with EPS PyTorch's own defaults


@dataclass(frozen=True)
class Update:
    """One of the updates, with learning rate and weight decay; `form` is one of two. `n` divides the gradients, if they are sums."""

    kind: str
    lr: float
    decay: float = 0.0
    form: int = 0

    def __call__(self, w: Array, g: Array, state: State, t: int, n: int = 1) -> tuple[Array, Array, State]:
        """The parameter after step t, its change as it was computed, and the new state by PyTorch's names."""
        if self.kind == "sgd" and not self.decay:
            delta = (-self.lr * g / n, -(self.lr / n) * g)[self.form]      # Δw = −lr g
            return w + delta, delta, {}
        g = g / n
        start = w
        if self.kind == "adamw":
            start = (w * (1 - self.lr * self.decay), w - self.lr * self.decay * w)[self.form]
        elif self.decay:
            g = (g + self.decay * w, self.decay * w + g)[self.form]
        delta, state = {"adam": self._adam, "adamw": self._adam, "rmsprop": self._rmsprop}.get(self.kind, self._sgd)(g, state, t)
        after = start + delta
        return after, delta if start is w else after - w, state

    def _sgd(self, g: Array, state: State, t: int) -> tuple[Array, State]:
        """b ← μ b + g and Δw = −lr b, or −lr (g + μ b)."""
        if self.kind == "sgd":
            return -(self.lr * g), {}
        b = g if t == 1 else MOMENTUM * state["momentum_buffer"] + g
        step = g + MOMENTUM * b if self.kind == "nesterov" else b
        return (-self.lr * step, -(step * self.lr))[self.form], {"momentum_buffer": b}

    def _adam(self, g: Array, state: State, t: int) -> tuple[Array, State]:
        """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g² and Δw = −lr m̂ / (√v̂ + ε)."""
        m, v = (state.get(slot, np.zeros_like(g)) for slot in ("exp_avg", "exp_avg_sq"))
        if self.form == 0:
            m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g**2
            delta = -self.lr * (m / (1 - BETA1**t)) / (np.sqrt(v / (1 - BETA2**t)) + EPS)
        else:
            m, v = m + (1 - BETA1) * (g - m), v + (1 - BETA2) * (g * g - v)
            root = (1 - BETA2**t) ** 0.5
            delta = -(self.lr * root / (1 - BETA1**t)) * (m / (np.sqrt(v) + EPS * root))
        return delta, {"exp_avg": m, "exp_avg_sq": v}

    def _rmsprop(self, g: Array, state: State, t: int) -> tuple[Array, State]:
        """v ← α v + (1 − α) g² and Δw = −lr g / (√v + ε)."""
        v = state.get("square_avg", np.zeros_like(g))
        if self.form == 0:
            v = ALPHA * v + (1 - ALPHA) * g**2
            delta = -self.lr * g / (np.sqrt(v) + EPS)
        else:
            v = v + (1 - ALPHA) * (g * g - v)
            delta = -(self.lr / (np.sqrt(v) + EPS)) * g
        return delta, {"square_avg": v}
