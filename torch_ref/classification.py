"""Losses of classes with options, for outputs of any axes, the classes last: PyTorch's own operators, on a record for each place."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from .checks import check_records


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """−Σ_c w_c q_c ln softmax(ŷ)_c, where q is 1 − ε + ε/C for the class y and ε/C for the others, ε being the `label_smoothing`."""

    weight: Tensor | None = None
    ignore_index: int = -100
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"label_smoothing is {self.label_smoothing}; expected a number from 0 to 1")

    def __call__(self, output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        """Return L for outputs (…, C) and targets (…), class indices, or (…, C), probabilities. Raises ValueError for no records."""
        check_records(len(output))
        targets = y.flatten(0, -2) if y.dim() == output.dim() else y.flatten()
        total = F.cross_entropy(
            output.flatten(0, -2), targets, None if self.weight is None else self.weight.to(output), ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing, reduction="sum" if reduction == "batchmean" else reduction,
        )
        return total / len(output) if reduction == "batchmean" else total


@dataclass(frozen=True, kw_only=True)
class MultiMargin:
    """w_y Σ_{i ≠ y} max(0, m − ŷ_y + ŷᵢ)ᵖ / C, m being the `margin`; without `average` not divided by C."""

    p: int = 1
    margin: float = 1.0
    weight: Tensor | None = None
    average: bool = True

    def __call__(self, output: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        """Return L for outputs (…, C) and class indices (…). Raises ValueError for no records."""
        check_records(len(output))
        total = F.multi_margin_loss(
            output.flatten(0, -2), y.flatten(), self.p, self.margin, None if self.weight is None else self.weight.to(output),
            reduction="sum" if reduction == "batchmean" else reduction,
        )
        total = total / len(output) if reduction == "batchmean" else total
        return total if self.average else total * output.size(-1)
