"""The numbers of an engine: drawn operands, what they are called, and its objects' numbers in their shape."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from torch import Tensor

from ...support.arrays import Array

BESIDE = "PyTorch's autograd"
OWN = "the slope of its own forward, by differences"


def summed(made: Any) -> Any:
    """Return the sum of an object of arrays; a scalar, and what has no such sum, as it is: it goes back from ones."""
    try:
        return made.sum() if callable(getattr(made, "sum", None)) else made
    except TypeError:      # it takes an axis
        return made


def drawn(random: Generator, shape: tuple[int, ...], *, is_positive: bool) -> Array:
    """Draw numbers of both signs away from 0, where kinks are."""
    size = random.uniform(0.3, 2.0, shape)
    return np.asarray(size if is_positive else size * random.choice([-1.0, 1.0], shape))


def plain(value: Any, shape: tuple[int, ...]) -> Any:
    """Return a number of one entry as one of that shape: (1, 1) for a scalar is no difference."""
    array = np.asarray(value) if not isinstance(value, Tensor) else value
    return array.reshape(shape) if np.size(array) == int(np.prod(shape)) and np.ndim(array) != len(shape) and np.size(array) == 1 else value


def plain_number(value: Any) -> Array | None:
    """Return an object's number as an array of floats; None for what is none, or not finite."""
    try:
        array: Array = np.asarray(value, np.float32 if getattr(value, "dtype", None) == np.float32 else np.float64)
    except (TypeError, ValueError):
        return None
    return array if np.isfinite(array).all() else None


def said_of(leaves: Sequence[Array]) -> str:
    """Say the operands by their letters, with their numbers or their shapes."""
    if leaves and leaves[0].shape:
        return ", ".join(f"{'abc'[i]} {each.shape}" for i, each in enumerate(leaves))
    return ", ".join(f"{'abc'[i]} = {float(each):.6g}" for i, each in enumerate(leaves))
