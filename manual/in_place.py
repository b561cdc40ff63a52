"""The steps of `fast` in NumPy, for large layers, whose time goes into matrix products, and for all where Numba is not installed.

Each call writes into an array made before, so that a step allocates next to nothing. Arrays are (units, records), so that the product
with a small weight has its long side last. Many records go through in blocks, so that the memory needed does not grow with their number.
"""

from itertools import pairwise

import numpy as np

from .activations import ACTIVATIONS, Activation
from .arrays import Array
from .layers import Activate, Linear
from .network import Network, named_views

BLOCK = 1024 * 1024      # bytes that the arrays of a block of records take;
RECORDS = 1024           # but a longer batch is not cut into blocks of fewer records than about half of this


class InPlace:
    """Steps of gradient descent on n records, on the network's own parameters: Δw = scale · ∂(½ Σ (ŷ − y)²)/∂w, in `deltas`, flat."""

    def __init__(self, network: Network, n: int, scale: float) -> None:
        self.flat, self.deltas = network.flat, np.zeros_like(network.flat)
        count = -(-n // max(RECORDS, BLOCK // (3 * sum(network.sizes) * network.dtype.itemsize)))
        self._share = self.deltas if count == 1 else np.zeros_like(self.deltas)      # a block's part of Δw
        rows = [slice(*ends) for ends in pairwise(n * i // count for i in range(count + 1))]
        blocks = {m: Block(network, self._share, m, scale) for m in {each.stop - each.start for each in rows}}
        self._blocks = [(blocks[each.stop - each.start], each) for each in rows]

    def train(self, x: Array, y: Array, epochs: int) -> list[float]:
        """Make `epochs` steps on inputs x (n, in) and targets y (n, k), and return each one's Σ (ŷ − y)², taken before its update."""
        if len(self._blocks) == 1:
            self._blocks[0][0].load(x, y)
        with np.errstate(over="ignore"):      # e⁻ᶻ = ∞ for z below −709, and 1 / (1 + ∞) is 0, as it should be
            return [self._step(x, y) for _ in range(epochs)]

    def _step(self, x: Array, y: Array) -> float:
        if len(self._blocks) == 1:
            squares = self._blocks[0][0].run()
        else:
            squares = 0.0
            self.deltas[:] = 0
            for block, rows in self._blocks:
                block.load(x[rows], y[rows])
                squares += block.run()
                self.deltas += self._share
        self.flat += self.deltas                                          # w ← w + Δw
        return squares


class Block:
    """A forward and a backward pass over m records, which write Δw into `deltas`, flat."""

    def __init__(self, network: Network, deltas: Array, m: int, scale: float) -> None:
        steps = named_views(deltas, {name: array.shape for name, array in network.parameters().items()})
        linear = [layer for layer in network.layers if isinstance(layer, Linear)]
        activations = [layer.activation for layer in network.layers if isinstance(layer, Activate)]
        self._a = [np.empty((units, m), network.dtype) for units in network.sizes]      # x, and each layer's z, then a = f(z)
        self._y = np.empty_like(self._a[-1])
        self._scale = np.array(scale, network.dtype)
        self._passes = [
            Pass(layer, activation, a_in, a, steps[f"{2 * i}.weight"], steps.get(f"{2 * i}.bias"))
            for i, (layer, activation, (a_in, a)) in enumerate(zip(linear, activations, pairwise(self._a), strict=True))
        ]

    def load(self, x: Array, y: Array) -> None:
        """Copy in inputs x (m, in) and targets y (m, k)."""
        np.copyto(self._a[0], x.T, casting="unsafe")
        np.copyto(self._y, y.T, casting="unsafe")

    def run(self) -> float:
        """Make both passes, and return Σ (ŷ − y)²."""
        for each in self._passes:
            each.forward()
        error = self._passes[-1].error
        np.subtract(self._a[-1], self._y, error)                          # ŷ − y                (k, m)
        squares = float(np.vdot(error, error))
        np.multiply(error, self._scale, error)                            # few numbers: then the products yield Δw, many numbers
        for i in reversed(range(len(self._passes))):
            self._passes[i].backward(self._passes[i - 1].error if i > 0 else None)
        return squares


class Pass:
    """A linear layer and its activation: forward from `a_in` to `a`, backward from `error` = ∂L/∂a to Δw and the error at the input."""

    def __init__(self, linear: Linear, activation: Activation, a_in: Array, a: Array, weight_step: Array, bias_step: Array | None) -> None:
        self.weight, self.bias, self.weight_step, self.bias_step = linear.weight, linear.bias, weight_step, bias_step
        self.activation, self.a_in, self.a = activation, a_in, a
        self.is_sigmoid, self.is_relu = activation == ACTIVATIONS["sigmoid"], activation == ACTIVATIONS["relu"]
        self.error, self.spare = np.empty_like(a), np.empty_like(a)
        self.one, self.ones = np.ones((), a.dtype), np.ones(a.shape[1], a.dtype)      # NumPy takes an array faster than a number

    def forward(self) -> None:
        """Write z = W a + b into `a`, and turn it into f(z); `spare` is left to `backward`."""
        a = self.a
        self.weight.dot(self.a_in, a)                                     # z = W a              (out, m)
        if self.bias is not None:
            np.add(a, self.bias[:, None], a)                              # z = W a + b
        if self.is_sigmoid:
            np.negative(a, a)
            np.exp(a, a)
            np.add(a, self.one, a)
            np.divide(self.one, a, a)                                     # σ(z) = 1 / (1 + e⁻ᶻ)
        elif self.is_relu:
            self.spare.fill(0)
            np.maximum(a, self.spare, out=a)                              # relu(z) = max(z, 0)
        else:
            np.copyto(self.spare, a)
            np.copyto(a, self.activation.function(self.spare))

    def backward(self, error_in: Array | None) -> None:
        """Turn `error` into δ, and write Δw, and the error at the input into `error_in`, if given."""
        a, delta, slope = self.a, self.error, self.spare
        if self.is_sigmoid:
            np.subtract(self.one, a, slope)
            np.multiply(slope, a, slope)                                  # σ′ = σ (1 − σ)
        elif self.is_relu:
            np.greater(a, 0, slope)                                       # 1 for z > 0, else 0
        elif self.activation.derivative is not None:
            slope = self.activation.derivative(self.spare, a)
        np.multiply(delta, slope, delta)                                  # δ = ∂L/∂a ∘ f′(z)    (out, m)
        delta.dot(self.a_in.T, self.weight_step)                          # ∂L/∂W = δ aᵀ         (out, in)
        if self.bias_step is not None:
            delta.dot(self.ones, self.bias_step)                          # ∂L/∂b = Σₘ δ         (out,)
        if error_in is not None:
            self.weight.T.dot(delta, error_in)                            # ∂L/∂a = Wᵀ δ         (in, m)
