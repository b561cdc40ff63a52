"""Activations a = f(z), each one of PyTorch's own operators; softmax and log_softmax act over the last axis, all others elementwise."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor


def identity(z: Tensor) -> Tensor:
    """f(z) = z: a linear unit."""
    return z


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": partial(F.leaky_relu, negative_slope=0.01),
    "elu": F.elu,
    "gelu": partial(F.gelu, approximate="none"),          # z Φ(z), by erf
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
    "softplus": partial(F.softplus, threshold=40.0),      # above it PyTorch returns z: off by 2e-9 at the default, 20; equal at 40
    "softmax": partial(F.softmax, dim=-1),
    "log_softmax": partial(F.log_softmax, dim=-1),
    "identity": identity,
}
