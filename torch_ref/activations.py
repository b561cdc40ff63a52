"""Activations a = f(z), elementwise: PyTorch's own operators."""

from collections.abc import Callable

import torch
from torch import Tensor


def identity(z: Tensor) -> Tensor:
    """f(z) = z: a linear unit."""
    return z


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": identity,
}
