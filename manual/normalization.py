"""Normalisation ẑ = (z − μ) / √(v + ε), then γ ∘ ẑ + β: over the numbers of each record, or over those of each unit in all records.

μ is the mean and v the biased variance, the mean of (z − μ)². Both depend on every z that they are taken over, so that the backward
pass has three terms: through z itself, through the mean, and through the variance. The kinds differ in what they are taken over.
Sources: Ioffe and Szegedy, *Batch normalization*, 2015; Ba, Kiros and Hinton, *Layer normalization*, 2016; Zhang and
Sennrich, *Root mean square layer normalization*, 2019.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .checks import check_shape
from .layers import Layer


class Normalization(Layer):
    """γ ∘ ẑ + β, normalised along `axis`: weight γ, which begins as 1, and bias β, as 0, or None; ε = 1e-5 by default, as in PyTorch.

    z has the axes `before`, those of γ, and `after`, `trailing` in number; ValueError is raised for others. Without `centres`, μ is 0.
    """

    axis: tuple[int, ...]
    before: tuple[str, ...] = ("…",)
    after: tuple[str, ...] = ()
    trailing = 0
    centres = True

    def __init__(self, weight: Array, bias: Array | None = None, *, eps: float = 1e-5) -> None:
        check_shape("bias", bias, *weight.shape)
        self.weight, self.bias, self.eps = weight, bias, eps

    def parameters(self) -> dict[str, Array]:
        """Return the weight γ, and the bias β if there is one."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def forward(self, z: Array) -> Array:
        """Return γ ∘ ẑ + β, of the shape of z."""
        self.check(z)
        return self.scaled(self.normalized(z))

    def check(self, z: Array) -> None:
        """Raise ValueError for a z of other axes."""
        check_shape("z", z, *self.before, *self.weight.shape, *self.after)

    def scaled(self, normal: Array) -> Array:
        """Return γ ∘ ẑ + β."""
        output: Array = normal * self.spread(self.weight)
        return output if self.bias is None else output + self.spread(self.bias)

    def normalized(self, z: Array) -> Array:
        """Return ẑ, of the shape of z."""
        self.mean = z.mean(axis=self.axis, keepdims=True) if self.centres else np.zeros((), z.dtype)      # μ
        centred = z - self.mean
        self.variance = (centred * centred).mean(axis=self.axis, keepdims=True)    # v
        self.scale = 1 / np.sqrt(self.variance + self.eps)                         # 1 / √(v + ε)
        normal: Array = centred * self.scale                                       # ẑ             (of z)
        self.normal = normal
        return normal

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return ∂L/∂γ and ∂L/∂β from the error ∂L/∂(γ ∘ ẑ + β)."""
        first = error.ndim - self.trailing - self.weight.ndim                      # axis of γ in z
        others = (*range(first), *range(error.ndim - self.trailing, error.ndim))
        grads: dict[str, Array] = {}
        grads["weight"] = (error * self.normal.reshape(error.shape)).sum(axis=others)      # ∂L/∂γ = Σ error ∘ ẑ   (of γ)
        if self.bias is not None:
            grads["bias"] = error.sum(axis=others)                                 # ∂L/∂β = Σ error       (of β)
        return grads

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂z from the error ∂L/∂(γ ∘ ẑ + β)."""
        return self.through(error * self.spread(self.weight))                      # ∂L/∂ẑ = error ∘ γ

    def through(self, g: Array) -> Array:
        """Return ∂L/∂z from g = ∂L/∂ẑ."""
        through_mean = g.mean(axis=self.axis, keepdims=True) if self.centres else 0
        through_variance = self.normal * (g * self.normal).mean(axis=self.axis, keepdims=True)
        delta: Array = self.scale * (g - through_mean - through_variance)          # ∂L/∂z         (of z)
        return delta

    def spread(self, units: Array) -> Array:
        """Return a number for each unit with the axes that z has after these."""
        return units.reshape(units.shape + (1,) * self.trailing)


class LayerNorm(Normalization):
    """Normalise each record over its last axes, those of γ, in training and evaluation alike: `F.layer_norm`."""

    def __init__(self, weight: Array, bias: Array | None = None, *, eps: float = 1e-5) -> None:
        super().__init__(weight, bias, eps=eps)
        self.axis = tuple(range(-weight.ndim, 0))


class RMSNorm(LayerNorm):
    """Divide each record by its root mean square over the last axes, those of γ: `F.rms_norm`. ε is by default that of the dtype."""

    centres = False

    def __init__(self, weight: Array, *, eps: float | None = None) -> None:
        super().__init__(weight, eps=float(np.finfo(weight.dtype).eps) if eps is None else eps)


class BatchNorm(Normalization):
    """Normalise each unit over the records of the batch: `F.batch_norm`, PyTorch's `BatchNorm1d`.

    Evaluation uses the running mean and variance of the batches seen: r ← (1 − m) r + m (the batch's), with momentum m and the unbiased
    variance n/(n − 1) v, n numbers for each unit. A batch of one number has no variance, and raises ValueError.
    """

    axis: tuple[int, ...] = (0,)
    before = ("n",)

    def __init__(self, weight: Array, bias: Array | None = None, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(weight, bias, eps=eps)
        self.momentum = momentum
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
        self.check(z)
        n = z.size // self.weight.size
        if n < 2:
            raise ValueError(f"a batch of {n} record{'s' * (n != 1)} has no variance; expected at least 2 records to normalise over")
        output = self.scaled(self.normalized(z))
        mean, variance = self.mean.reshape(-1), self.variance.reshape(-1)
        self.running_mean += self.momentum * (mean - self.running_mean)
        self.running_var += self.momentum * (variance * (n / (n - 1)) - self.running_var)
        self.num_batches_tracked += 1
        return output

    def predict(self, z: Array) -> Array:
        """Return γ ∘ ẑ + β by the running mean and variance."""
        self.check(z)
        return self.scaled((z - self.spread(self.running_mean)) / np.sqrt(self.spread(self.running_var) + self.eps))


NORMALIZATIONS = {"layer_norm": LayerNorm, "batch_norm": BatchNorm}
