"""The windows that a kernel sees of an image as it moves over it, and the way back from them; for convolution and pooling."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import Array

Pair = tuple[int, int]      # of the two axes, height first


def pair(what: str, size: int | Sequence[int], least: int = 1) -> Pair:
    """Return a size of both axes, where one number stands for two equal ones. Raises ValueError unless they are whole, and so large."""
    both = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(both) != 2 or not all(isinstance(each, (int, np.integer)) and each >= least for each in both):
        raise ValueError(f"{what} is {size!r}; expected a whole number, at least {least}, or a pair of these, height first")
    return int(both[0]), int(both[1])


@dataclass(frozen=True)
class Windows:
    """Windows of `kernel` places, `dilation` apart, that begin every `stride` in an image with a border of `padding` around it.

    Of an image of height h there are h' = ⌊(h + 2p − d (kₕ − 1) − 1) / s⌋ + 1 windows, one below the other; of a width alike.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    def of(self, x: Array, border: float = 0.0) -> Array:
        """Return w[n, c, i, j, a, b] = x[n, c, sa + di − p, sb + dj − p], a view of x (n, c, h, w) with its border.

        Raises ValueError for an x of other axes, or too small for one window.
        """
        (top, left), (down, right), (below, beside) = self.padding, self.stride, self.dilation
        span = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        height, width = (max(size - 2 * p, 1) for size, p in zip(span, self.padding, strict=True))
        if x.ndim != 4 or x.shape[2] < height or x.shape[3] < width:
            raise ValueError(f"x has shape {x.shape}; expected (n, channels, height, width), at least {height} high and {width} wide")
        x = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)), constant_values=border)
        views = np.lib.stride_tricks.sliding_window_view(x, span, axis=(2, 3))      # (n, c, h + 2p − span + 1, …, span, span)
        views = views[:, :, ::down, ::right, ::below, ::beside]                     # (n, c, h', w', kₕ, k_w)
        return views.transpose(0, 1, 4, 5, 2, 3)                                    # (n, c, kₕ, k_w, h', w')

    def backward(self, error: Array, shape: tuple[int, ...]) -> Array:
        """Return ∂L/∂x, of that shape (n, c, h, w), from ∂L/∂w: a number of x gets the sum over all windows that it is in."""
        n, channels, height, width = shape
        (top, left), (down, right), (below, beside) = self.padding, self.stride, self.dilation
        x = np.zeros((n, channels, height + 2 * top, width + 2 * left), error.dtype)
        for i, j in np.ndindex(self.kernel):
            *_, rows, columns = error.shape
            seen = x[:, :, below * i :: down, beside * j :: right][:, :, :rows, :columns]      # a view of what place i, j meets
            seen += error[:, :, i, j]                                               # ∂L/∂x = Σ ∂L/∂w   (n, c, h', w')
        return x[:, :, top : top + height, left : left + width]
