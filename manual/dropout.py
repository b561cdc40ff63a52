"""Dropout: in training, elements chosen by chance become 0 (Srivastava and others, 2014)."""

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .checks import check_shares
from .layers import Layer


class Dropout(Layer):
    """a ∘ m / (1 − p): in training, each element becomes 0 with probability p, the others are scaled up; evaluation returns a unchanged.

    The mask m (n, units) is True where an element survives. Set `mask` for the next forward pass, or it is drawn from `generator`.
    Raises ValueError for a p that is not from 0 to below 1.
    """

    def __init__(self, p: float, generator: np.random.Generator) -> None:
        check_shares(p=p)
        self.p = p
        self.generator = generator
        self.mask: NDArray[np.bool_] | None = None

    def forward(self, a: Array) -> Array:
        """Return a with the dropped elements at 0 and the others scaled. Raises ValueError for a mask of another shape."""
        mask = self.generator.random(a.shape) >= self.p if self.mask is None else self.mask
        self.mask = None
        if mask.shape != a.shape:
            raise ValueError(f"a mask has shape {mask.shape}; expected {a.shape}, that of what it drops from")
        self.scale = mask / a.dtype.type(1 - self.p)
        return a * self.scale

    def predict(self, a: Array) -> Array:
        """Return a unchanged."""
        return a

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂a: 0 for each dropped element."""
        return error * self.scale                 # ∂L/∂a ∘ m / (1 − p)
