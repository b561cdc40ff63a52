"""The lesson's loops, compiled by Numba: over units, over the units that each one reads, and innermost over records.

A network is its units in order, inputs first. A row of `units` describes one that is not an input: it reads the units from `first` to
before `last`, its weight on unit i is w[at + i], its bias is w[bias], or none if −1, and `kind` is its activation.
Arrays are (units, records): the processor takes several numbers at once that lie side by side.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .exponential import sigmoid, tanh
from .relu import LEAK

IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU = range(5)      # kinds

BLOCK = 520      # records that go through the network together, so that their numbers stay in the cache

# A product and a sum may be rounded as one, and sums over records be taken in any order: this changes nothing but the rounding.
_in_any_order = numba.njit(error_model="numpy", fastmath={"contract", "reassoc"})


def _kept(function: Any) -> Any:
    """Compile it once, into a cache beside this file or in the user's folder, or in each process where neither can be written."""
    try:
        return numba.njit(error_model="numpy", fastmath={"contract", "reassoc"}, cache=True)(function)
    except RuntimeError:
        return _in_any_order(function)


@_in_any_order
def activate(kind: int, z: Array) -> None:
    """Turn z into a = f(z)."""
    if kind == SIGMOID:
        for n in range(len(z)):
            z[n] = sigmoid(z[n])
    elif kind == TANH:
        for n in range(len(z)):
            z[n] = tanh(z[n])
    elif kind == RELU:
        for n in range(len(z)):
            z[n] = max(z[n], 0)
    elif kind == LEAKY_RELU:
        for n in range(len(z)):
            z[n] = max(z[n], LEAK * z[n])


@_in_any_order
def to_delta(kind: int, a: Array, error: Array) -> None:
    """Turn ∂L/∂a into δ = ∂L/∂a · f′(z), where f′(z) follows from a."""
    if kind == SIGMOID:
        for n in range(len(a)):
            error[n] *= a[n] * (1 - a[n])
    elif kind == TANH:
        for n in range(len(a)):
            error[n] *= 1 - a[n] * a[n]
    elif kind == RELU:
        for n in range(len(a)):
            error[n] *= 1 if a[n] > 0 else 0
    elif kind == LEAKY_RELU:
        for n in range(len(a)):
            error[n] *= 1 if a[n] > 0 else LEAK


@_in_any_order
def add(w: float, source: Array, target: Array) -> None:
    """Add w · source to target."""
    for n in range(len(source)):
        target[n] += w * source[n]


@_in_any_order
def dot(one: Array, other: Array) -> float:
    """Return Σₙ one · other."""
    total = 0.0
    for n in range(len(one)):
        total += one[n] * other[n]
    return total


@_in_any_order
def transpose(rows: Array, columns: Array) -> None:
    """Copy an array (records, units) into one (units, records)."""
    values, width = rows.ravel(), len(columns)
    for i in range(width):
        for n in range(len(rows)):
            columns[i, n] = values[n * width + i]


@_in_any_order
def forward(w: Array, units: NDArray[np.int64], a: Array) -> None:
    """Compute all units from the inputs, which stand in the first rows of a (units, m)."""
    inputs = len(a) - len(units)
    for u in range(inputs, len(a)):
        first, last, at, bias, kind = units[u - inputs]
        a[u] = w[bias] if bias >= 0 else 0
        for i in range(first, last):
            add(w[at + i], a[i], a[u])                       # z = Σᵢ wᵢ aᵢ + b
        activate(kind, a[u])                                 # a = f(z)


@_in_any_order
def backward(w: Array, grads: Array, units: NDArray[np.int64], a: Array, errors: Array, scale: float) -> None:
    """Add `scale` times the gradients to `grads`, from the outputs' errors, which stand in the last rows of `errors`, and 0 above them."""
    inputs = len(a) - len(units)
    for u in range(len(a) - 1, inputs - 1, -1):
        first, last, at, bias, kind = units[u - inputs]
        to_delta(kind, a[u], errors[u])                      # δ = ∂L/∂a · f′(z)
        for i in range(first, last):
            grads[at + i] += scale * dot(errors[u], a[i])    # ∂L/∂wᵢ = Σₙ δ aᵢ
            if i >= inputs:
                add(w[at + i], errors[u], errors[i])         # ∂L/∂aᵢ = Σᵤ wᵤᵢ δᵤ
        if bias >= 0:
            total = 0.0
            for n in range(a.shape[1]):
                total += errors[u, n]
            grads[bias] += scale * total                     # ∂L/∂b = Σₙ δ


@_kept
def descend(w: Array, deltas: Array, units: NDArray[np.int64], x: Array, y: Array, memory: Array, scale: float, epochs: int) -> Any:
    """Make `epochs` steps w ← w + Δw, Δw = scale · ∂(½ Σ (ŷ − y)²)/∂w, and return each one's Σ (ŷ − y)², taken before its update."""
    inputs, outputs, rows = x.shape[1], y.shape[1], x.shape[1] + len(units)
    squares = np.zeros(epochs)
    for epoch in range(epochs):
        deltas[:] = 0
        for start in range(0, len(x), BLOCK):
            m = min(BLOCK, len(x) - start)
            arrays = memory[: 2 * rows * m].reshape(2, rows, m)
            targets = memory[2 * rows * m : (2 * rows + outputs) * m].reshape(outputs, m)
            a, errors = arrays[0], arrays[1]
            if epoch == 0 or len(x) > BLOCK:
                transpose(x[start : start + m], a[:inputs])
                transpose(y[start : start + m], targets)
            forward(w, units, a)
            errors[inputs:] = 0
            for k in range(outputs):
                output, error = a[rows - outputs + k], errors[rows - outputs + k]
                for n in range(m):
                    error[n] = output[n] - targets[k, n]     # ∂L/∂ŷ = ŷ − y, but for the scale
                squares[epoch] += dot(error, error)
            backward(w, deltas, units, a, errors, scale)
        for i in range(len(w)):
            w[i] += deltas[i]                                # w ← w + Δw
    return squares
