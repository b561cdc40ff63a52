"""Backpropagation by hand: a network, its backward pass and its update in NumPy alone.

Read it in this order: `activations` with `relu`, `losses`, `layers`, `nesting`, `network`, `update` with `schedules` and `clipping`,
`optimizers`, `training`; then `gelu` and `slopes`, `softmax`, `likelihoods` and `classification`, `dropout`, `adam` and `rmsprop`; then
`normalization`, `convolution` with `windows`, `pooling` and `channel_normalization`; then `embedding`, `attention` and `gating`; then
`recurrence`, `lstm` and `gru`; and at last whole `networks`. Every derivative is written out, with its equation and its shape. Parameters
carry PyTorch's `state_dict` names and layout: `0.weight` is (out, in).
"""

from . import fast as fast
from . import schedules as schedules
from .activations import ACTIVATIONS, Activation
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
from .layers import Activate, Flatten, Layer, Linear
from .losses import LOSSES, Loss
from .lstm import LSTM
from .nesting import Residual, Sequential
from .network import Network
from .networks import NETWORKS
from .normalization import NORMALIZATIONS, BatchNorm, LayerNorm, RMSNorm
from .optimizers import OPTIMIZERS, SGD
from .pooling import AvgPool2d, MaxPool2d
from .recurrence import RNN
from .rmsprop import Adagrad, RMSprop
from .slopes import ELU, LeakyReLU
from .state import load, save
from .training import accumulated_gradients, train
from .update import Groups, Optimizer, Update

__all__ = [
    "ACTIVATIONS",
    "Activate",
    "Activation",
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
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "Loss",
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
    "load",
    "save",
    "train",
]
