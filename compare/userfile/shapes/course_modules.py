"""Replacements for the helper modules of a well-known course, by name: those of their functions that take part in training."""

from typing import Any

import numpy as np


def sigmoid(z: Any) -> Any:
    """σ(z)."""
    return 1 / (1 + np.exp(-z))


def relu(z: Any) -> Any:
    """max(0, z)."""
    return np.maximum(0, z)


def with_cache(function: Any) -> Any:
    """Return the same function, returning z too, for the backward pass."""
    return lambda Z: (function(Z), Z)


def sigmoid_backward(dA: Any, cache: Any) -> Any:
    """∂L/∂z = ∂L/∂a · a (1 − a)."""
    a = sigmoid(cache)
    return dA * a * (1 - a)


def relu_backward(dA: Any, cache: Any) -> Any:
    """∂L/∂z = ∂L/∂a where z > 0, else 0."""
    return np.where(cache > 0, dA, 0)


PLAIN = {"sigmoid": sigmoid, "relu": relu}
CACHED = {
    "sigmoid": with_cache(sigmoid),
    "relu": with_cache(relu),
    "sigmoid_backward": sigmoid_backward,
    "relu_backward": relu_backward,
}
MODULES = {
    **dict.fromkeys(("planar_utils", "reg_utils", "init_utils", "opt_utils", "gc_utils"), PLAIN),
    **dict.fromkeys(("dnn_utils", "dnn_utils_v2", "dnn_app_utils", "dnn_app_utils_v2", "dnn_app_utils_v3"), CACHED),
}
