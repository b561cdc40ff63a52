"""Normalisation of the channels of images: PyTorch's own operators."""

import torch.nn.functional as F
from torch import Tensor

from .normalization import BatchNorm, Normalization


class GroupNorm(Normalization):
    """Normalise each of the `groups` of channels of a record over all their places (n, channels, …): `F.group_norm`."""

    def __init__(self, groups: int, weight: Tensor, bias: Tensor | None = None, *, eps: float = 1e-5) -> None:
        super().__init__(weight, bias, eps=eps)
        self.groups = groups

    def forward(self, z: Tensor) -> Tensor:
        """Return γ ∘ ẑ + β, of the shape of z."""
        return F.group_norm(z, self.groups, self.weight, self.bias, self.eps)


class BatchNorm2d(BatchNorm):
    """Normalise each channel over the records and places of a batch of images (n, channels, h, w)."""
