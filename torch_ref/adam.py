"""Adam and AdamW, by PyTorch's documentation of them."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from .checks import check_numbers, check_shares
from .update import Optimizer


@dataclass(eq=False, kw_only=True)
class Adam(Optimizer):
    """Steps by the gradient's running mean over the root of its running square, as `torch.optim.Adam`."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    slots: tuple[str, ...] = field(default=("exp_avg", "exp_avg_sq"), init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        beta1, beta2 = self.betas
        check_shares(beta1=beta1, beta2=beta2)
        check_numbers(eps=self.eps)

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
