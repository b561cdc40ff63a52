"""The same network as an `nn.Module`: autograd computes every derivative; the update is by hand.

Its files and names are those of `manual`, so that the two read side by side; the derivations that `manual` has are absent here.
"""

from .activations import ACTIVATIONS
from .adam import Adam, AdamW
from .attention import MultiheadAttention
from .channel_normalization import BatchNorm2d, GroupNorm
from .classification import CrossEntropy, MultiMargin
from .clipping import clip_grad_norm, clip_grad_value
from .convolution import Conv1d, Conv2d
from .dropout import Dropout
from .embedding import Embedding, PositionalEmbedding, TiedEmbedding
from .gating import SwiGLU
from .gru import GRU
from .layers import Activate, Flatten, Linear
from .losses import LOSSES
from .lstm import LSTM
from .nesting import Residual, Sequential
from .network import Network
from .networks import NETWORKS
from .normalization import NORMALIZATIONS, BatchNorm, LayerNorm, RMSNorm
from .optimizers import OPTIMIZERS, SGD
from .pooling import AvgPool2d, MaxPool2d
from .recurrence import RNN
from .rmsprop import Adagrad, RMSprop
from .settings import exact_settings
from .slopes import ELU, LeakyReLU
from .state import load, save
from .training import accumulated_gradients, train
from .update import Groups, Optimizer, Update

__all__ = [
    "ACTIVATIONS",
    "Activate",
    "Adagrad",
    "Adam",
    "AdamW",
    "AvgPool2d",
    "BatchNorm",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "CrossEntropy",
    "Dropout",
    "ELU",
    "Embedding",
    "Flatten",
    "GRU",
    "GroupNorm",
    "Groups",
    "LOSSES",
    "LSTM",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "MultiMargin",
    "MultiheadAttention",
    "NETWORKS",
    "NORMALIZATIONS",
    "Network",
    "OPTIMIZERS",
    "Optimizer",
    "PositionalEmbedding",
    "RMSNorm",
    "RMSprop",
    "RNN",
    "Residual",
    "SGD",
    "Sequential",
    "SwiGLU",
    "TiedEmbedding",
    "Update",
    "accumulated_gradients",
    "clip_grad_norm",
    "clip_grad_value",
    "exact_settings",
    "load",
    "save",
    "train",
]
