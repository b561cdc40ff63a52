"""Normalisation ẑ = (z − μ) / √(v + ε), then γ ∘ ẑ + β: over the units of each record, or over the records of each unit.

μ is the mean and v the biased variance, the mean of (z − μ)². Both depend on every z that they are taken over, so that the backward
pass has three terms: through z itself, through the mean, and through the variance.
Sources: Ioffe and Szegedy, *Batch normalization*, 2015; Ba, Kiros and Hinton, *Layer normalization*, 2016.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activations import Array
from .layers import Layer


class Normalization(Layer):
    """γ ∘ ẑ + β, normalised along `axis`: weight γ and bias β (units,), which begin as 1 and 0; ε = 1e-5 as in PyTorch."""

    axis: int
    eps = 1e-5

    def __init__(self, weight: Array, bias: Array) -> None:
        self.weight = weight
        self.bias = bias

    def parameters(self) -> dict[str, Array]:
        """Return the weight γ and the bias β."""
        return {"weight": self.weight, "bias": self.bias}

    def forward(self, z: Array) -> Array:
        """Return γ ∘ ẑ + β, of the shape of z (n, units)."""
        self.mean = z.mean(axis=self.axis, keepdims=True)                          # μ
        centred = z - self.mean
        self.variance = (centred * centred).mean(axis=self.axis, keepdims=True)    # v
        self.scale = 1 / np.sqrt(self.variance + self.eps)                         # 1 / √(v + ε)
        self.normal = centred * self.scale                                         # ẑ             (n, units)
        output: Array = self.normal * self.weight + self.bias
        return output

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return ∂L/∂γ and ∂L/∂β from the error ∂L/∂(γ ∘ ẑ + β)."""
        return {
            "weight": (error * self.normal).sum(axis=0),      # ∂L/∂γ = Σₙ error ∘ ẑ   (units,)
            "bias": error.sum(axis=0),                        # ∂L/∂β = Σₙ error       (units,)
        }

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂z from the error ∂L/∂(γ ∘ ẑ + β)."""
        g = error * self.weight                                                    # ∂L/∂ẑ         (n, units)
        through_mean = g.mean(axis=self.axis, keepdims=True)
        through_variance = self.normal * (g * self.normal).mean(axis=self.axis, keepdims=True)
        delta: Array = self.scale * (g - through_mean - through_variance)          # ∂L/∂z         (n, units)
        return delta


class LayerNorm(Normalization):
    """Normalise each record over its units, in training and evaluation alike: `F.layer_norm`."""

    axis = 1


class BatchNorm(Normalization):
    """Normalise each unit over the records of the batch: `F.batch_norm`, PyTorch's `BatchNorm1d`.

    Evaluation uses the running mean and variance of the batches seen: r ← 0.9 r + 0.1 (the batch's), with the unbiased variance
    n/(n − 1) v. A batch of one record has no variance, and raises ValueError.
    """

    axis = 0
    momentum = 0.1

    def __init__(self, weight: Array, bias: Array) -> None:
        super().__init__(weight, bias)
        self.running_mean = np.zeros_like(weight)
        self.running_var = np.ones_like(weight)
        self.num_batches_tracked = np.zeros((), np.int64)

    def buffers(self) -> dict[str, NDArray[Any]]:
        """Return the running mean and variance, and the number of batches seen."""
        return {
            "running_mean": self.running_mean,
            "running_var": self.running_var,
            "num_batches_tracked": self.num_batches_tracked,
        }

    def forward(self, z: Array) -> Array:
        """Return γ ∘ ẑ + β by the batch's own mean and variance, and update the running ones with these."""
        n = len(z)
        if n < 2:
            raise ValueError("a batch of 1 record has no variance; expected at least 2 records to normalise over")
        output = super().forward(z)
        self.running_mean += self.momentum * (self.mean[0] - self.running_mean)
        self.running_var += self.momentum * (self.variance[0] * (n / (n - 1)) - self.running_var)
        self.num_batches_tracked += 1
        return output

    def predict(self, z: Array) -> Array:
        """Return γ ∘ ẑ + β by the running mean and variance."""
        output: Array = (z - self.running_mean) / np.sqrt(self.running_var + self.eps) * self.weight + self.bias
        return output


NORMALIZATIONS = {"layer_norm": LayerNorm, "batch_norm": BatchNorm}
