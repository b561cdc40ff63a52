"""Losses L(ŷ, y), each beside its gradient ∂L/∂ŷ, for outputs ŷ (n, k) of n records.

A loss consists of its terms, one for each element or one for each record, and their derivative. As PyTorch's `reduction` does, "sum"
adds the terms up, "mean" divides the sum by their number, N = n·k elements or n records, and "batchmean" by the number of records, N = n.
The lesson's loss is half the square: the factor 2 of the square's derivative cancels, so that Δw = lr · δ · a, as the lesson prints it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .arrays import Array, Targets
from .checks import check_records
from .likelihoods import bce, bce_derivative, bce_with_logits, bce_with_logits_derivative, cross_entropy, cross_entropy_derivative

REDUCTIONS = ("mean", "sum", "batchmean")


@dataclass(frozen=True)
class Loss:
    """One loss: `terms(output, y)` gives ℓ, (n, k) or (n,); `derivative(output, y)` gives ∂Σℓ/∂ŷ, (n, k).

    `over` says what "mean" divides by: the number of "elements", N = n·k, or of "records", n.
    """

    name: str
    terms: Callable[[Array, Targets], Array]
    derivative: Callable[[Array, Targets], Array]
    over: Literal["elements", "records"] = "elements"

    def value(self, output: Array, y: Targets, reduction: str = "mean") -> Array:
        """Return L = Σℓ / N, N = 1 for the reduction "sum", as an array of no dimension. Raises ValueError for an unknown reduction."""
        return np.asarray(self.terms(output, y).sum() / divisor(reduction, self._number(output), len(output)))

    def gradient(self, output: Array, y: Targets, reduction: str = "mean") -> Array:
        """Return ∂L/∂ŷ (n, k). Raises ValueError for an unknown reduction."""
        return self.derivative(output, y) / divisor(reduction, self._number(output), len(output))

    def _number(self, output: Array) -> int:
        return output.size if self.over == "elements" else len(output)


def divisor(reduction: str, number: float, records: int) -> float:
    """Return what a sum of terms is divided by, of this number of terms from this number of records.

    Raises ValueError for another reduction, and for no records.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction is {reduction!r}; expected one of {', '.join(REDUCTIONS)}")
    check_records(records)
    return {"mean": number, "sum": 1, "batchmean": records}[reduction]


def half_mse(output: Array, y: Array) -> Array:
    """ℓ = ½ (y − ŷ)²; in PyTorch `0.5 * F.mse_loss(output, y)`."""
    error = y - output
    return error * error / 2


def half_mse_derivative(output: Array, y: Array) -> Array:
    """∂ℓ/∂ŷ = ŷ − y   (n, k)."""
    return output - y


def mse(output: Array, y: Array) -> Array:
    """ℓ = (y − ŷ)²; in PyTorch `F.mse_loss(output, y)`."""
    error = y - output
    return error * error


def mse_derivative(output: Array, y: Array) -> Array:
    """∂ℓ/∂ŷ = 2 (ŷ − y)   (n, k)."""
    return 2 * (output - y)


def sse(output: Array, y: Array) -> Array:
    """ℓ = Σₖ (y − ŷ)², one for each record: "mean" divides by n, not by n·k."""
    terms: Array = mse(output, y).sum(axis=-1)
    return terms


def l1(output: Array, y: Array) -> Array:
    """ℓ = |ŷ − y|; in PyTorch `F.l1_loss(output, y)`."""
    return np.abs(output - y)


def l1_derivative(output: Array, y: Array) -> Array:
    """∂ℓ/∂ŷ = sign(ŷ − y)   (n, k); at ŷ = y, where there is no derivative, 0 as in PyTorch."""
    return np.sign(output - y)


def huber(output: Array, y: Array) -> Array:
    """ℓ = ½ d² for |d| ≤ δ, else δ (|d| − ½ δ), with d = ŷ − y and δ = 1; in PyTorch `F.huber_loss(output, y)`."""
    distance = np.abs(output - y)
    near = np.minimum(distance, 1)                   # within δ
    terms: Array = near * near / 2 + (distance - near)
    return terms


def huber_derivative(output: Array, y: Array) -> Array:
    """∂ℓ/∂ŷ = d for |d| ≤ δ, else δ sign(d)   (n, k)."""
    return np.clip(output - y, -1, 1)


def hinge(output: Array, y: Array) -> Array:
    """ℓ = max(0, 1 − y ŷ) of scores ŷ, for targets y of 1 or −1: 0 from a margin of 1 on; in PyTorch `F.relu(1 - y * output)`."""
    return np.maximum(1 - y * output, 0)


def hinge_derivative(output: Array, y: Array) -> Array:
    """∂ℓ/∂ŷ = −y for y ŷ < 1, else 0   (n, k); at y ŷ = 1, where there is no derivative, 0 as in PyTorch."""
    return np.where(1 - y * output > 0, -y, 0).astype(output.dtype)


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("half_mse", half_mse, half_mse_derivative),
        Loss("mse", mse, mse_derivative),
        Loss("sse", sse, mse_derivative, over="records"),
        Loss("l1", l1, l1_derivative),
        Loss("huber", huber, huber_derivative),
        Loss("smooth_l1", huber, huber_derivative),      # ½ d² / β for |d| ≤ β, else |d| − ½ β: huber / δ, at β = δ = 1 the same
        Loss("hinge", hinge, hinge_derivative),
        Loss("bce", bce, bce_derivative),
        Loss("bce_with_logits", bce_with_logits, bce_with_logits_derivative),
        Loss("cross_entropy", cross_entropy, cross_entropy_derivative, over="records"),
    )
}

TAKES_CLASSES = frozenset({"cross_entropy"})      # losses whose targets may be class indices (n,)
