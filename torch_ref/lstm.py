"""LSTM: PyTorch's own operator."""

import torch
from torch import Tensor

from .recurrence import Recurrent


class LSTM(Recurrent):
    """The gates are i, f, g, o. The cell before the first step is 0, as the state is."""

    def states(self, x: Tensor, first: Tensor) -> Tensor:
        """Return all states (batch, T, H), from the first, and the first cell, (1, batch, H)."""
        return torch.lstm(x, (first, first), *self.arguments())[0]
