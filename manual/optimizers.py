"""The update by hand: w ← w + Δw, where Δw comes from the gradient g = ∂L/∂w and from the optimiser's state, made of earlier gradients.

Gradient descent is Δw = −lr · g. The rest are PyTorch's variants of it, by its documentation:
https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html, and likewise Adam and AdamW.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .activations import Array
from .layers import Layer
from .network import Network
from .state import check_entries


@dataclass(eq=False)
class Optimizer:
    """An update with learning rate `lr`; `slots` names the state arrays of each parameter, as PyTorch does.

    `decay` says which parameters weight decay λ applies to: "all", or the "weights" alone, those of two dimensions or more.
    """

    lr: float
    _: KW_ONLY
    weight_decay: float = 0.0
    decay: str = "all"
    slots: tuple[str, ...] = field(default=(), init=False)
    steps: int = field(default=0, init=False)
    state: dict[str, dict[str, Array]] = field(default_factory=dict, init=False, repr=False)      # by parameter, by slot

    def __post_init__(self) -> None:
        if self.decay not in ("all", "weights"):
            raise ValueError(f"decay is {self.decay!r}; expected all or weights")

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Return Δw for a parameter w with gradient g at step `self.steps`, counted from 1, and update the parameter's `state` in place."""
        raise NotImplementedError

    def decay_of(self, w: Array) -> float:
        """Return λ for the parameter w."""
        return self.weight_decay if self.decay == "all" or w.ndim > 1 else 0.0

    def step(self, network: Network | Layer, grads: Mapping[str, Array]) -> dict[str, Array]:
        """Change the parameters of the network, or of a layer, in place, and return the Δw that was added to each, by name."""
        self.steps += 1
        deltas = {}
        for name, w in network.parameters().items():
            state = self.state.setdefault(name, {slot: np.zeros_like(w) for slot in self.slots})
            deltas[name] = self.delta(w, grads[name], state)
            w += deltas[name]                              # w ← w + Δw   (as w)
        return deltas

    def flat_state(self) -> dict[str, Array]:
        """Return the state as "<parameter>.<slot>": array; the arrays are the optimiser's own, not copies."""
        return {f"{name}.{slot}": array for name, slots in self.state.items() for slot, array in slots.items()}

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the state, and the number of `steps`."""
        return {"steps": np.array(self.steps, np.int64), **{name: array.copy() for name, array in self.flat_state().items()}}

    def load_state_dict(self, state: Mapping[str, ArrayLike], network: Network | Layer) -> None:
        """Copy in the `state_dict` of an optimiser of the same kind, on a network of the same shapes.

        Raises ValueError that names a missing, unknown or misshapen entry.
        """
        params, arrays = network.parameters(), {name: np.asarray(value) for name, value in state.items()}
        is_new = set(arrays) == {"steps"} and arrays["steps"].shape == () and arrays["steps"] == 0      # it has made no step yet
        if not is_new:
            slots = {f"{name}.{slot}": w for name, w in params.items() for slot in self.slots}
            check_entries("optimiser state", arrays, {"steps": np.array(0), **slots})
            if arrays["steps"].dtype.kind not in "iu" or arrays["steps"] < 0:
                raise ValueError(f"optimiser state: steps is {arrays['steps']}; expected a whole number, at least 0")
        self.steps, self.state = int(arrays["steps"]), {}
        for name, w in params.items() if not is_new else ():
            self.state[name] = {slot: np.array(arrays[f"{name}.{slot}"], dtype=w.dtype) for slot in self.slots}


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
        return -self.lr * g                                               # Δw = −lr · g


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
        delta: Array = -self.lr * m_hat / (np.sqrt(v_hat) + self.eps)     # Δw = −lr · m̂ / (√v̂ + ε)
        return delta


@dataclass(eq=False, kw_only=True)
class AdamW(Adam):
    """Adam with the decay decoupled from the gradient (Loshchilov and Hutter, 2019): Δw = −lr λ w − lr · m̂ / (√v̂ + ε)."""

    weight_decay: float = 0.01

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Return Δw = −lr λ w − lr · m̂ / (√v̂ + ε), of the shape of w."""
        return -self.lr * self.decay_of(w) * w + self.adaptive(g, state)


OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
