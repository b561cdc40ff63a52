"""Training: full-batch epochs, and a batch's gradients accumulated over parts of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array
from .checks import check_records
from .network import Network
from .optimizers import SGD
from .update import Update


def train(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int,
    lr: float | None = None,
    loss: str = "half_mse",
    reduction: str = "mean",
    optimizer: Update | None = None,
) -> list[float]:
    """Train full-batch on inputs x (n, in) and targets y (n, k), and return each epoch's loss, taken before its update.

    The update is gradient descent with learning rate `lr`, or the `optimizer`. Raises ValueError unless exactly one of the two is set.
    `manual.fast.train` takes the same steps of plain gradient descent, several times as fast.
    """
    if lr is not None and optimizer is None:
        optimizer = SGD(lr)
    elif lr is not None or optimizer is None:
        raise ValueError(f"lr is {lr} and optimizer {optimizer}; expected one of them")
    losses = []
    for _ in range(epochs):
        _, value, grads = network.gradients(x, y, loss, reduction=reduction)
        optimizer.step(network, grads)
        losses.append(float(value))
    return losses


def accumulated_gradients(
    network: Network,
    x: Array,
    y: Any,
    loss: str = "half_mse",
    *,
    parts: int,
    reduction: str = "mean",
    masks: Mapping[str, Any] | None = None,
) -> tuple[Array, Array, dict[str, Array]]:
    """Return what `network.gradients` returns for the batch, accumulated over `parts` of it, as equal in size as possible.

    A part's mean is weighted by its share of the records, so that the sum is the whole batch's mean. Raises ValueError for no records.
    """
    check_records(len(x))
    outputs, values, grads = [], [], {name: np.zeros_like(array) for name, array in network.parameters().items()}
    for rows in np.array_split(np.arange(len(x)), min(parts, len(x))):
        share = len(rows) / len(x) if reduction != "sum" else 1.0
        part = None if masks is None else {index: mask[rows] for index, mask in masks.items()}
        output, value, part_grads = network.gradients(x[rows], y[rows], loss, reduction=reduction, masks=part, weight=share)
        outputs.append(output)
        values.append(value)
        for name, grad in part_grads.items():
            grads[name] += grad                          # ∂L/∂w = Σ ∂((nᵢ/n) Lᵢ)/∂w
    return np.concatenate(outputs), np.asarray(sum(values), network.dtype), grads
