"""The losses' rules by name: bounds on L and ∂L/∂ŷ, for each computed in any of its honest forms, over the last two axes.

A rule bounds the terms and their derivative; the reduction is the same for all. A library's exp and log are off by up to 8u relative: see
`elementwise`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import Bounded
from .sigmoid import logistic, logistic_slope
from .softmax import probabilities

Targets = NDArray[Any]
Terms = Callable[[Bounded, Targets], tuple[Bounded, Bounded]]

LEAST_LOG = -100.0            # PyTorch's lower limit of bce's logarithms
LEAST_DIVISOR = 1e-12         # and of its divisor p(1 − p)
LEAST_DIVISOR_OFF = 4.1e-9    # the relative error of 1e-12 in float32, in which PyTorch has it for float64 too


@dataclass(frozen=True)
class LossRule:
    """The bounds of a loss.

    `terms(output, y)` returns the terms, one per element (…, n, k) or per record (…, n), and their derivative (…, n, k), with their
    bounds. The reduction "mean" divides by the number of elements or of records, as `over` says.
    """

    terms: Terms
    over: Literal["elements", "records"] = "elements"

    def bounds(self, output: Bounded, y: Targets, reduction: str = "mean") -> tuple[Bounded, Bounded]:
        """Return L (…) and ∂L/∂ŷ (…, n, k) with their bounds, for outputs (…, n, k).

        y is numbers (…, n, k), or integers (…, n) where the loss takes class indices. The sum may be in any order; for the mean, 1/N and
        the product with it may round, at any place in the computation.
        """
        terms, derivative = self.terms(output, numbers(y))
        loss = terms.sum(*((-2, -1) if terms.value.ndim == output.value.ndim else (-1,)))
        if reduction == "sum":
            return loss, derivative
        n, k = output.value.shape[-2:]
        share = self.share(n, k, reduction)
        return loss.scaled(share, 2), derivative.scaled(share, 2)

    def share(self, n: int, k: int, reduction: str) -> float:
        """Return the factor of each term in the loss of n records of k numbers: 1 over the terms' number for the mean, 1 for the sum."""
        return 1.0 if reduction == "sum" else 1 / (n * k if self.over == "elements" else n)


def numbers(y: Targets) -> Targets:
    """Return targets in float64, and class indices as they are."""
    return y if np.issubdtype(y.dtype, np.integer) else y.astype(np.float64)


def _square(factor: float) -> Terms:
    """ℓ = factor · (ŷ − y)²: one rounding for the difference, one for the square."""

    def terms(output: Bounded, y: Targets) -> tuple[Bounded, Bounded]:
        d = output - y
        return (d * d).scaled(factor, 0), d.scaled(2 * factor, 0)

    return terms


def _l1(output: Bounded, y: Targets) -> tuple[Bounded, Bounded]:
    """ℓ = |d| for d = ŷ − y. Where rounding may have moved d across 0, either sign is honest; at an exact 0 it is 0."""
    d = output - y
    undecided = (np.abs(d.value) <= d.error) & np.greater(d.error, 0)
    return d.like(np.abs(d.value), d.error), d.like(np.sign(d.value), np.where(undecided, 2.0, 0.0))


def _huber(output: Bounded, y: Targets) -> tuple[Bounded, Bounded]:
    """ℓ = ½d² for |d| ≤ 1, else |d| − ½, or ½c² + (|d| − c) with c = min(|d|, 1), which rounds three times.

    Both branches and their slopes meet at 1, so that either may be taken there. The slope is d between −1 and 1, and exact beyond.
    """
    d = output - y
    distance = np.abs(d.value)
    near = np.minimum(distance, 1.0)
    moved = np.minimum(distance + d.error, 1.0) * d.error
    value = near * near / 2 + (distance - near)
    underflow = np.where(d.at_most() != 0, d.precision.smallest_normal, 0.0)
    slope_error = np.where(distance - d.error < 1, d.error, 0.0)
    return d.like(value, moved + d.precision.u * 3 * (value + moved) + underflow), d.like(np.clip(d.value, -1, 1), slope_error)


