"""Layers made of layers: one after another, and beside what passes straight through."""

from torch import Tensor, nn


class Sequential(nn.Sequential):
    """Layers one after another: each takes the output of the one before."""


class Residual(nn.Module):
    """y = a + f(a), where f is a layer whose output has the shape of its input (He and others, 2015)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, a: Tensor) -> Tensor:
        """Return y, of the shape of a."""
        y: Tensor = a + self.layer(a)
        return y
