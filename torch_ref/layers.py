"""Layers: what each computes going forward; the way back is autograd's."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Module):
    """z = a Wᵀ + b, for a of shape (n, in): weight W (out, in), bias b (out,) or None."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, a: Tensor) -> Tensor:
        """z, of shape (n, out)."""
        return F.linear(a, self.weight, self.bias)


class Elementwise(nn.Module):
    """a = f(z): an activation applied to each element."""

    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, z: Tensor) -> Tensor:
        """a, of the shape of z."""
        return self.activation(z)
