"""Pooling of images (n, channels, h, w): PyTorch's own operators. Sizes are numbers, or pairs, height first."""

import torch.nn.functional as F
from torch import Tensor, nn

from .convolution import Pair


class MaxPool2d(nn.Module):
    """y = max over i, j of the window; the border, of `padding`, is −∞."""

    def __init__(
        self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0, dilation: int | Pair = 1
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation

    def forward(self, x: Tensor) -> Tensor:
        """Return y (n, c, h', w') for x (n, c, h, w)."""
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation)


class AvgPool2d(nn.Module):
    """y = Σ over i, j of the window / (kₕ k_w); the border, of `padding`, is 0 and counts."""

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """Return y (n, c, h', w') for x (n, c, h, w)."""
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding)
