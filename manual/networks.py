"""Whole networks: compositions of the layers here, small enough to be read at a glance and trained by hand in seconds.

`draw(out, in, …)` draws a weight of that shape, and `draw(units)` gives zeros, where biases begin; `drawing` makes such a function.
"""

from collections.abc import Callable

import numpy as np

from .activations import ACTIVATIONS
from .arrays import Array
from .attention import MultiheadAttention
from .convolution import Conv2d
from .embedding import Embedding, PositionalEmbedding, TiedEmbedding
from .gru import GRU
from .layers import Activate, Flatten, Layer, Linear
from .lstm import LSTM
from .nesting import Residual, Sequential
from .normalization import LayerNorm
from .pooling import MaxPool2d

Draw = Callable[..., Array]


def drawing(seed: int, dtype: str = "float64") -> Draw:
    """Return a function that draws weights from N(0, 1 / in), where in is the size of what makes one output (LeCun and others, 1998)."""
    generator = np.random.default_rng(seed)

    def draw(*shape: int) -> Array:
        scale = 0.0 if len(shape) == 1 else 1 / np.sqrt(np.prod(shape[1:]))
        weight: Array = (generator.normal(size=shape) * scale).astype(dtype)
        return weight

    return draw


def lenet(draw: Draw) -> Sequential:
    """Digits of images (n, 1, 8, 8), as logits (n, 10); after LeCun and others, *Gradient-based learning*, 1998."""
    return Sequential(
        Conv2d(draw(8, 1, 3, 3), draw(8), padding=1),            # (n, 8, 8, 8)
        Activate(ACTIVATIONS["relu"]),
        MaxPool2d(2),                                            # (n, 8, 4, 4)
        Conv2d(draw(16, 8, 3, 3), draw(16), padding=1),          # (n, 16, 4, 4)
        Activate(ACTIVATIONS["relu"]),
        MaxPool2d(2),                                            # (n, 16, 2, 2)
        Flatten(),                                               # (n, 64)
        Linear(draw(32, 64), draw(32)),
        Activate(ACTIVATIONS["relu"]),
        Linear(draw(10, 32), draw(10)),                          # (n, 10)
    )


def autoencoder(draw: Draw) -> Sequential:
    """Images (n, 64) through 8 numbers each, and back; after Hinton and Salakhutdinov, *Reducing the dimensionality*, 2006."""
    return Sequential(
        Linear(draw(32, 64), draw(32)),                          # (n, 32)
        Activate(ACTIVATIONS["tanh"]),
        Linear(draw(8, 32), draw(8)),                            # (n, 8): the code
        Linear(draw(32, 8), draw(32)),                           # (n, 32)
        Activate(ACTIVATIONS["tanh"]),
        Linear(draw(64, 32), draw(64)),                          # (n, 64)
        Activate(ACTIVATIONS["sigmoid"]),
    )


def lstm(draw: Draw) -> Sequential:
    """Digits of images (n, 8, 8), row after row, as logits (n, 10)."""
    return Sequential(
        LSTM(draw(128, 8), draw(128, 32), draw(128), draw(128), last=True),      # (n, 32): the state after the last row
        Linear(draw(10, 32), draw(10)),                          # (n, 10)
    )


def gru(draw: Draw) -> Sequential:
    """Digits of images (n, 8, 8), row after row, as logits (n, 10)."""
    return Sequential(
        GRU(draw(96, 8), draw(96, 32), draw(96), draw(96), last=True),           # (n, 32)
        Linear(draw(10, 32), draw(10)),                          # (n, 10)
    )


def gpt(draw: Draw, *, words: int, length: int, units: int = 32, heads: int = 4) -> TiedEmbedding:
    """What follows each of the words (n, T) of texts, as logits (n, T, words), in two blocks; after Radford and others, 2019.

    T is at most the `length`.
    """
    inner = Sequential(
        PositionalEmbedding(draw(length, units)),                # (n, T, units)
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
        Linear(draw(4 * units, units), draw(4 * units)),         # (n, T, 4 units)
        Activate(ACTIVATIONS["gelu"]),
        Linear(draw(units, 4 * units), draw(units)),             # (n, T, units)
    )
    return (
        Residual(Sequential(LayerNorm(1 + draw(units), draw(units)), attention)),
        Residual(Sequential(LayerNorm(1 + draw(units), draw(units)), *layers)),
    )


NETWORKS: dict[str, Callable[..., Layer]] = {"lenet": lenet, "autoencoder": autoencoder, "lstm": lstm, "gru": gru, "gpt": gpt}
