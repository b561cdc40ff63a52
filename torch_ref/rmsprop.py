"""RMSprop and Adagrad, by PyTorch's documentation of them."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from .checks import check_numbers
from .update import Optimizer


@dataclass(eq=False, kw_only=True)
class RMSprop(Optimizer):
    """Steps by the gradient over the root of its running square, as `torch.optim.RMSprop`."""

    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(alpha=self.alpha, eps=self.eps, momentum=self.momentum)
        self.slots = ("square_avg", *(["momentum_buffer"] if self.momentum else []), *(["grad_avg"] if self.centered else []))

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Return Δw = −lr · g / (√v + ε), of the shape of w."""
        if weight_decay:
            g = g.add(w, alpha=weight_decay)
        v = state["square_avg"].mul_(self.alpha).addcmul_(g, g, value=1 - self.alpha)
        if self.centered:
            mean = state["grad_avg"].lerp_(g, 1 - self.alpha)
            v = v.addcmul(mean, mean, value=-1)
        denominator = v.sqrt().add_(self.eps)
        if self.momentum:
            return torch.mul(state["momentum_buffer"].mul_(self.momentum).addcdiv_(g, denominator), -self.lr, out=out)
        return torch.mul(g / denominator, -self.lr, out=out)


@dataclass(eq=False, kw_only=True)
class Adagrad(Optimizer):
    """Steps by the gradient over the root of the sum of its squares so far, as `torch.optim.Adagrad`."""

    lr_decay: float = 0.0
    eps: float = 1e-10
    initial_accumulator_value: float = 0.0
    slots: tuple[str, ...] = field(default=("sum",), init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(lr_decay=self.lr_decay, eps=self.eps, initial_accumulator_value=self.initial_accumulator_value)

    def start(self, w: Tensor) -> dict[str, Tensor]:
        """Return the sum before the first step."""
        return {"sum": torch.full_like(w, self.initial_accumulator_value)}

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Return Δw = −lr / (1 + (t − 1) η) · g / (√s + ε), of the shape of w."""
        if weight_decay:
            g = g.add(w, alpha=weight_decay)
        denominator = state["sum"].addcmul_(g, g, value=1).sqrt().add_(self.eps)
        return torch.mul(g / denominator, -self.lr / (1 + (self.steps - 1) * self.lr_decay), out=out)
