"""Normalisation over the units of each record, or over the records of each unit: PyTorch's own operators."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Normalization(nn.Module):
    """γ ∘ (z − μ) / √(v + ε) + β: weight γ and bias β (units,), which begin as 1 and 0; ε = 1e-5 as in PyTorch."""

    eps = 1e-5

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)


class LayerNorm(Normalization):
    """Normalise each record over its units, in training and evaluation alike: `F.layer_norm`."""

    def forward(self, z: Tensor) -> Tensor:
        """Return γ ∘ ẑ + β, of the shape of z (n, units)."""
        return F.layer_norm(z, self.weight.shape, self.weight, self.bias, self.eps)


class BatchNorm(Normalization):
    """Normalise each unit over the records of the batch, in evaluation by the running mean and variance: `F.batch_norm`."""

    momentum = 0.1

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__(weight, bias)
        self.running_mean: Tensor
        self.running_var: Tensor
        self.num_batches_tracked: Tensor
        self.register_buffer("running_mean", torch.zeros_like(weight))
        self.register_buffer("running_var", torch.ones_like(weight))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.int64, device=weight.device))

    def forward(self, z: Tensor) -> Tensor:
        """Return γ ∘ ẑ + β, of the shape of z (n, units); in training, update the running mean and variance with the batch's."""
        if self.training:
            if len(z) < 2:
                raise ValueError("a batch of 1 record has no variance; expected at least 2 records to normalise over")
            self.num_batches_tracked += 1
        statistics = self.running_mean, self.running_var
        return F.batch_norm(z, *statistics, self.weight, self.bias, self.training, self.momentum, self.eps)


NORMALIZATIONS = {"layer_norm": LayerNorm, "batch_norm": BatchNorm}
