"""GRU: PyTorch's own operator."""

import torch
from torch import Tensor

from .recurrence import Recurrent


class GRU(Recurrent):
    """The gates are r, z, n."""

    def states(self, x: Tensor, first: Tensor) -> Tensor:
        """Return all states (batch, T, H), from the first (1, batch, H)."""
        return torch.gru(x, first, *self.arguments())[0]
