"""Pooling: each window of an image becomes one number, its largest or its mean; images are (n, channels, h, w).

Sizes are numbers, or pairs, height first. Windows lie side by side unless `stride` says otherwise.
"""

import math

import numpy as np

from .arrays import Array
from .layers import Layer
from .windows import Pair, Windows, pair


class MaxPool2d(Layer):
    """y = max over i, j of the window; the border, of `padding`, is −∞. The error goes to the first number that is so large."""

    def __init__(
        self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0, dilation: int | Pair = 1
    ) -> None:
        self.windows = pooled(kernel_size, stride, padding, dilation)

    def forward(self, x: Array) -> Array:
        """Return y (n, c, h', w') for x (n, c, h, w)."""
        least = np.iinfo(x.dtype.name).min if x.dtype.kind in "iu" else -np.inf      # whole numbers have no −∞
        self.shape, windows = x.shape, self.windows.of(x, border=least)
        n, channels, *_, height, width = self.seen = windows.shape
        places = windows.reshape(n, channels, math.prod(self.windows.kernel), height, width)      # (n, c, kₕ k_w, h', w')
        first = places.argmax(axis=2)[:, :, None]                     # k = argmax over the places; the first of equals   (n, c, 1, h', w')
        self.is_first = first == np.arange(places.shape[2]).reshape(-1, 1, 1)      # (n, c, kₕ k_w, h', w')
        y: Array = np.take_along_axis(places, first, axis=2)[:, :, 0]
        return y

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂x (n, c, h, w) from ∂L/∂y (n, c, h', w')."""
        places = np.where(self.is_first, error[:, :, None], 0)        # ∂L/∂w = ∂L/∂y at k, else 0   (n, c, kₕ k_w, h', w')
        return self.windows.backward(places.reshape(self.seen), self.shape)


class AvgPool2d(Layer):
    """y = Σ over i, j of the window / (kₕ k_w); the border, of `padding`, is 0 and counts."""

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> None:
        self.windows = pooled(kernel_size, stride, padding)

    def forward(self, x: Array) -> Array:
        """Return y (n, c, h', w') for x (n, c, h, w)."""
        self.shape, windows = x.shape, self.windows.of(x)
        self.seen = windows.shape
        y: Array = windows.mean(axis=(2, 3))                          # y = Σ w / (kₕ k_w)           (n, c, h', w')
        return y

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂x (n, c, h, w) from ∂L/∂y (n, c, h', w')."""
        each = error[:, :, None, None] / math.prod(self.windows.kernel)      # ∂L/∂w = ∂L/∂y / (kₕ k_w)     (n, c, 1, 1, h', w')
        return self.windows.backward(np.broadcast_to(each, self.seen), self.shape)


def pooled(kernel_size: int | Pair, stride: int | Pair | None, padding: int | Pair, dilation: int | Pair = 1) -> Windows:
    """Return the windows of these sizes. Raises ValueError for sizes that are none, and for a padding of more than half the kernel."""
    kernel, steps = pair("kernel_size", kernel_size), pair("stride", kernel_size if stride is None else stride)
    windows = Windows(kernel, steps, pair("padding", padding, least=0), pair("dilation", dilation))
    if any(2 * border > size for border, size in zip(windows.padding, kernel, strict=True)):
        raise ValueError(f"padding is {padding}; expected at most half of kernel_size, which is {kernel_size}")
    return windows
