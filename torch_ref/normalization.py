"""Normalisation over the numbers of each record, or over those of each unit in all records: PyTorch's own operators."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Normalization(nn.Module):
    """γ ∘ (z − μ) / √(v + ε) + β: weight γ, which begins as 1, and bias β, as 0, or None; ε = 1e-5 by default, as in PyTorch."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.eps = eps


class LayerNorm(Normalization):
    """Normalise each record over its last axes, those of γ, in training and evaluation alike: `F.layer_norm`."""

    def forward(self, z: Tensor) -> Tensor:
        """Return γ ∘ ẑ + β, of the shape of z."""
        return F.layer_norm(z, self.weight.shape, self.weight, self.bias, self.eps)


class RMSNorm(nn.Module):
    """Divide each record by its root mean square over the last axes, those of γ: `F.rms_norm`. ε is by default that of the dtype."""

    def __init__(self, weight: Tensor, *, eps: float | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.eps = eps

    def forward(self, z: Tensor) -> Tensor:
        """Return γ ∘ ẑ, of the shape of z."""
        return F.rms_norm(z, self.weight.shape, self.weight, self.eps)


class BatchNorm(Normalization):
    """Normalise each unit over the records of the batch, in evaluation by the running mean and variance: `F.batch_norm`."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(weight, bias, eps=eps)
        self.momentum = momentum
        self.running_mean: Tensor
        self.running_var: Tensor
        self.num_batches_tracked: Tensor
        self.register_buffer("running_mean", torch.zeros_like(weight))
        self.register_buffer("running_var", torch.ones_like(weight))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.int64, device=weight.device))

    def forward(self, z: Tensor) -> Tensor:
        """Return γ ∘ ẑ + β, of the shape of z; in training, update the running mean and variance with the batch's."""
        if self.training:
            n = z.numel() // len(self.weight)
            if n < 2:
                raise ValueError(f"a batch of {n} record{'s' * (n != 1)} has no variance; expected at least 2 records to normalise over")
            self.num_batches_tracked += 1
        statistics = self.running_mean, self.running_var
        return F.batch_norm(z, *statistics, self.weight, self.bias, self.training, self.momentum, self.eps)


NORMALIZATIONS = {"layer_norm": LayerNorm, "batch_norm": BatchNorm}
