"""Losses L(ŷ, y): PyTorch's own operators.

`reduction` is "mean" or "sum"; "mean" is over all elements of the output, but for sse and cross_entropy, where it is over the records.
"""

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor


class Loss(Protocol):
    """The loss of outputs (n, k) against targets y, a scalar. Raises ValueError for a reduction that is neither "mean" nor "sum"."""

    def __call__(self, output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor: ...  # noqa: D102


def half_mse(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """½ (y − ŷ)², the lesson's loss."""
    return 0.5 * F.mse_loss(output, y, reduction=_checked(reduction))


def mse(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """(y − ŷ)²."""
    return F.mse_loss(output, y, reduction=_checked(reduction))


def sse(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """Σₖ (y − ŷ)²; "mean" is over the records."""
    total = F.mse_loss(output, y, reduction="sum")
    return total / len(output) if _checked(reduction) == "mean" else total


def l1(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """|ŷ − y|."""
    return F.l1_loss(output, y, reduction=_checked(reduction))


def huber(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """½ d² near 0, else |d| − ½, with d = ŷ − y (δ = 1)."""
    return F.huber_loss(output, y, reduction=_checked(reduction))


def smooth_l1(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """½ d² near 0, else |d| − ½, with d = ŷ − y (β = 1)."""
    return F.smooth_l1_loss(output, y, reduction=_checked(reduction))


def bce(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """−(y ln ŷ + (1 − y) ln(1 − ŷ)) of probabilities ŷ; outside [0, 1] PyTorch raises RuntimeError."""
    return F.binary_cross_entropy(output, y, reduction=_checked(reduction))


def bce_with_logits(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """−(y ln σ(ŷ) + (1 − y) ln(1 − σ(ŷ)))."""
    return F.binary_cross_entropy_with_logits(output, y, reduction=_checked(reduction))


def cross_entropy(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """−Σₖ yₖ ln softmax(ŷ)ₖ for probabilities y (n, k), or −ln softmax(ŷ)_y for class indices y (n,), int64; "mean" is over the records."""
    return F.cross_entropy(output, y, reduction=_checked(reduction))


def _checked(reduction: str) -> str:
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}; expected one of mean, sum")
    return reduction


LOSSES: dict[str, Loss] = {
    "half_mse": half_mse,
    "mse": mse,
    "sse": sse,
    "l1": l1,
    "huber": huber,
    "smooth_l1": smooth_l1,
    "bce": bce,
    "bce_with_logits": bce_with_logits,
    "cross_entropy": cross_entropy,
}

TAKES_CLASSES = frozenset({"cross_entropy"})      # losses whose targets may be class indices (n,)
