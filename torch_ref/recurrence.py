"""Recurrence: PyTorch's own operators, of one level and one direction."""

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """A layer from inputs (batch, T, in) to the states of all steps (batch, T, H), or to the `last` one alone (batch, H).

    The state before the first step is 0. Both biases may be None.
    """

    def __init__(
        self, weight_ih_l0: Tensor, weight_hh_l0: Tensor, bias_ih_l0: Tensor | None = None, bias_hh_l0: Tensor | None = None, *,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.weight_ih_l0, self.weight_hh_l0 = nn.Parameter(weight_ih_l0), nn.Parameter(weight_hh_l0)
        self.bias_ih_l0 = None if bias_ih_l0 is None else nn.Parameter(bias_ih_l0)
        self.bias_hh_l0 = None if bias_hh_l0 is None else nn.Parameter(bias_hh_l0)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Return the states for x (batch, T, in)."""
        states = self.states(x, x.new_zeros(1, len(x), self.weight_hh_l0.shape[1]))
        return states[:, -1] if self.last else states

    def states(self, x: Tensor, first: Tensor) -> Tensor:
        """Return all states (batch, T, H), from the first (1, batch, H)."""
        raise NotImplementedError

    def arguments(self) -> tuple[list[Tensor], bool, int, float, bool, bool, bool]:
        """Return what the operators take after the state: parameters, whether there are biases, levels, dropout, … batch first."""
        return list(self.parameters()), self.bias_ih_l0 is not None, 1, 0.0, self.training, False, True


class RNN(Recurrent):
    """h_t = f(x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh), with `nonlinearity` f "tanh" or "relu"."""

    def __init__(
        self, weight_ih_l0: Tensor, weight_hh_l0: Tensor, bias_ih_l0: Tensor | None = None, bias_hh_l0: Tensor | None = None, *,
        nonlinearity: str = "tanh", last: bool = False,
    ) -> None:
        super().__init__(weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, last=last)
        self.operator = {"tanh": torch.rnn_tanh, "relu": torch.rnn_relu}[nonlinearity]

    def states(self, x: Tensor, first: Tensor) -> Tensor:
        """Return all states (batch, T, H), from the first (1, batch, H)."""
        return self.operator(x, first, *self.arguments())[0]
