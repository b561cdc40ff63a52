"""Losses of classes with options: cross-entropy, and the margin between scores, for outputs of any axes, the classes last.

Targets (…) are class indices, one for each place of the outputs (…, C): (n,) for (n, C), and for the words of texts (n, t) for (n, t, C).
Beside "mean" and "sum", the reduction "batchmean" divides the sum by n, the length of the first axis.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Targets
from .losses import divisor
from .softmax import log_softmax, softmax

Classes = NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """ℓ = −Σ_c w_c q_c ln softmax(ŷ)_c, where q is 1 − ε + ε/C for the class y and ε/C for the others; in PyTorch `F.cross_entropy`.

    `weight` w (C,) is 1 by default, and ε is the `label_smoothing`. A target that is `ignore_index` has no term. "mean" divides by Σ w_y,
    the sum over all targets that have one, and is NaN without any. Targets may also be probabilities y (…, C), with q = (1 − ε) y + ε/C;
    "mean" divides by their number then.
    """

    weight: Array | None = None
    ignore_index: int = -100
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"label_smoothing is {self.label_smoothing}; expected a number from 0 to 1")

    def value(self, output: Array, y: Targets, reduction: str = "mean") -> Array:
        """Return L, as an array of no dimension. Raises IndexError for a target that is no class, ValueError for another reduction."""
        t = self._weighted(output, y)
        terms = np.multiply(t, log_softmax(output), out=np.zeros_like(t), where=t != 0)      # t ln softmax(ŷ)            (…, C); 0 ln 0 = 0
        return np.asarray(-terms.sum() / self._divisor(output, y, reduction))       # L = −Σ t ln softmax(ŷ) / N

    def gradient(self, output: Array, y: Targets, reduction: str = "mean") -> Array:
        """Return ∂L/∂ŷ (…, C); raises what `value` does."""
        t = self._weighted(output, y)
        slope = softmax(output) * t.sum(axis=-1, keepdims=True) - t                 # ∂Σℓ/∂ŷ = softmax(ŷ) Σ_c t_c − t   (…, C)
        gradient: Array = slope / self._divisor(output, y, reduction)
        return gradient

    def _weighted(self, output: Array, y: Targets) -> Array:
        """Return t = w ∘ q (…, C), 0 where the target is ignored."""
        smoothing, classes = self.label_smoothing, output.shape[-1]
        is_index = y.ndim < output.ndim
        q = one_hot(np.where(y == self.ignore_index, 0, y), output) if is_index else y
        t = self._weight(output) * ((1 - smoothing) * q + smoothing / classes)      # t = w ∘ ((1 − ε) y + ε/C)          (…, C)
        return np.where(y[..., None] == self.ignore_index, 0, t) if is_index else t

    def _divisor(self, output: Array, y: Targets, reduction: str) -> float:
        """Return N."""
        counted = y[y != self.ignore_index] if y.ndim < output.ndim else None
        total = y.size // y.shape[-1] if counted is None else self._weight(output)[counted].sum()      # Σ w_y
        return divisor(reduction, total, len(output))

    def _weight(self, output: Array) -> Array:
        return np.ones(output.shape[-1], output.dtype) if self.weight is None else self.weight.astype(output.dtype)


@dataclass(frozen=True, kw_only=True)
class MultiMargin:
    """ℓ = w_y Σ_{i ≠ y} max(0, m − ŷ_y + ŷᵢ)ᵖ / C: a score counts that is not below the one of the class y by the `margin` m.

    In PyTorch `F.multi_margin_loss`; p is 1 or 2, and `weight` w (C,) is 1 by default. Without `average` the sum is not divided by C, as in
    the support vector machine of many courses. "mean" divides by the number of targets, whatever their weights.
    """

    p: int = 1
    margin: float = 1.0
    weight: Array | None = None
    average: bool = True

    def __post_init__(self) -> None:
        if self.p not in (1, 2):
            raise ValueError(f"p is {self.p}; expected 1 or 2")

    def value(self, output: Array, y: Classes, reduction: str = "mean") -> Array:
        """Return L, as an array of no dimension. Raises IndexError for a target that is no class, ValueError for another reduction."""
        terms = self._share(output, y) * self._excess(output, y) ** self.p          # w_y / C · sᵖ                        (…, C)
        return np.asarray(terms.sum() / divisor(reduction, y.size, len(output)))

    def gradient(self, output: Array, y: Classes, reduction: str = "mean") -> Array:
        """Return ∂L/∂ŷ (…, C); where a score is at the margin, and has no derivative for p = 1, it is 0 as in PyTorch."""
        s = self._excess(output, y)
        slope = self._share(output, y) * ((s > 0) if self.p == 1 else 2 * s)        # ∂ℓ/∂ŷᵢ = w_y / C · p sᵢᵖ⁻¹, i ≠ y   (…, C)
        gradient: Array = slope - one_hot(y, output) * slope.sum(axis=-1, keepdims=True)      # ∂ℓ/∂ŷ_y = −Σᵢ ∂ℓ/∂ŷᵢ
        return gradient / divisor(reduction, y.size, len(output))

    def _excess(self, output: Array, y: Classes) -> Array:
        """Return s = max(0, m − ŷ_y + ŷ) (…, C), and 0 for the class y itself."""
        is_class = one_hot(y, output)
        right = np.take_along_axis(output, y[..., None], axis=-1)                   # ŷ_y                                 (…, 1)
        return np.where(is_class == 1, 0, np.maximum(self.margin - right + output, 0))

    def _share(self, output: Array, y: Classes) -> Array:
        """Return w_y / C (…, 1), or w_y."""
        weight = np.ones(y.shape, output.dtype) if self.weight is None else self.weight.astype(output.dtype)[y]
        return weight[..., None] / (output.shape[-1] if self.average else 1)


def one_hot(y: Classes, output: Array) -> Array:
    """Return 1 for the class y and 0 for the others (…, C), in the output's dtype. Raises IndexError for a class that there is not."""
    classes = output.shape[-1]
    if y.size and not 0 <= y.min() <= y.max() < classes:
        raise IndexError(f"targets are from {y.min()} to {y.max()}; expected class indices from 0 to {classes - 1}")
    rows = np.zeros_like(output)
    np.put_along_axis(rows, y[..., None], 1, axis=-1)
    return rows
