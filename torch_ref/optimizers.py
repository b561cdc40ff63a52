"""The formulas of the update, from autograd's gradients, by PyTorch's documentation of SGD, Adam, AdamW, RMSprop and Adagrad."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .update import Optimizer


@dataclass(eq=False, kw_only=True)
class SGD(Optimizer):
    """Gradient descent, Δw = −lr · g, with momentum, dampening, Nesterov's look-ahead and weight decay as `torch.optim.SGD`."""

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
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


@dataclass(eq=False, kw_only=True)
class Adam(Optimizer):
    """Steps by the gradient's running mean over the root of its running square, as `torch.optim.Adam`."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    slots: tuple[str, ...] = field(default=("exp_avg", "exp_avg_sq"), init=False)

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Return Δw = −lr · m̂ / (√v̂ + ε), of the shape of w."""
        if weight_decay:
            g = g.add(w, alpha=weight_decay)
        return self.adaptive(g, state, out)

    def adaptive(self, g: Tensor, state: dict[str, Tensor], out: Tensor | None) -> Tensor:
        """Return −lr · m̂ / (√v̂ + ε) for the gradient g."""
        beta1, beta2 = self.betas
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        denominator = (v.sqrt() / (1 - beta2**self.steps) ** 0.5).add_(self.eps)
        return torch.mul(m / denominator, -self.lr / (1 - beta1**self.steps), out=out)


@dataclass(eq=False, kw_only=True)
class AdamW(Adam):
    """Adam with the decay decoupled from the gradient, as `torch.optim.AdamW`."""

    weight_decay: float = 0.01

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Return Δw = −lr λ w − lr · m̂ / (√v̂ + ε), of the shape of w."""
        return self.adaptive(g, state, out).add_(w, alpha=-self.lr * weight_decay)


@dataclass(eq=False, kw_only=True)
class RMSprop(Optimizer):
    """Steps by the gradient over the root of its running square, as `torch.optim.RMSprop`."""

    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
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

    def start(self, w: Tensor) -> dict[str, Tensor]:
        """Return the sum before the first step."""
        return {"sum": torch.full_like(w, self.initial_accumulator_value)}

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Return Δw = −lr / (1 + (t − 1) η) · g / (√s + ε), of the shape of w."""
        if weight_decay:
            g = g.add(w, alpha=weight_decay)
        denominator = state["sum"].addcmul_(g, g, value=1).sqrt().add_(self.eps)
        return torch.mul(g / denominator, -self.lr / (1 + (self.steps - 1) * self.lr_decay), out=out)


OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "adagrad": Adagrad}
