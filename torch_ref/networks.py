"""Whole networks: compositions of the layers here; `draw(shape)` makes the tensor of a weight, a bias or a norm's β."""

from collections.abc import Callable

from torch import Tensor

from .activations import ACTIVATIONS
from .convolution import Conv2d
from .layers import Activate, Flatten, Linear
from .nesting import Sequential
from .pooling import MaxPool2d

Draw = Callable[..., Tensor]


def lenet(draw: Draw) -> Sequential:
    """Digits of images (n, 1, 8, 8), as logits (n, 10); after LeCun and others, *Gradient-based learning*, 1998."""
    return Sequential(
        Conv2d(draw(8, 1, 3, 3), draw(8), padding=1),
        Activate(ACTIVATIONS["relu"]),
        MaxPool2d(2),
        Conv2d(draw(16, 8, 3, 3), draw(16), padding=1),
        Activate(ACTIVATIONS["relu"]),
        MaxPool2d(2),
        Flatten(),
        Linear(draw(32, 64), draw(32)),
        Activate(ACTIVATIONS["relu"]),
        Linear(draw(10, 32), draw(10)),
    )


def autoencoder(draw: Draw) -> Sequential:
    """Images (n, 64) through 8 numbers each, and back; after Hinton and Salakhutdinov, *Reducing the dimensionality*, 2006."""
    return Sequential(
        Linear(draw(32, 64), draw(32)),
        Activate(ACTIVATIONS["tanh"]),
        Linear(draw(8, 32), draw(8)),
        Linear(draw(32, 8), draw(32)),
        Activate(ACTIVATIONS["tanh"]),
        Linear(draw(64, 32), draw(64)),
        Activate(ACTIVATIONS["sigmoid"]),
    )


NETWORKS = {"lenet": lenet, "autoencoder": autoencoder}
