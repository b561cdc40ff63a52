"""The steps of `fast` for small networks: the arguments of the compiled loops, made once."""

import numpy as np

from .activations import ACTIVATIONS
from .arrays import Array
from .layers import Activate, Linear
from .loops import BLOCK, descend
from .network import Network

KINDS = [ACTIVATIONS[name] for name in ("identity", "sigmoid", "tanh", "relu", "leaky_relu")]      # as `loops` numbers them

CALL = 10**8      # weights times records times epochs of one call, at most: an interrupt waits for its end
LINE = 64         # bytes that the cache takes together


class Compiled:
    """Steps of gradient descent on n records, on the network's own parameters: Δw = scale · ∂(½ Σ (ŷ − y)²)/∂w, in `deltas`, flat."""

    def __init__(self, network: Network, n: int, scale: float) -> None:
        self.flat, self.deltas, self._scale = network.flat, np.zeros_like(network.flat), float(scale)
        self._units = np.array(_units(network), np.int64)
        size = (2 * sum(network.sizes) + network.sizes[-1]) * min(n, BLOCK)
        memory = np.zeros(size + LINE // network.dtype.itemsize, network.dtype)
        self._memory = memory[-memory.ctypes.data % LINE // memory.itemsize :]      # from the start of a line

    def train(self, x: Array, y: Array, epochs: int) -> list[float]:
        """Make `epochs` steps on inputs x (n, in) and targets y (n, k), and return each one's Σ (ŷ − y)², taken before its update."""
        x, y = (np.ascontiguousarray(array, self.flat.dtype).view() for array in (x, y))
        x.flags.writeable = y.flags.writeable = False      # always: Numba compiles for each kind of argument
        per_call = max(1, CALL // (len(x) * len(self.flat)))
        squares: list[float] = []
        for done in range(0, epochs, per_call):
            arguments = self.flat, self.deltas, self._units, x, y, self._memory, self._scale
            squares += descend(*arguments, min(per_call, epochs - done)).tolist()
        return squares


def knows(network: Network) -> bool:
    """Return whether the loops have all activations of the network."""
    return all(layer.activation in KINDS for layer in network.layers if isinstance(layer, Activate))


def _units(network: Network) -> list[tuple[int, ...]]:
    linear = [layer for layer in network.layers if isinstance(layer, Linear)]
    kinds = [KINDS.index(layer.activation) for layer in network.layers if isinstance(layer, Activate)]
    units: list[tuple[int, ...]] = []
    first = start = 0
    for layer, kind in zip(linear, kinds, strict=True):
        n_out, n_in = layer.weight.shape
        biases = start + n_out * n_in
        for j in range(n_out):
            units.append((first, first + n_in, start + j * n_in - first, -1 if layer.bias is None else biases + j, kind))
        first += n_in
        start = biases + (0 if layer.bias is None else n_out)
    return units
