"""Losses L(ŷ, y): means over all elements of the output, as PyTorch's `reduction="mean"` takes them."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor


def half_mse(output: Tensor, y: Tensor) -> Tensor:
    """L = ½ · mean of (y − ŷ)², the lesson's loss."""
    return 0.5 * ((y - output) ** 2).mean()


def mse(output: Tensor, y: Tensor) -> Tensor:
    """L = mean of (y − ŷ)²: `F.mse_loss`."""
    return F.mse_loss(output, y)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "half_mse": half_mse,
    "mse": mse,
}
