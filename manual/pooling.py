"""Pooling: each window of an image becomes one number, its largest or its mean; images are (n, channels, h, w).

Sizes are numbers, or pairs, height first. Windows lie side by side unless `stride` says otherwise.
"""

import math

import numpy as np

from .activations import Array
from .layers import Layer
from .windows import Pair, Windows, pair


class MaxPool2d(Layer):
    """y = max over i, j of the window; the border, of `padding`, is −∞. The error goes to the first number that is so large."""

    def __init__(
        self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0, dilation: int | Pair = 1
    ) -> None:
        self.windows = Windows(pair(kernel_size), pair(kernel_size if stride is None else stride), pair(padding), pair(dilation))

    def forward(self, x: Array) -> Array:
        """Return y (n, c, h', w') for x (n, c, h, w)."""
        self.shape, windows = x.shape, self.windows.of(x, border=-np.inf)
        n, channels, *_, height, width = self.seen = windows.shape
        places = windows.reshape(n, channels, -1, height, width)      # (n, c, kₕ k_w, h', w')
        self.first = places.argmax(axis=2)[:, :, None]                # k = argmax over the places; the first of equals   (n, c, 1, h', w')
        y: Array = np.take_along_axis(places, self.first, axis=2)[:, :, 0]
        return y

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂x (n, c, h, w) from ∂L/∂y (n, c, h', w')."""
        place = np.arange(math.prod(self.windows.kernel)).reshape(-1, 1, 1)
        places = np.where(place == self.first, error[:, :, None], 0)  # ∂L/∂w = ∂L/∂y at k, else 0   (n, c, kₕ k_w, h', w')
        return self.windows.backward(places.reshape(self.seen), self.shape)


class AvgPool2d(Layer):
    """y = Σ over i, j of the window / (kₕ k_w); the border, of `padding`, is 0 and counts."""

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> None:
        self.windows = Windows(pair(kernel_size), pair(kernel_size if stride is None else stride), pair(padding))

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
