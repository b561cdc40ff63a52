"""The same network as an `nn.Module`: every derivative is left to autograd, the update is by hand.

File by file, and name by name, this reads beside `manual`. What `manual` derives, this package does not even mention.
"""

from torch_ref.activations import ACTIVATIONS
from torch_ref.layers import Activate, Dropout, Linear
from torch_ref.losses import LOSSES
from torch_ref.network import Network
from torch_ref.normalization import NORMALIZATIONS, BatchNorm, LayerNorm
from torch_ref.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer
from torch_ref.settings import exact_settings
from torch_ref.state import load, save
from torch_ref.training import accumulated_gradients, train

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
