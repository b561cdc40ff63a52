"""The drawn networks: each a module with its counterpart in plain NumPy, and batches for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from compare.support.arrays import Array
from tests.compare.numpy_networks.attention import attention, embedding, tied_output, with_places
from tests.compare.numpy_networks.convolution import convolution, flattened, max_pool, mean_pool
from tests.compare.numpy_networks.modules import GPT, LeNet, Normalising, Recurrent
from tests.compare.numpy_networks.normalisation import batch_norm, group_norm, layer_norm, rms_norm
from tests.compare.numpy_networks.passes import Back, Pass, activation, in_turn, linear, stage
from tests.compare.numpy_networks.recurrent import CELLS, recurrent
from tests.compare.numpy_networks.trainer import Forward

Draw = np.random.Generator


@dataclass(frozen=True)
class Network:
    """A module, its counterpart, its loss, and a function that draws a batch of n records.

    `positions` says whether a record has an output for each of its positions; `apart` is as `Trainer` has it.
    """

    module: nn.Module
    forward: Forward
    loss: str
    batch: Callable[[Draw, int], tuple[Array, Any]]
    positions: bool = False
    apart: bool = True


def pick(draw: Draw, *choices: Any) -> Any:
    """One of the choices."""
    return choices[draw.integers(len(choices))]


def classes_or_numbers(loss: str, draw: Draw, shape: tuple[int, ...], outputs: int) -> Any:
    """Targets of that shape that the loss takes."""
    if loss == "cross_entropy":
        return draw.integers(outputs, size=shape)
    y = draw.normal(size=(*shape, outputs))
    return (y > 0).astype(float) if loss == "bce_with_logits" else y


def convolutional(draw: Draw) -> Network:
    """Two convolutions with relu and pooling, and a linear layer."""
    channels = (pick(draw, 1, 2), int(draw.integers(2, 5)), int(draw.integers(2, 5)))
    size, classes, stride, mean = pick(draw, 6, 7, 8), int(draw.integers(2, 6)), pick(draw, 1, 1, 2), pick(draw, True, False)
    size += 6 * (stride == 2)
    loss = pick(draw, "cross_entropy", "mse", "bce_with_logits")
    module = LeNet(channels, size, classes, stride=stride, bias=pick(draw, True, True, False), mean=mean)

    def forward(p: Pass, x: Array) -> tuple[Array, Back]:
        return in_turn(
            partial(convolution, p, "conv1", stride=stride, padding=1),
            partial(activation, p, "relu1", name="relu"),
            partial(max_pool, p, "pool1"),
            partial(convolution, p, "conv2"),
            partial(activation, p, "relu2", name="relu"),
            partial(mean_pool if mean else max_pool, p, "pool2"),
            flattened,
            partial(linear, p, "linear"),
        )(x)

    def batch(draw: Draw, n: int) -> tuple[Array, Any]:
        return draw.normal(size=(n, channels[0], size, size)), classes_or_numbers(loss, draw, (n,), classes)

    return Network(module, forward, loss, batch)


def beside(branch: Callable[[Array], tuple[Array, Back]]) -> Callable[[Array], tuple[Array, Back]]:
    """x + f(x)."""
    def forward(x: Array) -> tuple[Array, Back]:
        out, back = branch(x)
        return x + out, lambda error: error + back(error)

    return forward


@stage
def block(p: Pass, path: str, x: Array, heads: int, gelu: str) -> tuple[Array, Back]:
    """A GPT's block."""
    mixing = in_turn(partial(layer_norm, p, f"{path}.norm1"), partial(attention, p, f"{path}.attention", heads=heads))
    thinking = in_turn(
        partial(layer_norm, p, f"{path}.norm2"),
        partial(linear, p, f"{path}.up"),
        partial(activation, p, f"{path}.gelu", name=gelu),
        partial(linear, p, f"{path}.down"),
    )
    return in_turn(beside(mixing), beside(thinking))(x)


