"""Losses L(ŷ, y), for outputs ŷ (n, k) of n records: PyTorch's own operators.

`reduction` is "mean", "sum" or "batchmean". "mean" divides the sum by the number of elements of the output, for sse and cross_entropy by
the number of records; "batchmean" always by the number of records.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from .checks import check_records

REDUCTIONS = ("mean", "sum", "batchmean")


@dataclass(frozen=True)
class Loss:
    """One loss: `function(output, y, reduction=…)` gives the scalar L for outputs (n, k) and targets y."""

    name: str
    function: Callable[..., Tensor]

    def __call__(self, output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        """Return L. Raises ValueError for an unknown reduction, and for no records."""
        check_records(len(output))
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction is {reduction!r}; expected one of {', '.join(REDUCTIONS)}")
        if reduction == "batchmean":
            return self.function(output, y, reduction="sum") / len(output)
        return self.function(output, y, reduction=reduction)


def half_mse(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """½ (y − ŷ)², the lesson's loss."""
    return 0.5 * F.mse_loss(output, y, reduction=reduction)


def sse(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """Σₖ (y − ŷ)²; "mean" is over the records."""
    total = F.mse_loss(output, y, reduction="sum")
    return total / len(output) if reduction == "mean" else total


def hinge(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """max(0, 1 − y ŷ), for targets of 1 or −1."""
    terms = F.relu(1 - y * output)
    return terms.mean() if reduction == "mean" else terms.sum()


def bce(output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """−(y ln ŷ + (1 − y) ln(1 − ŷ)); NaN where an output is, for which PyTorch's raises on the CPU."""
    return (output * math.nan).sum() if output.isnan().any() else F.binary_cross_entropy(output, y, reduction=reduction)


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("half_mse", half_mse),
        Loss("mse", F.mse_loss),
        Loss("sse", sse),
        Loss("l1", F.l1_loss),
        Loss("huber", F.huber_loss),              # δ = 1
        Loss("smooth_l1", F.smooth_l1_loss),      # β = 1
        Loss("hinge", hinge),
        Loss("bce", bce),                         # raises RuntimeError for an output outside [0, 1]
        Loss("bce_with_logits", F.binary_cross_entropy_with_logits),
        Loss("cross_entropy", F.cross_entropy),
    )
}

TAKES_CLASSES = frozenset({"cross_entropy"})      # losses whose targets may be class indices (n,), int64
