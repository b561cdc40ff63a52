"""What the layers of a network in plain NumPy work with: the ways to compute each place, drawn from a seed, and one pass's notes.

A layer is a function of the pass, its path, an input and whatever else; it returns its output and its way back, from the error at the
output, ∂L/∂output, to the error at the input, which adds the gradients of its parameters to the pass.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar
from zlib import crc32

import numpy as np

from compare.support.arrays import Array
from tests.compare.forms import forms, pullbacks
from tests.compare.sums import PRODUCTS, SUMS

T = TypeVar("T")
Back = Callable[[Array], Array]
Layer = Callable[..., tuple[Array, Back]]
Axes = tuple[int, ...]


class Ways:
    """One of the equal ways for each place where there are several, drawn from the seed and the place; `given` are drawn by hand."""

    def __init__(self, seed: int, given: Mapping[str, int] | None = None) -> None:
        self.seed, self.chosen = seed, dict(given or {})

    def choose(self, place: str, choices: Sequence[T]) -> T:
        """The place's own of these choices, the same one each time."""
        if place not in self.chosen:
            self.chosen[place] = int(np.random.default_rng((self.seed, crc32(place.encode()))).integers(len(choices)))
        return choices[self.chosen[place] % len(choices)]

    def product(self, place: str, a: Array, b: Array) -> Array:
        """The matrix product a b."""
        return self.choose(f"{place}: product", PRODUCTS)(a, b)

    def sum(self, place: str, a: Array, axes: Axes) -> Array:
        """The sum over these axes, which stay, of length 1."""
        axes = tuple(sorted(axis % a.ndim for axis in axes))
        others = tuple(axis for axis in range(a.ndim) if axis not in axes)
        last = a.transpose(*others, *axes).reshape(*(a.shape[axis] for axis in others), -1)
        total = self.choose(f"{place}: sum", SUMS)(last)
        return np.asarray(total, dtype=a.dtype).reshape([1 if axis in axes else n for axis, n in enumerate(a.shape)])

    def mean(self, place: str, a: Array, axes: Axes) -> Array:
        """The mean over these axes, which stay, of length 1."""
        n = int(np.prod([a.shape[axis] for axis in axes]))
        form = self.choose(f"{place}: mean", range(3))
        if form == 0:
            return self.sum(place, a, axes) / n
        if form == 1:
            return self.sum(place, a, axes) * (1 / n)
        return self.sum(place, a / n, axes)


@dataclass
class Pass:
    """One pass, forward and back: parameters and ways, and what it notes by path or name. Of buffers the new ones replace the old."""

    params: Mapping[str, Array]
    ways: Ways
    buffers: dict[str, Any] = field(default_factory=dict)
    training: bool = True
    grads: dict[str, Array] = field(default_factory=dict)
    activations: dict[str, Array] = field(default_factory=dict)
    errors: dict[str, Array] = field(default_factory=dict)

    def add(self, name: str, grad: Array) -> None:
        """Add to a parameter's gradient, if there is such a parameter."""
        if name in self.params:
            grad = grad.reshape(self.params[name].shape)
            self.grads[name] = self.grads[name] + grad if name in self.grads else grad


def stage(layer: Layer) -> Layer:
    """The same layer, which notes its output and the error at it by its path."""

    @wraps(layer)
    def noted(p: Pass, path: str, *inputs: Any, **options: Any) -> tuple[Array, Back]:
        out, back = layer(p, path, *inputs, **options)
        p.activations[path] = out

        def noted_back(error: Array) -> Array:
            p.errors[path] = error
            return back(error)

        return out, noted_back

    return noted


def affine(p: Pass, place: str, x: Array, weight: Array, bias: Array | None) -> Array:
    """z = x Wᵀ + b of records x (n, in)."""
    if bias is None:
        return p.ways.product(place, x, weight.T)
    form = p.ways.choose(f"{place}: bias", range(3))
    if form == 0:
        return p.ways.product(place, x, weight.T) + bias
    if form == 1:
        ones = np.ones((len(x), 1), dtype=x.dtype)      # [1 x] [b W]ᵀ
        return p.ways.product(place, np.hstack([ones, x]), np.hstack([bias[:, None], weight]).T)
    return np.stack([bias + p.ways.product(place, each[None], weight.T)[0] for each in x])      # record by record


def add_affine(p: Pass, path: str, x: Array, delta: Array, names: tuple[str, str] = ("weight", "bias")) -> None:
    """Add ∂L/∂W = δᵀ x and ∂L/∂b = Σ δ, of records x (n, in) and errors δ (n, out)."""
    weight, bias = (f"{path}.{name}" if path else name for name in names)
    p.add(weight, p.ways.product(f"{weight}, back", delta.T, x))
    p.add(bias, p.ways.sum(f"{bias}, back", delta, (0,)))


@stage
def linear(p: Pass, path: str, x: Array) -> tuple[Array, Back]:
    """z = x Wᵀ + b over the last axis."""
    weight, flat = p.params[f"{path}.weight"], x.reshape(-1, x.shape[-1])
    out = affine(p, path, flat, weight, p.params.get(f"{path}.bias"))

    def back(error: Array) -> Array:
        delta = error.reshape(-1, error.shape[-1])
        add_affine(p, path, flat, delta)
        return p.ways.product(f"{path}, back", delta, weight).reshape(x.shape)      # δ W

    return out.reshape(*x.shape[:-1], -1), back


@stage
def activation(p: Pass, path: str, z: Array, name: str) -> tuple[Array, Back]:
    """a = f(z)."""
    a = p.ways.choose(f"{path}: {name}", forms(name))(z)

    def back(error: Array) -> Array:
        return p.ways.choose(f"{path}, back: {name}", pullbacks(name))(error, z, a)

    return a, back


def in_turn(*layers: Callable[[Array], tuple[Array, Back]]) -> Callable[[Array], tuple[Array, Back]]:
    """The layers one after the other, and their way back, in reverse."""

    def forward(x: Array) -> tuple[Array, Back]:
        backs = []
        for layer in layers:
            x, one = layer(x)
            backs.append(one)

        def back(error: Array) -> Array:
            for one in reversed(backs):
                error = one(error)
            return error

        return x, back

    return forward
