"""Layers: the forward pass of each; autograd makes the backward pass."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Module):
    """z = a Wᵀ + b, for a of shape (n, in), or with more axes before the last: weight W (out, in), bias b (out,) or None."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, a: Tensor) -> Tensor:
        """Return z (n, out)."""
        return F.linear(a, self.weight, self.bias)


class Activate(nn.Module):
    """a = f(z): an activation applied to the output of the layer before."""

    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, z: Tensor) -> Tensor:
        """Return a, of the shape of z."""
        return self.activation(z)


class Flatten(nn.Module):
    """(n, …) as (n, in): all numbers of a record in one row, the last axis fastest."""

    def forward(self, a: Tensor) -> Tensor:
        """Return a with one axis for the records and one for all else."""
        return a.flatten(1)
