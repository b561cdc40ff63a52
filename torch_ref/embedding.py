"""Embedding: PyTorch's own operator."""

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