def gpt(draw: Draw) -> Network:
    """One or two blocks of causal attention between an embedding and the same table."""
    tokens, times, heads, blocks = int(draw.integers(4, 10)), int(draw.integers(2, 7)), pick(draw, 1, 2, 3), pick(draw, 1, 1, 2)
    width, approximate = heads * pick(draw, 2, 4), pick(draw, "none", "tanh")
    options = {"bias": pick(draw, True, False), "fused": pick(draw, True, False), "approximate": approximate}
    module, gelu = GPT(tokens, times, width, heads, blocks, **options), "gelu" if approximate == "none" else "gelu_tanh"

    def forward(p: Pass, x: Array) -> tuple[Array, Back]:
        return in_turn(
            partial(embedding, p, "tokens"),
            partial(with_places, p, "places"),
            *(partial(block, p, f"blocks.{i}", heads=heads, gelu=gelu) for i in range(blocks)),
            partial(layer_norm, p, "norm"),
            partial(tied_output, p, "tokens.weight"),
        )(x)

    def batch(draw: Draw, n: int) -> tuple[Array, Any]:
        return draw.integers(tokens, size=(n, times)), draw.integers(tokens, size=(n, times))

    return Network(module, forward, "cross_entropy", batch, positions=True)


def the_last(x: Array) -> tuple[Array, Back]:
    """The last time of (n, t, units)."""
    def back(error: Array) -> Array:
        before = np.zeros_like(x)
        before[:, -1] = error
        return before

    return x[:, -1], back


def of_sequences(draw: Draw) -> Network:
    """An LSTM or a GRU, and a linear layer."""
    kind, last, layers = pick(draw, *CELLS), pick(draw, True, False), pick(draw, 1, 1, 2)
    inputs, units, outputs, times = (int(n) for n in draw.integers((1, 2, 2, 2), (5, 6, 5, 7)))
    loss = pick(draw, "cross_entropy", "mse", "huber") if last else "cross_entropy"
    module = Recurrent(kind, inputs, units, outputs, layers, bias=pick(draw, True, True, False), last=last)

    def forward(p: Pass, x: Array) -> tuple[Array, Back]:
        ends = [the_last] if last else []
        return in_turn(partial(recurrent, p, "rnn", cell=CELLS[kind], layers=layers), *ends, partial(linear, p, "head"))(x)

    def batch(draw: Draw, n: int) -> tuple[Array, Any]:
        return draw.normal(size=(n, times, inputs)), classes_or_numbers(loss, draw, (n,) if last else (n, times), outputs)

    return Network(module, forward, loss, batch, positions=not last)


def normalising(draw: Draw) -> Network:
    """A convolution and linear layers, with batch, group, layer or RMS normalisation."""
    first, second = pick(draw, "batch", "1", "2"), pick(draw, "batch", "layer", "rms")
    channels, size = 2 * int(draw.integers(1, 3)), pick(draw, 5, 6)
    width, outputs = (int(n) for n in draw.integers((2, 2), (8, 5)))
    loss = pick(draw, "cross_entropy", "mse", "huber")
    module = Normalising(channels, width, outputs, size, first, second, bias=pick(draw, True, False))
    norm1: Any = batch_norm if first == "batch" else partial(group_norm, groups=int(first))
    norm2: Any = {"batch": batch_norm, "layer": layer_norm, "rms": rms_norm}[second]

    def forward(p: Pass, x: Array) -> tuple[Array, Back]:
        return in_turn(
            partial(convolution, p, "conv"),
            partial(norm1, p, "norm1"),
            partial(activation, p, "silu", name="silu"),
            partial(mean_pool, p, "pool"),
            flattened,
            partial(linear, p, "up"),
            partial(norm2, p, "norm2"),
            partial(activation, p, "silu2", name="silu"),
            partial(linear, p, "head"),
        )(x)

    def batch(draw: Draw, n: int) -> tuple[Array, Any]:
        return draw.normal(size=(n, 2, size, size)), classes_or_numbers(loss, draw, (n,), outputs)

    return Network(module, forward, loss, batch, apart="batch" not in (first, second))


NETWORKS = {"convolutional": convolutional, "attention": gpt, "recurrent": of_sequences, "normalising": normalising}


def drawn_network(kind: str, seed: int) -> Network:
    """A network of that kind, with its initial parameters."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return NETWORKS[kind](np.random.default_rng((seed, 2)))
