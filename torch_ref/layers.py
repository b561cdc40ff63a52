"""Layers: the forward pass of each; autograd makes the backward pass."""

from collections.abc import Callable

import torch
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


class LeakyReLU(nn.LeakyReLU):
    """a = z for z > 0, else s z, with s the `negative_slope`."""


class ELU(nn.ELU):
    """a = z for z > 0, else α (eᶻ − 1)."""


class Dropout(nn.Module):
    """a ∘ m / (1 − p): in training, each element becomes 0 with probability p, the others are scaled up; evaluation returns a unchanged.

    The mask m (n, units) is True where an element survives. Set `mask` for the next forward pass, or it is drawn from `generator`.
    """

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p = p
        self.generator = generator
        self.mask: Tensor | None = None

    def forward(self, a: Tensor) -> Tensor:
        """Return a with the dropped elements at 0 and the others scaled. Raises ValueError for a mask of another shape."""
        mask, self.mask = self.mask, None
        if not self.training:
            return a
        if mask is None:
            mask = (torch.rand(a.shape, generator=self.generator, device="cpu") >= self.p).to(a.device)
        if mask.shape != a.shape:
            raise ValueError(f"a mask has shape {tuple(mask.shape)}; expected {tuple(a.shape)}, that of what it drops from")
        return a * (mask.to(a.dtype) / (1 - self.p))


class Flatten(nn.Module):
    """(n, …) as (n, in): all numbers of a record in one row, the last axis fastest."""

    def forward(self, a: Tensor) -> Tensor:
        """Return a with one axis for the records and one for all else."""
        return a.flatten(1)
