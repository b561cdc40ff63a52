"""Activations a = f(z): PyTorch's own operators. softmax and log_softmax are over the last axis, all others elementwise."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def leaky_relu(z: Tensor) -> Tensor:
    """f(z) = z for z > 0, else 0.01 z."""
    return F.leaky_relu(z, 0.01)


def elu(z: Tensor) -> Tensor:
    """f(z) = z for z > 0, else eᶻ − 1."""
    return F.elu(z)


def gelu(z: Tensor) -> Tensor:
    """f(z) = z Φ(z), by erf."""
    return F.gelu(z, approximate="none")


def gelu_tanh(z: Tensor) -> Tensor:
    """f(z) = ½ z (1 + tanh(√(2/π) (z + 0.044715 z³)))."""
    return F.gelu(z, approximate="tanh")


def softplus(z: Tensor) -> Tensor:
    """f(z) = ln(1 + eᶻ).

    Above `threshold` PyTorch takes z itself. At its default, 20, that is still off by 2e-9; from 40 on, the two are equal in float64.
    """
    return F.softplus(z, threshold=40.0)


def softmax(z: Tensor) -> Tensor:
    """aᵢ = e^zᵢ / Σⱼ e^zⱼ over the last axis."""
    return F.softmax(z, dim=-1)


def log_softmax(z: Tensor) -> Tensor:
    """aᵢ = zᵢ − ln Σⱼ e^zⱼ over the last axis."""
    return F.log_softmax(z, dim=-1)


def identity(z: Tensor) -> Tensor:
    """f(z) = z: a linear unit."""
    return z


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "silu": F.silu,
    "softplus": softplus,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "identity": identity,
}
