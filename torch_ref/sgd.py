"""Gradient descent by hand: w ← w + Δw with Δw = −lr · ∂L/∂w, the gradients being autograd's."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torch_ref.network import Network
from torch_ref.settings import exact_settings


class SGD:
    """Plain gradient descent with learning rate `lr`."""

    def __init__(self, lr: float) -> None:
        self.lr = lr

    @torch.no_grad()
    def step(self, network: Network, grads: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Change the network's parameters in place; returns each one's delta, with the sign it was added with."""
        deltas = {}
        for name, tensor in network.named_parameters():
            deltas[name] = -self.lr * grads[name]
            tensor.add_(deltas[name])
        return deltas


def train(network: Network, x: Any, y: Any, *, lr: float, epochs: int, loss: str = "half_mse") -> list[float]:
    """Full-batch gradient descent on inputs x (n, in) and targets y (n, k); returns each epoch's loss, before its update."""
    x, y = network.as_tensor(x), network.as_tensor(y)
    sgd = SGD(lr)
    losses = []
    with exact_settings(network.device):
        for _ in range(epochs):
            _, value, grads = network.gradients(x, y, loss)
            sgd.step(network, grads)
            losses.append(value)
    return [float(value) for value in losses]
