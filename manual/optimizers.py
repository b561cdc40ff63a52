"""The formulas of the update: Δw from the gradient g = ∂L/∂w and from the optimiser's state, made of earlier gradients.

Gradient descent is Δw = −lr · g. The rest are PyTorch's variants of it, by its documentation:
https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html, and likewise Adam, AdamW, RMSprop and Adagrad.
"""

from dataclasses import dataclass
from typing import Any

from .adam import Adam, AdamW
from .arrays import Array
from .checks import check_numbers
from .rmsprop import Adagrad, RMSprop
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
        check_numbers(momentum=self.momentum)
        if self.nesterov and (not self.momentum or self.dampening):
            raise ValueError("nesterov is True; expected a momentum above 0 and no dampening with it")
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


OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "adagrad": Adagrad}
