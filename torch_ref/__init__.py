"""The same network as an `nn.Module`: every derivative is left to autograd, the update is by hand.

File by file, and name by name, this reads beside `manual`. What `manual` derives, this package does not even mention.
"""

from torch_ref.activations import ACTIVATIONS
from torch_ref.layers import Elementwise, Linear
from torch_ref.losses import LOSSES
from torch_ref.network import Network
from torch_ref.settings import exact_settings
from torch_ref.sgd import SGD, train

__all__ = ["ACTIVATIONS", "Elementwise", "LOSSES", "Linear", "Network", "SGD", "exact_settings", "train"]
