"""Embedding: a row of a table for each word of a text, learned like any weight."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activations import Array
from .layers import Layer


class Embedding(Layer):
    """e[…, :] = W[t[…], :] for words t, whole numbers from 0, of any shape: weight W (words, units).

    It is a linear layer of words as one-hot rows, 1 at t and 0 elsewhere, without the product.
    """

    def __init__(self, weight: Array) -> None:
        self.weight = weight

    def parameters(self) -> dict[str, Array]:
        """Return the weight."""
        return {"weight": self.weight}

    def forward(self, words: NDArray[Any]) -> Array:
        """Return e (…, units) for words (…). Raises IndexError for a word that the table does not have."""
        if words.min(initial=0) < 0:
            raise IndexError(f"a word is {words.min()}; expected whole numbers from 0 to {len(self.weight) - 1}")
        self.words = words
        e: Array = self.weight[words]               # e = W[t]            (…, units)
        return e

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return ∂L/∂W from ∂L/∂e (…, units): a row is the sum over all places of its word, 0 for a word that is not there."""
        gradient = np.zeros_like(self.weight)
        np.add.at(gradient, self.words, error)      # ∂L/∂W[t] += ∂L/∂e   (words, units); `+=` would count a word once
        return {"weight": gradient}

    def backward(self, error: Array) -> Array:
        """Raise TypeError: words have no gradient."""
        raise TypeError("words have no gradient; expected an embedding to be the first layer")
