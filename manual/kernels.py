"""The activations as prepared NumPy calls that write into arrays made beforehand, for `fast.py`.

Every kernel takes four arrays: `a`, flat, which holds z; `spare`, free to use between its two lists of calls; `slope`, for the result;
and `one`, a scalar, −1 where the network runs mirrored, else 1. It returns two lists of calls: the first turns z into f(z) in place,
the second writes f′(z) into `slope`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import activations
from .activations import Activation, Array

Calls = list[tuple[Callable[..., object], tuple[Any, ...]]]      # functions with their arguments, to be called in order
Kernel = Callable[[Array, Array, Array, Array], tuple[Calls, Calls]]


def sigmoid(a: Array, spare: Array, slope: Array, one: Array) -> tuple[Calls, Calls]:
    """Turn z into σ(z) = 1 / (1 + e⁻ᶻ), or, mirrored, −z into −σ(z); σ′ = σ (1 − σ) in both cases."""
    mirror: Calls = [] if one < 0 else [(np.negative, (a, a))]
    function: Calls = [(np.exp, (a, a)), (np.add, (a, np.ones((), a.dtype), a)), (np.divide, (one, a, a))]
    return mirror + function, [(np.subtract, (one, a, slope)), (np.multiply, (slope, a, slope))]


def tanh(a: Array, spare: Array, slope: Array, one: Array) -> tuple[Calls, Calls]:
    """Turn z into tanh(z); tanh′ = 1 − tanh²."""
    return [(np.tanh, (a, a))], [(np.multiply, (a, a, slope)), (np.subtract, (one, slope, slope))]


def relu(a: Array, spare: Array, slope: Array, one: Array) -> tuple[Calls, Calls]:
    """Turn z into max(z, 0); NumPy takes the maximum of two arrays three times as fast as that of an array and a number."""
    return [(partial(np.maximum, out=a), (a, np.zeros_like(a)))], [(np.greater, (a, np.zeros((), a.dtype), slope))]


def leaky_relu(a: Array, spare: Array, slope: Array, one: Array) -> tuple[Calls, Calls]:
    """Turn z into max(z, 0.01 z); f′(z) = max(z > 0, 0.01)."""
    leak = np.full_like(a, 0.01)
    function: Calls = [(np.multiply, (a, leak, spare)), (partial(np.maximum, out=a), (a, spare))]
    return function, [(np.greater, (a, np.zeros((), a.dtype), slope)), (partial(np.maximum, out=slope), (slope, leak))]


def identity(a: Array, spare: Array, slope: Array, one: Array) -> tuple[Calls, Calls]:
    """Leave z: f′(z) = 1, and `fast.py` skips the product with it."""
    return [], []


def readable(activation: Activation, a: Array, spare: Array, slope: Array, one: Array) -> tuple[Calls, Calls]:
    """Run any other activation by its own two functions; `spare` holds z for the second."""

    def function() -> None:
        spare[:] = a
        a[:] = activation.function(spare)

    def derivative() -> None:
        slope[:] = activation.derivative(spare, a)  # type: ignore[misc]    # `fast.py` has checked that there is one

    return [(function, ())], [(derivative, ())]


KERNELS: dict[str, Kernel] = {"sigmoid": sigmoid, "tanh": tanh, "relu": relu, "leaky_relu": leaky_relu, "identity": identity}


def kernel_of(activation: Activation) -> Kernel:
    """Return the activation's kernel: the one of its name only if its functions are those that `activations` defines under that name."""
    own = [getattr(activations, name, None) for name in (activation.name, f"{activation.name}_derivative")]
    if activation.name in KERNELS and own == [activation.function, activation.derivative]:
        return KERNELS[activation.name]
    return partial(readable, activation)
