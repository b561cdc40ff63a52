"""The same training, fast: arrays and NumPy calls are prepared once; after that, a step is a list of calls.

`manual.fast.train` is a function of its own beside `manual.train`. It raises ValueError for networks that it does not know, and where its
step differs from that of `manual.train`, as when layers were edited. `Program` makes the steps that `network.gradients` and `SGD.step`
make, up to rounding. The tricks:

- No step allocates anything: each call writes where the next one reads.
- Arrays are (units, records), so that elementwise calls run over flat memory, and a small matrix product has its long side last.
- Parameters lie in one flat array, deltas in another: the update is one call. The output's error, few numbers, is scaled by −lr/N, so
  that the backward pass yields Δw itself, many numbers, in place of the weights' gradients.
- Where all units are sigmoid, everything runs mirrored, x, a, y and δ with their signs flipped: each z comes as −z, as e⁻ᶻ needs it.
- Consecutive elementwise calls take 64 KiB at a time, which stays in the cache; small layers, adjacent in memory, share a call.
- Many records go through in blocks, so that the memory needed does not grow with their number.
"""

from copy import deepcopy
from functools import cached_property
from itertools import accumulate
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from .activations import Array
from .kernels import Calls, Kernel, identity, kernel_of, sigmoid
from .layers import Activate, Linear
from .network import Network, named_views

CHUNK = 64 * 1024        # bytes that consecutive elementwise calls take at a time
BLOCK = 1024 * 1024      # bytes that the arrays of a block of records take;
RECORDS = 1024           # but a longer batch is not cut into blocks of fewer records than about half of this

_last: "WeakKeyDictionary[Network, dict[Any, Program]]" = WeakKeyDictionary()      # each network's last program, for its next call

_CHECKED, _ROUNDING = 8, 2**14      # records of the step that is checked, and allowed roundings of the largest number
FACTORS = {"half_mse": 1.0, "mse": 2.0}      # ∂L/∂ŷ = factor · (ŷ − y) / N, and L = factor/2 · Σ (ŷ − y)² / N


def train(network: Network, x: ArrayLike, y: ArrayLike, *, lr: float, epochs: int, loss: str = "half_mse") -> list[float]:
    """Train as `manual.train` does, full-batch on inputs x (n, in) and targets y (n, k), and return each epoch's loss.

    Raises ValueError for a network or a loss that it does not know, and where its steps differ from those of `manual.train`.
    """
    x, y = np.asarray(x), np.asarray(y)
    if not {x.dtype.kind, y.dtype.kind} <= set("fiub"):
        raise ValueError(f"x and y are {x.dtype} and {y.dtype}; expected numbers")
    if x.ndim != 2 or x.shape[1] != network.sizes[0] or y.shape != (len(x), network.sizes[-1]) or not len(x):
        expected = f"(n, {network.sizes[0]}) and (n, {network.sizes[-1]})"
        raise ValueError(f"x has shape {x.shape} and y has shape {y.shape}; expected {expected}, of at least one record")
    return program(network, loss, lr, len(x)).train(x, y, epochs)


def program(network: Network, loss: str, lr: float, n: int, *, with_grads: bool = False) -> "Program":
    """Return a program for steps of gradient descent on n records: the network's last one, if made for the same arguments.

    `with_grads` asks for the gradients too, which a step otherwise does not compute. Raises ValueError as `train` does.
    """
    last = _last.setdefault(network, {})
    key = (loss, lr, n, with_grads)
    if key not in last or last[key].flat is not network.flat:
        _check_known(network, loss)
        _check_step(network, loss)
        last.clear()
        last[key] = Program(network, loss, lr, n, with_grads)
    return last[key]


def _check_known(network: Network, loss: str) -> None:
    knows = "it knows linear layers with elementwise activations, and nothing between them; use manual.train"
    if type(network) is not Network:
        raise ValueError(f"the network is {type(network).__name__}; expected a manual.Network, for fast.train")
    for layer in network.layers:
        if type(layer) not in (Linear, Activate):
            raise ValueError(f"the network has a layer {type(layer).__name__}, which fast.train does not know: {knows}")
        if isinstance(layer, Activate) and layer.activation.derivative is None:
            raise ValueError(f"the activation {layer.activation.name} is not elementwise: {knows}")
    if loss not in FACTORS:
        raise ValueError(f"loss is {loss!r}; fast.train knows {', '.join(FACTORS)}: use manual.train")