def _bce(output: Bounded, y: Targets) -> tuple[Bounded, Bounded]:
    """ℓ = −(y ln p + (1 − y) ln(1 − p)), each ln at least −100, and (p − y)/max(p(1 − p), 1e-12).

    ln is steepest at the lower end, and flat below e⁻¹⁰⁰, so that it moves by at most ln(1 + e/max(p − e, e⁻¹⁰⁰)); it is off by 8u
    relative, and for 1 − p by u absolute more. 1 − y, product and sum cost 3u.

    The derivative is (1 − y)/(1 − p) − y/p, which may be how it is computed: each part moves by at most 1/p − 1/(p + e) from the lower end
    up, and rounds five times in the one form, four times in the other. Where the divisor may be the least, there is p/1e-12 (or as
    much of 1 − p) besides, at most 1, which moves and rounds too.
    """
    u, p = output.precision.u, np.clip(output.value, 0.0, 1.0)
    e = np.broadcast_to(output.error, p.shape)
    weights = np.abs(y), np.abs(1 - y)
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(p), LEAST_LOG), np.maximum(np.log1p(-p), LEAST_LOG)
    error = np.zeros(p.shape)
    for weight, log, side, absolute in zip(weights, logs, (p, 1 - p), (0, 1), strict=True):
        moved = np.log1p(e / np.maximum(side - e, np.exp(LEAST_LOG)))
        error += weight * (moved + u * (11 * (np.abs(log) + moved) + absolute))
    value = -(y * logs[0] + (1 - y) * logs[1])

    slope_error = np.zeros(p.shape)
    for weight, side in zip(weights, (p, 1 - p), strict=True):
        lowest = np.maximum(side - e, LEAST_DIVISOR)
        is_least = side - e < 1.01 * LEAST_DIVISOR
        slope_error += weight * (e / (lowest + e) + 5 * u + np.where(is_least, LEAST_DIVISOR_OFF, 0.0)) / lowest
        rest = np.minimum((side + e) / LEAST_DIVISOR, 1.01) * (LEAST_DIVISOR_OFF + 5 * u)
        slope_error += np.where(is_least, np.minimum(e / LEAST_DIVISOR, 1.01) + rest, 0.0)
    slope = (p - y) / np.maximum(p * (1 - p), LEAST_DIVISOR)
    return output.like(value, error), output.like(slope, slope_error)


def _bce_with_logits(output: Bounded, y: Targets) -> tuple[Bounded, Bounded]:
    """ℓ = max(z, 0) − zy + log1p(e^−|z|), or softplus(z) − zy, (1 − y)z + softplus(−z), y softplus(−z) + (1 − y) softplus(z); σ(z) − y.

    Let l = log1p(e^−|z|). Every softplus(±z) is off by at most 8|z| + 17l + 9 units (17l and the sum's by log1p, 8 of all and 9 for
    exp and sum by log); products and sums add at most 3(|z| + l). All that is weighed by |y| + |1 − y|, 1 for a probability y.
    σ is off by 16σ(1 − σ) + 7 units, for what exp is off weighs 1 − σ; so is σ(−z), of which (1 − y) − σ(−z) is made.
    """
    u, z, e = output.precision.u, output.value, np.asarray(output.error)
    s, rest = logistic(z), np.log1p(np.exp(-np.abs(z)))
    weight = np.abs(y) + np.abs(1 - y)
    slope = s - y
    moved = np.minimum(np.abs(slope) * e + e**2 / 8, np.maximum(np.abs(y), np.abs(1 - y)) * e)
    value = np.maximum(z, 0) - z * y + rest
    nearest = np.maximum(np.abs(z) - e, 0.0)
    slope_error = e * logistic_slope(nearest) + u * (16 * s * (1 - s) + 7 + np.abs(1 - y) + np.abs(slope))
    return output.like(value, moved + u * weight * (11 * output.at_most() + 20 * rest + 9)), output.like(slope, slope_error)


def _cross_entropy(output: Bounded, y: Targets) -> tuple[Bounded, Bounded]:
    """ℓ = −Σₖ yₖ ln pₖ, or lse(z) Σy − Σ yₖzₖ, which adds k roundings of yₖzₖ; ∂ℓ/∂z = p Σₖ yₖ − y.

    Where Σy is 1 but for rounding, p − y is the same. For class indices ℓ = −ln p_y, and y is 1 for the class, else 0.
    """
    k = output.value.shape[-1]
    _, p, log_p = probabilities(output)
    if np.issubdtype(y.dtype, np.integer):
        index = np.broadcast_to(y, log_p.value.shape[:-1])[..., None]
        return -log_p.rearranged(lambda each: np.take_along_axis(each, index, axis=-1)[..., 0]), p - np.eye(k)[y]
    terms = (log_p * -y).off_by(output.precision.gamma(k) * np.abs(y) * output.at_most())
    return terms, p * output.like(y).sum(-1, keepdims=True) - y


LOSSES = {
    "half_mse": LossRule(_square(0.5)),
    "mse": LossRule(_square(1.0)),
    "sse": LossRule(_square(1.0), over="records"),
    "l1": LossRule(_l1),
    "huber": LossRule(_huber),
    "smooth_l1": LossRule(_huber),
    "bce": LossRule(_bce),
    "bce_with_logits": LossRule(_bce_with_logits),
    "cross_entropy": LossRule(_cross_entropy, over="records"),
}
