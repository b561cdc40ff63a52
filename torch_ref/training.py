"""Training: full-batch epochs, and a batch's gradients accumulated over parts of it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .checks import check_records
from .network import Network
from .optimizers import SGD
from .settings import exact_settings
from .update import Update


def train(
    network: Network,
    x: Any,
    y: Any,
    *,
    epochs: int,
    lr: float | None = None,
    loss: str = "half_mse",
    reduction: str = "mean",
    optimizer: Update | None = None,
) -> list[float]:
    """Train full-batch on inputs x (n, in) and targets y (n, k), and return each epoch's loss, taken before its update.

    The update is gradient descent with learning rate `lr`, or the `optimizer`. Raises ValueError unless exactly one of the two is set.
    """
    if lr is not None and optimizer is None:
        optimizer = SGD(lr)
    elif lr is not None or optimizer is None:
        raise ValueError(f"lr is {lr} and optimizer {optimizer}; expected one of them")
    x, y = network.as_tensor(x), network.as_targets(y)
    losses = []
    with exact_settings(network.device):
        for _ in range(epochs):
            _, value, grads = network.gradients(x, y, loss, reduction=reduction)
            optimizer.step(network, grads)
            losses.append(value)
    return [float(value) for value in losses]


def accumulated_gradients(
    network: Network,
    x: Tensor,
    y: Tensor,
    loss: str = "half_mse",
    *,
    parts: int,
    reduction: str = "mean",
    masks: Mapping[str, Any] | None = None,
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Return what `network.gradients` returns for the batch, accumulated over `parts` of it, as equal in size as possible.

    A part's mean is weighted by its share of the records, so that the sum is the whole batch's mean. Raises ValueError for no records.
    """
    check_records(len(x))
    outputs, values, grads = [], [], {name: torch.zeros_like(param.detach()) for name, param in network.parameters_by_name().items()}
    for rows in torch.tensor_split(torch.arange(len(x), device=x.device), min(parts, len(x))):
        share = len(rows) / len(x) if reduction != "sum" else 1.0
        part = None if masks is None else {index: network.as_mask(mask)[rows] for index, mask in masks.items()}
        output, value, part_grads = network.gradients(x[rows], y[rows], loss, reduction=reduction, masks=part, weight=share)
        outputs.append(output)
        values.append(value)
        for name, grad in part_grads.items():
            grads[name].add_(grad)
    return torch.cat(outputs), torch.stack(values).sum(), grads
