"""Stand-ins for what networks take from SciPy and other packages that are not installed: the functions by NumPy's, by module."""

from typing import Any

import numpy as np


def expit(x: Any) -> Any:
    """σ(x)."""
    return 1 / (1 + np.exp(-np.asarray(x, dtype=float)))


def logit(p: Any) -> Any:
    """log(p / (1 − p))."""
    return np.log(p / (1 - p))


def softmax(x: Any, axis: Any = None) -> Any:
    """e^xᵢ / Σⱼ e^xⱼ."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def logsumexp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log Σ e^a."""
    most = np.max(a, axis=axis, keepdims=True)
    found = np.log(np.sum(np.exp(a - most), axis=axis, keepdims=True)) + most
    return found if keepdims else np.squeeze(found, axis=axis)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """x − log Σ e^x."""
    return x - logsumexp(x, axis=axis, keepdims=True)


def xlogy(x: Any, y: Any) -> Any:
    """x log y, 0 where x is 0."""
    return np.where(np.asarray(x) == 0, 0.0, x * np.log(np.where(np.asarray(x) == 0, 1.0, y)))


class Truncated:
    """A truncated normal distribution, of which only the shape of what is drawn matters: weights are replaced."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.rng = np.random.RandomState(0)

    def rvs(self, size: Any = None, **kwargs: Any) -> Any:
        """Draw numbers between −1 and 1."""
        return self.rng.uniform(-1, 1, size=size)


SPECIAL = {"expit": expit, "logit": logit, "softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp, "xlogy": xlogy}
MODULES = {"scipy.special": SPECIAL, "scipy.stats": {"truncnorm": Truncated}}
