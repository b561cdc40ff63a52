"""The formulas of the update, from autograd's gradients, by PyTorch's documentation of SGD, Adam, AdamW, RMSprop and Adagrad."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .adam import Adam, AdamW
from .checks import check_numbers
from .rmsprop import Adagrad, RMSprop
from .update import Optimizer


@dataclass(eq=False, kw_only=True)
class SGD(Optimizer):
    """Gradient descent, Δw = −lr · g, with momentum, dampening, Nesterov's look-ahead and weight decay as `torch.optim.SGD`."""

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

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Return Δw = −lr · g, of the shape of w."""
        if weight_decay:
            g = g.add(w, alpha=weight_decay)
        if self.momentum:
            b = state["momentum_buffer"]
            if self.steps == 1:
                b.copy_(g)
            else:
                b.mul_(self.momentum).add_(g, alpha=1 - self.dampening)
            g = g.add(b, alpha=self.momentum) if self.nesterov else b
        return torch.mul(g, -self.lr, out=out)


OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "adagrad": Adagrad}
