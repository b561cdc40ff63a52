"""Clipping: gradients made smaller before the update, where they are large."""

import math
from collections.abc import Mapping

import numpy as np

from .arrays import Array


def clip_grad_norm(grads: Mapping[str, Array], max_norm: float) -> dict[str, Array]:
    """Return the gradients, all multiplied by the factor that makes their common norm `max_norm`, if it is larger.

    In PyTorch `nn.utils.clip_grad_norm_`, whose factor has 10⁻⁶ in it too.
    """
    norm = math.sqrt(sum(float((g * g).sum()) for g in grads.values()))      # ‖g‖ = √Σ g², over all parameters
    factor = float(np.minimum(max_norm / (norm + 1e-6), 1.0))                # min(c / (‖g‖ + 10⁻⁶), 1)
    return {name: factor * g for name, g in grads.items()}


def clip_grad_value(grads: Mapping[str, Array], clip_value: float) -> dict[str, Array]:
    """Return the gradients with each number held between −`clip_value` and `clip_value`; in PyTorch `nn.utils.clip_grad_value_`."""
    return {name: np.clip(g, -clip_value, clip_value) for name, g in grads.items()}
