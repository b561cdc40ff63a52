"""The same network as an `nn.Module`: every derivative is left to autograd, the update is by hand.

File by file, and name by name, this reads beside `manual`. What `manual` derives, this package does not even mention.
"""

from .activations import ACTIVATIONS
from .layers import Activate, Dropout, Linear
from .losses import LOSSES
from .network import Network
from .normalization import NORMALIZATIONS, BatchNorm, LayerNorm
from .optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer
from .settings import exact_settings
from .state import load, save
from .training import accumulated_gradients, train

__all__ = [
    "ACTIVATIONS",
    "Activate",
    "Adam",
    "AdamW",
    "BatchNorm",
    "Dropout",
    "LOSSES",
    "LayerNorm",
    "Linear",
    "NORMALIZATIONS",
    "Network",
    "OPTIMIZERS",
    "Optimizer",
    "SGD",
    "accumulated_gradients",
    "exact_settings",
    "load",
    "save",
    "train",
]
