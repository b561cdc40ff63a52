"""Losses L(ŷ, y), each beside its gradient ∂L/∂ŷ.

Both losses are means over all N = n·k elements of the output (n records, k outputs), as PyTorch's `reduction="mean"` takes them.
The lesson's loss is the half: with it the factor 2 of the square's derivative is gone, and Δw = lr · δ · a holds as the lesson prints it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from manual.activations import Array


@dataclass(frozen=True)
class Loss:
    """One loss: `function(output, y)` gives L, a scalar; `gradient(output, y)` gives ∂L/∂ŷ, (n, k) as the output."""

    name: str
    function: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]


def half_mse(output: Array, y: Array) -> Array:
    """L = (1/N) Σ ½ (y − ŷ)²; in PyTorch `0.5 * ((y - output) ** 2).mean()`."""
    return mse(output, y) / 2


def half_mse_gradient(output: Array, y: Array) -> Array:
    """∂L/∂ŷ = (ŷ − y) / N   (n, k)."""
    return (output - y) / output.size


def mse(output: Array, y: Array) -> Array:
    """L = (1/N) Σ (y − ŷ)²; in PyTorch `F.mse_loss(output, y)`."""
    error = y - output
    return np.asarray(np.mean(error * error))


def mse_gradient(output: Array, y: Array) -> Array:
    """∂L/∂ŷ = 2 (ŷ − y) / N   (n, k)."""
    return 2 * (output - y) / output.size


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("half_mse", half_mse, half_mse_gradient),
        Loss("mse", mse, mse_gradient),
    )
}
