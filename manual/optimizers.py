"""The update by hand: w ← w + Δw, where Δw comes from the gradient g = ∂L/∂w and from what an optimiser keeps of earlier ones.

Gradient descent is Δw = −lr · g. The rest are PyTorch's variants of it, by its documentation:
https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html, and likewise Adam and AdamW.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .activations import Array
from .network import Network
from .state import check_entries


class Optimizer:
    """An update with learning rate `lr`; `slots` are the arrays it keeps for each parameter, by PyTorch's names.

    `weight_decay` λ is that of `decay` "all" parameters, or of the "weights" (out, in) alone: biases, γ and β, which are (units,), then
    have none.
    """

    slots: tuple[str, ...] = ()

    def __init__(self, lr: float, *, weight_decay: float = 0.0, decay: str = "all") -> None:
        if decay not in ("all", "weights"):
            raise ValueError(f"decay is {decay!r}; expected all or weights")
        self.lr, self.weight_decay, self.decay = lr, weight_decay, decay
        self.steps = 0
        self.state: dict[str, dict[str, Array]] = {}      # by parameter, by slot

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Δw for a parameter w with gradient g at step number `steps`; changes what `state` keeps."""
        raise NotImplementedError

    def decay_of(self, w: Array) -> float:
        """λ of the parameter w."""
        return self.weight_decay if self.decay == "all" or w.ndim == 2 else 0.0

    def step(self, network: Network, grads: Mapping[str, Array]) -> dict[str, Array]:
        """Change the network's parameters in place; returns each one's delta, with the sign it was added with."""
        self.steps += 1
        deltas = {}
        for name, w in network.parameters().items():
            state = self.state.setdefault(name, {slot: np.zeros_like(w) for slot in self.slots})
            deltas[name] = self.delta(w, grads[name], state)
            w += deltas[name]                              # w ← w + Δw   (as w)
        return deltas

    def flat_state(self) -> dict[str, Array]:
        """The state as "<parameter>.<slot>": array, the optimiser's own arrays, not copies."""
        return {f"{name}.{slot}": array for name, slots in self.state.items() for slot, array in slots.items()}

    def state_dict(self) -> dict[str, Array]:
        """Copies of the state, and the number of `steps`."""
        return {"steps": np.array(self.steps, np.int64), **{name: array.copy() for name, array in self.flat_state().items()}}

    def load_state_dict(self, state: Mapping[str, ArrayLike], network: Network) -> None:
        """Take over, by copy, what an optimiser of this kind kept for such a network.

        Raises ValueError that names a missing, unknown or misshapen entry.
        """
        params = network.parameters()
        names = {f"{name}.{slot}": (name, slot) for name in params for slot in self.slots}
        expected: dict[str, tuple[int, ...]] = {"steps": (), **{key: params[name].shape for key, (name, _) in names.items()}}
        if set(state) == {"steps"} and np.shape(state["steps"]) == () and np.asarray(state["steps"]) == 0:      # it has made no step yet
            self.steps, self.state = 0, {}
            return
        check_entries("optimiser state", {name: np.shape(value) for name, value in state.items()}, expected)
        if np.asarray(state["steps"]).dtype.kind not in "iu" or np.asarray(state["steps"]) < 0:
            raise ValueError(f"optimiser state: steps is {np.asarray(state['steps'])}; expected a whole number, at least 0")
        self.steps, self.state = int(np.asarray(state["steps"])), {}
        for key, (name, slot) in names.items():
            self.state.setdefault(name, {})[slot] = np.array(state[key], dtype=params[name].dtype)


class SGD(Optimizer):
    """Gradient descent, Δw = −lr · g; with `weight_decay` λ or `momentum` μ, g is replaced first.

        g ← g + λ w
        b ← μ b + (1 − dampening) g, the first b being g itself;  g ← b, or with `nesterov` g ← g + μ b
    """

    def __init__(
        self,
        lr: float,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decay: str = "all",
    ) -> None:
        super().__init__(lr, weight_decay=weight_decay, decay=decay)
        self.momentum, self.dampening, self.nesterov = momentum, dampening, nesterov
        if momentum:
            self.slots = ("momentum_buffer",)

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Δw = −lr · g, of the shape of w."""
        if decay := self.decay_of(w):
            g = g + decay * w                                             # g ← ∂L/∂w + λ w
        if self.momentum:
            b = state["momentum_buffer"]
            b[...] = g if self.steps == 1 else self.momentum * b + (1 - self.dampening) * g
            g = g + self.momentum * b if self.nesterov else b
        return -self.lr * g                                               # Δw = −lr · g


class Adam(Optimizer):
    """Steps by the gradient's running mean m over the root of its running square v (Kingma and Ba, 2015).

        g ← g + λ w                        (`weight_decay` λ)
        m ← β₁ m + (1 − β₁) g              m̂ = m / (1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²             v̂ = v / (1 − β₂ᵗ)
        Δw = −lr · m̂ / (√v̂ + ε)            at step t, counted from 1
    """

    slots = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        lr: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decay: str = "all",
    ) -> None:
        super().__init__(lr, weight_decay=weight_decay, decay=decay)
        self.betas, self.eps = betas, eps

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Δw = −lr · m̂ / (√v̂ + ε), of the shape of w."""
        if decay := self.decay_of(w):
            g = g + decay * w                                             # g ← ∂L/∂w + λ w
        return self.adaptive(g, state)

    def adaptive(self, g: Array, state: dict[str, Array]) -> Array:
        """−lr · m̂ / (√v̂ + ε) for the gradient g."""
        beta1, beta2 = self.betas
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m[...] = beta1 * m + (1 - beta1) * g
        v[...] = beta2 * v + (1 - beta2) * g * g
        m_hat = m / (1 - beta1**self.steps)
        v_hat = v / (1 - beta2**self.steps)
        delta: Array = -self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
        return delta


class AdamW(Adam):
    """Adam with the decay decoupled from the gradient (Loshchilov and Hutter, 2019): Δw = −lr λ w − lr · m̂ / (√v̂ + ε)."""

    def __init__(
        self,
        lr: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        decay: str = "all",
    ) -> None:
        super().__init__(lr, betas=betas, eps=eps, weight_decay=weight_decay, decay=decay)

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Δw, of the shape of w."""
        return -self.lr * self.decay_of(w) * w + self.adaptive(g, state)


OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
