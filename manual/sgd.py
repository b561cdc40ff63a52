"""Gradient descent by hand: w ← w + Δw with Δw = −lr · ∂L/∂w."""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from manual.activations import Array
from manual.network import Network


class SGD:
    """Plain gradient descent with learning rate `lr`."""

    def __init__(self, lr: float) -> None:
        self.lr = lr

    def step(self, network: Network, grads: Mapping[str, Array]) -> dict[str, Array]:
        """Change the network's parameters in place; returns each one's delta, with the sign it was added with."""
        deltas = {}
        for name, array in network.parameters().items():
            deltas[name] = -self.lr * grads[name]      # Δw = −lr · ∂L/∂w   (as w)
            array += deltas[name]                      # w ← w + Δw
        return deltas


def train(network: Network, x: ArrayLike, y: ArrayLike, *, lr: float, epochs: int, loss: str = "half_mse") -> list[float]:
    """Full-batch gradient descent on inputs x (n, in) and targets y (n, k); returns each epoch's loss, before its update."""
    sgd = SGD(lr)
    losses = []
    for _ in range(epochs):
        _, value, grads = network.gradients(x, y, loss)
        sgd.step(network, grads)
        losses.append(float(value))
    return losses