def _check_step(network: Network, loss: str) -> None:
    """Compare one step on a few records, made both ways from the network's weights: the code that `manual.train` runs may be edited."""
    generator = np.random.default_rng(0)
    x, y = (generator.uniform(-1, 1, (_CHECKED, size)).astype(network.dtype) for size in (network.sizes[0], network.sizes[-1]))
    copied = deepcopy(network)
    own = Program(copied, loss, 1.0, _CHECKED, with_grads=True)
    with np.errstate(all="ignore"):
        _, _, grads = network.gradients(x, y, loss)
        own.step(x, y)
    assert own.grads is not None
    for name, gradient in own.by_name(own.grads).items():
        largest = max(float(np.abs(gradient).max()), float(np.abs(grads[name]).max()))
        gap = float(np.abs(gradient - grads[name]).max())
        if np.isfinite(largest) and gap > _ROUNDING * float(np.finfo(network.dtype).eps) * largest:
            why = "what manual.train runs was edited, or fast.py was"
            raise ValueError(f"fast.train's gradient of {name} is not manual.train's: they are {gap:.2g} apart: {why}; use manual.train")


class Program:
    """Steps of gradient descent on n records at a time, on a network's own parameters.

        program = fast.program(network, "half_mse", lr=0.5, n=len(x))
        program.step(x, y)
        program.loss, program.output, program.by_name(program.deltas)["0.weight"]

    `flat`, `deltas` and `grads` are flat arrays over all parameters, in the order of `state_dict`; `by_name` gives views of them. The
    program is bound to the arrays that the network has when it is made.
    """

    def __init__(self, network: Network, loss: str, lr: float, n: int, with_grads: bool = False) -> None:
        self.n, self.sizes, self.dtype = n, network.sizes, network.dtype
        self.flat = network.flat
        self._shapes = {name: array.shape for name, array in network.parameters().items()}
        self.deltas = np.empty_like(self.flat)
        self.grads = np.empty_like(self.flat) if with_grads else None
        self.loss = np.nan

        elements = n * network.sizes[-1]
        self._factor = FACTORS[loss] / 2 / elements
        scale = FACTORS[loss] / elements * (1 if with_grads else -lr)
        result = self.deltas if self.grads is None else self.grads

        item = network.dtype.itemsize
        per_record = item * (network.sizes[0] + 3 * sum(network.sizes[1:]) + network.sizes[-1])
        count = -(-n // max(RECORDS, BLOCK // per_record))
        self._in_one = count == 1
        part = result if self._in_one else np.empty_like(result)      # the result of a block
        self._before: Calls = []
        self._after: Calls = []
        if not self._in_one:
            self._before.append((result.fill, (0,)))
        if self.grads is not None:
            self._after.append((np.multiply, (self.grads, np.array(-lr, self.dtype), self.deltas)))      # Δw = −lr · ∂L/∂w
        self._after.append((np.add, (self.flat, self.deltas, self.flat)))                           # w ← w + Δw

        lengths = [n // count + (i < n % count) for i in range(count)]
        blocks = {m: Block(network, self.by_name(self.flat), self.by_name(part), m, scale) for m in set(lengths)}
        if not self._in_one:
            for block in blocks.values():
                block.calls.append((np.add, (result, part, result)))
        ends = np.cumsum(lengths).tolist()
        self._blocks = [(blocks[m], slice(end - m, end)) for m, end in zip(lengths, ends, strict=True)]

    def step(self, x: Array, y: Array) -> None:
        """Make one step on inputs x (n, in) and targets y (n, k); its results are in the program's arrays until the next step."""
        self._check(x, y)
        with np.errstate(over="ignore"):
            self.loss = self._step(x, y, self.output)

    def train(self, x: Array, y: Array, epochs: int) -> list[float]:
        """Make `epochs` steps on the same inputs and targets, and return each one's loss, taken before its update."""
        self._check(x, y)
        if self._in_one:
            self._blocks[0][0].load(x, y)
        with np.errstate(over="ignore"):      # e⁻ᶻ = ∞ for z below −709, and 1 / (1 + ∞) is 0, as it should be
            return [self._step(x, y) for _ in range(epochs)]

    @cached_property
    def output(self) -> Array:
        """ŷ (n, k) of the last step, before its update."""
        return np.empty((self.n, self.sizes[-1]), self.dtype)

    def by_name(self, flat: Array) -> dict[str, Array]:
        """Return views of a flat array by the parameters' names, in their shapes."""
        return named_views(flat, self._shapes)

    def _step(self, x: Array, y: Array, output: Array | None = None) -> float:
        for function, arguments in self._before:
            function(*arguments)
        squares = 0.0
        for block, rows in self._blocks:
            if output is not None or not self._in_one:
                block.load(x[rows], y[rows])
            for function, arguments in block.calls:
                function(*arguments)
            squares += block.squares.item()
            if output is not None:
                np.multiply(block.output.T, block.sign, output[rows])
        for function, arguments in self._after:
            function(*arguments)
        return squares * self._factor

    def _check(self, x: Array, y: Array) -> None:
        if x.shape != (self.n, self.sizes[0]) or y.shape != (self.n, self.sizes[-1]):
            expected = f"({self.n}, {self.sizes[0]}) and ({self.n}, {self.sizes[-1]})"
            raise ValueError(f"x and y have shapes {x.shape} and {y.shape}; expected {expected}")


class Block:
    """A forward and a backward pass over m records: `calls` make them, and write the result for each parameter into `results`.

    That result is the gradient of `scale` · ½ Σ (ŷ − y)².
    """

    def __init__(self, network: Network, params: dict[str, Array], results: dict[str, Array], m: int, scale: float) -> None:
        dtype, widths = network.dtype, network.sizes[1:]
        kernels = [kernel_of(layer.activation) for layer in network.layers if isinstance(layer, Activate)]
        mirrored = all(kernel is sigmoid for kernel in kernels)
        self.sign = np.array(-1 if mirrored else 1, dtype)
        signs = np.full(m, self.sign)
        add_bias = np.subtract if mirrored else np.add

        self._x, self._y = np.empty((network.sizes[0], m), dtype), np.empty((widths[-1], m), dtype)
        flat_a, flat_slope, flat_delta = np.empty((3, sum(widths) * m), dtype)      # of all layers, one after another
        ends = [end * m for end in accumulate(widths)]
        spans = [slice(end - width * m, end) for width, end in zip(widths, ends, strict=True)]
        a = [self._x, *(flat_a[span].reshape(-1, m) for span in spans)]             # layer i leads from a[i] to a[i + 1]
        delta = [flat_delta[span].reshape(-1, m) for span in spans]
        self.output, self.squares = a[-1], np.empty((), dtype)

        self.calls: Calls = []
        runs: list[tuple[Kernel, int, int]] = []      # stretches whose slopes are taken in one call
        rows = max(1, CHUNK // (m * dtype.itemsize))
        for i, (kernel, span) in enumerate(zip(kernels, spans, strict=True)):
            weight, bias = params[f"{2 * i}.weight"], params.get(f"{2 * i}.bias")
            self.calls.append((weight.dot, (a[i], a[i + 1])))                       # z = W a          (out, m)
            for top in range(0, widths[i], rows):
                z = a[i + 1][top : top + rows]
                if bias is not None:
                    self.calls.append((add_bias, (z, bias[top : top + rows, None], z)))
                start = span.start + top * m
                stop = start + z.size
                self.calls += kernel(flat_a[start:stop], flat_delta[start:stop], flat_slope[start:stop], self.sign)[0]
                if runs and runs[-1][0] is kernel and (stop - runs[-1][1]) * dtype.itemsize <= CHUNK:
                    start = runs.pop()[1]
                runs.append((kernel, start, stop))
        for kernel, start, stop in runs:
            self.calls += kernel(flat_a[start:stop], flat_delta[start:stop], flat_slope[start:stop], self.sign)[1]

        error = flat_delta[spans[-1]]
        self.calls.append((np.subtract, (flat_a[spans[-1]], self._y.reshape(-1), error)))      # ŷ − y
        self.calls.append((error.dot, (error, self.squares)))
        self.calls.append((np.multiply, (error, np.array(scale, dtype), error)))
        for i in reversed(range(len(widths))):
            if kernels[i] is not identity:
                flat = flat_delta[spans[i]]
                self.calls.append((np.multiply, (flat, flat_slope[spans[i]], flat)))           # δ = ∂L/∂a ∘ f′(z)   (out, m)
            self.calls.append((delta[i].dot, (a[i].T, results[f"{2 * i}.weight"])))            # ∂L/∂W = δ aᵀ        (out, in)
            if f"{2 * i}.bias" in results:
                self.calls.append((delta[i].dot, (signs, results[f"{2 * i}.bias"])))           # ∂L/∂b = Σₘ δ        (out,)
            if i > 0:
                self.calls.append((params[f"{2 * i}.weight"].T.dot, (delta[i], delta[i - 1])))     # ∂L/∂a = Wᵀ δ    (in, m)

    def load(self, x: Array, y: Array) -> None:
        """Copy in inputs x (m, in) and targets y (m, k)."""
        for own, array in (self._x, x), (self._y, y):
            if self.sign < 0:
                np.multiply(array.T, self.sign, out=own, casting="unsafe")
            else:
                np.copyto(own, array.T, casting="unsafe")
