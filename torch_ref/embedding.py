"""Embedding of words and of places: PyTorch's own operators."""

import torch.nn.functional as F
from torch import Tensor, nn


class Embedding(nn.Module):
    """e[…, :] = W[t[…], :] for words t, whole numbers from 0, of any shape: weight W (words, units)."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, words: Tensor) -> Tensor:
        """Return e (…, units) for words (…)."""
        return F.embedding(words, self.weight)


class PositionalEmbedding(nn.Module):
    """y[…, t, :] = a[…, t, :] + W[t, :]: each place of a sequence gets the row of its number; weight W (places, units)."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, a: Tensor) -> Tensor:
        """Return y (…, T, units) for a (…, T, units)."""
        return a + self.weight[: a.shape[-2]]


class TiedEmbedding(nn.Module):
    """z = f(E[t]) Eᵀ + b: the table E (words, units) embeds the words t, and scores the output of the layer f by each word's row.

    Bias b (words,) or None.
    """

    def __init__(self, embedding: Embedding, layer: nn.Module, bias: Tensor | None = None) -> None:
        super().__init__()
        self.embedding, self.layer = embedding, layer
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, words: Tensor) -> Tensor:
        """Return z (…, words) for words (…)."""
        return F.linear(self.layer(self.embedding(words)), self.embedding.weight, self.bias)
