"""Embedding: a row of a table for each word of a text, and one for each place, learned like any weight."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .checks import check_shape
from .layers import Layer, Linear
from .nesting import Nested, with_paths


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
        low, high = words.min(initial=0), words.max(initial=0)
        if words.dtype.kind not in "iu" or low < 0 or high >= len(self.weight):
            raise IndexError(f"a word is {low if low < 0 else high}; expected whole numbers from 0 to {len(self.weight) - 1}")
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


class PositionalEmbedding(Layer):
    """y[…, t, :] = a[…, t, :] + W[t, :]: each place of a sequence gets the row of its number; weight W (places, units)."""

    def __init__(self, weight: Array) -> None:
        self.weight = weight

    def parameters(self) -> dict[str, Array]:
        """Return the weight."""
        return {"weight": self.weight}

    def forward(self, a: Array) -> Array:
        """Return y (…, T, units) for a (…, T, units). Raises ValueError for other units, or more places than the table has."""
        check_shape("a", a, "…", "T", self.weight.shape[1])
        if a.shape[-2] > len(self.weight):
            raise ValueError(f"a has {a.shape[-2]} places; expected at most {len(self.weight)}")
        y: Array = a + self.weight[: a.shape[-2]]   # y = a + W[:T]       (…, T, units)
        return y

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return ∂L/∂W from ∂L/∂y (…, T, units), 0 for places that no sequence has."""
        gradient = np.zeros_like(self.weight)
        gradient[: error.shape[-2]] = error.sum(axis=tuple(range(error.ndim - 2)))      # ∂L/∂W[:T] = Σₙ ∂L/∂y    (T, units)
        return {"weight": gradient}

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂a = ∂L/∂y."""
        return error


class TiedEmbedding(Nested):
    """z = f(E[t]) Eᵀ + b: the table E (words, units) embeds the words t, and scores the output of the layer f by each word's row.

    Bias b (words,) or None. E is one parameter, "embedding.weight", as PyTorch names it by its first place (Press and Wolf, 2017).
    """

    def __init__(self, embedding: Embedding, layer: Layer, bias: Array | None = None) -> None:
        self.embedding, self.layer = embedding, layer
        self.output = Linear(embedding.weight, bias)

    def children(self) -> dict[str, Layer]:
        """Return the embedding and the layer f, as "embedding" and "layer"."""
        return {"embedding": self.embedding, "layer": self.layer}

    def own(self) -> dict[str, Array]:
        """Return the bias, if there is one."""
        return {} if self.output.bias is None else {"bias": self.output.bias}

    def forward(self, words: NDArray[Any]) -> Array:
        """Return z (…, words) for words (…), in training."""
        return self.output.forward(self.layer.forward(self.embedding.forward(words)))      # z = f(E[t]) Eᵀ + b    (…, words)

    def predict(self, words: NDArray[Any]) -> Array:
        """Return z in evaluation."""
        return self.output.predict(self.layer.predict(self.embedding.predict(words)))

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of all parameters by name, from ∂L/∂z (…, words)."""
        of_output = self.output.gradients(error)                    # ∂L/∂E as it scores, and ∂L/∂b
        df = self.output.backward(error)                            # ∂L/∂f = ∂L/∂z E                 (…, units)
        of_layer = self.layer.gradients(df)
        of_embedding = self.embedding.gradients(self.layer.backward(df))      # ∂L/∂E as it embeds
        both = of_embedding["weight"] + of_output.pop("weight")     # ∂L/∂E: the sum of both uses     (words, units)
        return of_output | with_paths({"embedding": {"weight": both}, "layer": of_layer})

    def backward(self, error: Array) -> Array:
        """Raise TypeError: words have no gradient."""
        return self.embedding.backward(error)
