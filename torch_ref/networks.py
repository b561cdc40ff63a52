"""Whole networks: compositions of the layers here; `draw(shape)` makes the tensor of a weight, a bias or a norm's β."""

from collections.abc import Callable

from torch import Tensor, nn

from .activations import ACTIVATIONS
from .attention import MultiheadAttention
from .convolution import Conv2d
from .embedding import Embedding, PositionalEmbedding, TiedEmbedding
from .gru import GRU
from .layers import Activate, Flatten, Linear
from .lstm import LSTM
from .nesting import Residual, Sequential
from .normalization import LayerNorm
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


def lstm(draw: Draw) -> Sequential:
    """Digits of images (n, 8, 8), row after row, as logits (n, 10)."""
    return Sequential(
        LSTM(draw(128, 8), draw(128, 32), draw(128), draw(128), last=True),
        Linear(draw(10, 32), draw(10)),
    )


def gru(draw: Draw) -> Sequential:
    """Digits of images (n, 8, 8), row after row, as logits (n, 10)."""
    return Sequential(
        GRU(draw(96, 8), draw(96, 32), draw(96), draw(96), last=True),
        Linear(draw(10, 32), draw(10)),
    )


def gpt(draw: Draw, *, words: int, length: int, units: int = 32, heads: int = 4) -> TiedEmbedding:
    """What follows each of the words (n, T) of texts, as logits (n, T, words), in two blocks; after Radford and others, 2019.

    T is at most the `length`.
    """
    inner = Sequential(
        PositionalEmbedding(draw(length, units)),
        *block(draw, units, heads),
        *block(draw, units, heads),
        LayerNorm(1 + draw(units), draw(units)),
    )
    return TiedEmbedding(Embedding(draw(words, units)), inner)


def block(draw: Draw, units: int, heads: int) -> tuple[Residual, Residual]:
    """Attention to the places before, and two layers at each place, on inputs of shape (n, T, units)."""
    attention = MultiheadAttention(
        heads, draw(3 * units, units), draw(3 * units), Linear(draw(units, units), draw(units)), causal=True
    )
    layers = (
        Linear(draw(4 * units, units), draw(4 * units)),
        Activate(ACTIVATIONS["gelu"]),
        Linear(draw(units, 4 * units), draw(units)),
    )
    return (
        Residual(Sequential(LayerNorm(1 + draw(units), draw(units)), attention)),
        Residual(Sequential(LayerNorm(1 + draw(units), draw(units)), *layers)),
    )


NETWORKS: dict[str, Callable[..., nn.Module]] = {"lenet": lenet, "autoencoder": autoencoder, "lstm": lstm, "gru": gru, "gpt": gpt}
