"""The honest ways to compute each loss's terms, one for each element or record, and their derivative, in plain NumPy.

None is shared with either backend; a name that has none here falls back on manual's.
"""

from collections.abc import Callable

import numpy as np

import manual
from compare.support.arrays import Array
from tests.compare.forms import (
    log_sum_exp,
    logarithm_of_softmax,
    logarithm_softplus,
    naive_sigmoid,
    plain_softmax,
    shifted_log_softmax,
    shifted_softmax,
    stable_sigmoid,
    stable_softplus,
    tanh_sigmoid,
)

LossForm = tuple[Callable[[Array, Array], Array], Callable[[Array, Array], Array]]


def clamped(logarithm: Array) -> Array:
    return np.maximum(logarithm, -100)


def difference_of_quotients(p: Array, y: Array) -> Array:
    """(1 − y)/(1 − p) − y/p, and where the divisor is the least, as PyTorch."""
    inside = np.clip(p, 1e-12, 1 - 1e-12 if p.dtype == np.float64 else 1 - np.finfo(p.dtype).epsneg)
    return np.where(p * (1 - p) < 1e-12, (p - y) / 1e-12, (1 - y) / (1 - inside) - y / inside)


def smooth_absolute(output: Array, y: Array) -> Array:
    d = np.abs(y - output)
    return np.where(d < 1, 0.5 * d**2, d - 0.5)


def smooth_absolute_by_parts(output: Array, y: Array) -> Array:
    d = np.abs(output - y)
    near = np.minimum(d, 1)
    return 0.5 * near**2 + (d - near)


def smooth_sign(output: Array, y: Array) -> Array:
    d = output - y
    return np.where(np.abs(d) <= 1, d, np.sign(d))


def one_hot(output: Array, y: Array) -> Array:
    return y if y.ndim == output.ndim else np.eye(output.shape[-1], dtype=output.dtype)[y]


def picked(log_p: Array, y: Array) -> Array:
    """−Σₖ yₖ ln pₖ, or −ln p_y."""
    return -(y * log_p).sum(axis=-1) if y.ndim == log_p.ndim else -log_p[np.arange(len(y)), y]


def entropy_by_logits(output: Array, y: Array) -> Array:
    """lse Σₖ yₖ − Σₖ yₖ zₖ."""
    p = one_hot(output, y)
    return log_sum_exp(output)[..., 0] * p.sum(axis=-1) - (p * output).sum(axis=-1)


def entropy_slope(output: Array, y: Array) -> Array:
    """p − y where the probabilities sum to 1."""
    p, sums = shifted_softmax(output), one_hot(output, y).sum(axis=-1, keepdims=True)
    return np.where(np.abs(sums - 1) < 1e-6, p, p * sums) - one_hot(output, y)


SQUARE_SLOPES = (lambda output, y: 2 * (output - y), lambda output, y: -2 * (y - output))

LOSS_FORMS: dict[str, tuple[LossForm, ...]] = {
    "half_mse": (
        (lambda output, y: 0.5 * (output - y) ** 2, lambda output, y: output - y),
        (lambda output, y: (y - output) * (y - output) / 2, lambda output, y: -(y - output)),
        (lambda output, y: 0.5 * (y - output) ** 2, lambda output, y: 0.5 * (2 * (output - y))),
    ),
    "mse": (
        (lambda output, y: (output - y) ** 2, SQUARE_SLOPES[0]),
        (lambda output, y: (y - output) * (y - output), SQUARE_SLOPES[1]),
        (lambda output, y: np.abs(y - output) ** 2, lambda output, y: (output - y) + (output - y)),
    ),
    "sse": (
        (lambda output, y: ((output - y) ** 2).sum(axis=-1), SQUARE_SLOPES[0]),
        (lambda output, y: np.einsum("nk,nk->n", y - output, y - output), SQUARE_SLOPES[1]),
        (lambda output, y: (output - y) ** 2, SQUARE_SLOPES[0]),
    ),
    "l1": (
        (lambda output, y: np.abs(y - output), lambda output, y: np.sign(output - y)),
        (lambda output, y: np.maximum(y - output, output - y), lambda output, y: (output > y) - (output < y).astype(output.dtype)),
        (lambda output, y: np.sqrt((output - y) ** 2), lambda output, y: -np.sign(y - output)),
    ),
    "huber": (
        (smooth_absolute, smooth_sign),
        (smooth_absolute_by_parts, lambda output, y: np.clip(output - y, -1, 1)),
        (smooth_absolute, lambda output, y: np.maximum(np.minimum(output - y, 1), -1)),
    ),
    "smooth_l1": (
        (smooth_absolute, smooth_sign),
        (smooth_absolute_by_parts, lambda output, y: np.clip(output - y, -1, 1)),
        (smooth_absolute, lambda output, y: -np.clip(y - output, -1, 1)),
    ),
    "hinge": (
        (lambda output, y: np.maximum(0, 1 - y * output), lambda output, y: -y * (y * output < 1)),
        (lambda output, y: np.where(y * output < 1, 1 - output * y, 0), lambda output, y: np.where(y * output < 1, -y, 0)),
        (lambda output, y: (np.abs(1 - y * output) + (1 - y * output)) / 2, lambda output, y: -y * (1 - y * output > 0)),
    ),
    "bce": (
        (
            lambda output, y: -(y * clamped(np.log(output)) + (1 - y) * clamped(np.log(1 - output))),
            lambda output, y: (output - y) / np.maximum((1 - output) * output, 1e-12),
        ),
        (
            lambda output, y: (y - 1) * clamped(np.log1p(-output)) - y * clamped(np.log(output)),
            lambda output, y: -(y - output) / np.maximum(output * (1 - output), 1e-12),
        ),
        (
            lambda output, y: -y * clamped(np.log(output)) - (1 - y) * clamped(np.log1p(-output)),
            difference_of_quotients,
        ),
    ),
    "bce_with_logits": (
        (
            lambda output, y: np.maximum(output, 0) - output * y + np.log1p(np.exp(-np.abs(output))),
            lambda output, y: naive_sigmoid(output) - y,
        ),
        (lambda output, y: stable_softplus(output) - y * output, lambda output, y: stable_sigmoid(output) - y),
        (lambda output, y: (1 - y) * output + stable_softplus(-output), lambda output, y: (1 - y) - stable_sigmoid(-output)),
        (
            lambda output, y: y * logarithm_softplus(-output) + (1 - y) * logarithm_softplus(output),
            lambda output, y: (1 - y) * stable_sigmoid(output) - y * stable_sigmoid(-output),
        ),
        (lambda output, y: np.logaddexp(0, output).astype(output.dtype) - output * y, lambda output, y: tanh_sigmoid(output) - y),
    ),
    "cross_entropy": (
        (lambda output, y: picked(shifted_log_softmax(output), y), entropy_slope),
        (entropy_by_logits, lambda output, y: plain_softmax(output) * one_hot(output, y).sum(axis=-1, keepdims=True) - one_hot(output, y)),
        (
            lambda output, y: picked(logarithm_of_softmax(output), y),
            lambda output, y: -one_hot(output, y) + np.exp(shifted_log_softmax(output)) * one_hot(output, y).sum(axis=-1, keepdims=True),
        ),
    ),
}


def loss_forms(name: str) -> tuple[LossForm, ...]:
    """The forms of that loss."""
    return LOSS_FORMS.get(name) or ((manual.LOSSES[name].terms, manual.LOSSES[name].derivative),)
