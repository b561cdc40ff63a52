"""Convolution of images and of sequences: PyTorch's own operators."""

import torch.nn.functional as F
from torch import Tensor, nn

Pair = tuple[int, int]      # of the two axes, height first


class Conv2d(nn.Module):
    """z[n, o, a, b] = Σ W[o, c, i, j] x[n, c, sa + di − p, sb + dj − p] + b[o], over channels c of the group and places i, j of the kernel.

    Weight W (out, in / groups, kₕ, k_w), bias b (out,) or None. Stride s, zero padding p and dilation d are numbers, or pairs, height
    first.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None = None, *, stride: int | Pair = 1, padding: int | Pair = 0, dilation: int | Pair = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def forward(self, x: Tensor) -> Tensor:
        """Return z (n, out, h', w') for x (n, in, h, w)."""
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv1d(nn.Module):
    """z[n, o, a] = Σ W[o, c, i] x[n, c, sa + di − p] + b[o]: weight (out, in / groups, k)."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def forward(self, x: Tensor) -> Tensor:
        """Return z (n, out, l') for x (n, in, l)."""
        return F.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
