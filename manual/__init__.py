"""Backpropagation by hand: a network, its backward pass and gradient descent in NumPy alone.

Read it in this order: `activations`, `losses`, `layers`, `network`, `sgd`. Every derivative is written out, with its equation
and its shape. Parameters carry PyTorch's `state_dict` names and layout: `0.weight` is (out, in).
"""

from manual.activations import ACTIVATIONS, Activation
from manual.layers import Elementwise, Linear
from manual.losses import LOSSES, Loss
from manual.network import Network
from manual.sgd import SGD, train

__all__ = ["ACTIVATIONS", "Activation", "Elementwise", "LOSSES", "Linear", "Loss", "Network", "SGD", "train"]
