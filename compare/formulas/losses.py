"""The losses by name: L and ∂L/∂ŷ on sampled numbers, each computed in any of its honest forms, over the last two axes.

A loss gives its terms and their derivative; the reduction is the same for all. A library's exp and log are off by up to 8u relative: see
`activations`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .activations import logistic, probabilities
from .sampled import Sampled

Targets = NDArray[Any]
Terms = Callable[[Sampled, Targets], tuple[Sampled, Sampled]]

LEAST_LOG = -100.0            # PyTorch's lower limit of bce's logarithms
LEAST_DIVISOR = 1e-12         # and of its divisor p(1 − p)
LEAST_DIVISOR_OFF = 4.1e-9    # the relative error of 1e-12 in float32, in which PyTorch has it for float64 too


@dataclass(frozen=True)
class Loss:
    """A loss.

    `terms(output, y)` returns the terms, one per element (…, n, k) or per record (…, n), and their derivative (…, n, k). The reduction
    "mean" divides by the number of elements or of records, as `over` says, and "batchmean" by that of records.
    """

    terms: Terms
    over: Literal["elements", "records"] = "elements"

    def of(self, output: Sampled, y: Targets, reduction: str = "mean") -> tuple[Sampled, Sampled]:
        """Return L (…) and ∂L/∂ŷ (…, n, k) for outputs (…, n, k).

        y is numbers (…, n, k), or integers (…, n) where the loss takes class indices. The sum may be in any order; for the mean, 1/N and
        the product with it may round, at any place in the computation.
        """
        terms, derivative = self.terms(output, numbers(y))
        loss = terms.sum(*((-2, -1) if len(terms.shape) == len(output.shape) else (-1,)))
        if reduction == "sum":
            return loss, derivative
        share = self.share(output.shape[-2], output.shape[-1], reduction)
        return loss.scaled(share), derivative.scaled(share)

    def share(self, n: int, k: int, reduction: str) -> float:
        """Return the factor of each term in the loss of n records of k numbers: 1 for the sum, 1 over a number for a mean."""
        return 1.0 if reduction == "sum" else 1 / (n * k if reduction == "mean" and self.over == "elements" else n)


def numbers(y: Targets) -> Targets:
    """Return targets in float64, and class indices as they are."""
    return y if np.issubdtype(y.dtype, np.integer) else y.astype(np.float64)


def _square(factor: float) -> Terms:
    """ℓ = factor · (ŷ − y)²."""

    def terms(output: Sampled, y: Targets) -> tuple[Sampled, Sampled]:
        d = output.less(y)
        return (d * d).scaled(factor, 0), d.scaled(2 * factor, 0)

    return terms


def _l1(output: Sampled, y: Targets) -> tuple[Sampled, Sampled]:
    """ℓ = |d| for d = ŷ − y, and its sign, 0 at an exact 0."""
    d = output.less(y)
    return d.apply(np.abs), d.apply(np.sign)


def _huber(output: Sampled, y: Targets) -> tuple[Sampled, Sampled]:
    """ℓ = ½d² for |d| ≤ 1, else |d| − ½, or ½c² + (|d| − c) with c = min(|d|, 1), which rounds three times. The slope is d in [−1, 1]."""
    d = output.less(y)

    def value(rows: Any) -> Any:
        near = np.minimum(np.abs(rows), 1.0)
        return near * near / 2 + (np.abs(rows) - near)

    return d.apply(value).moved(3 * value(d.plain)), d.apply(lambda rows: np.clip(rows, -1, 1))


def _hinge(output: Sampled, y: Targets) -> tuple[Sampled, Sampled]:
    """ℓ = max(0, 1 − yŷ), and −y where that is above 0."""
    rest = 1 - output * y
    return rest.apply(lambda rows: np.maximum(rows, 0)), rest.apply(lambda rows: np.where(rows > 0, -y, 0.0))


def _bce(output: Sampled, y: Targets) -> tuple[Sampled, Sampled]:
    """ℓ = −(y ln p + (1 − y) ln(1 − p)), each ln at least −100, and (p − y)/max(p(1 − p), 1e-12).

    ln is off by 8u relative, and for 1 − p by u of it absolute more. 1 − y, product and sum cost 3u. The derivative is also
    (1 − y)/(1 − p) − y/p, each part of which rounds five times. Where the divisor may be the least, it is off by 4e-9 relative.
    """
    p = output.within(0.0, 1.0)
    total, derivative = output.zeros(), output.zeros()
    for weight, side, sign in ((y, p, -1.0), (1 - y, p.apply(lambda rows: 1 - rows), 1.0)):
        with np.errstate(divide="ignore"):
            log = side.apply(lambda rows: np.maximum(np.log(rows), LEAST_LOG))
            part = side.apply(lambda rows: 1 / np.maximum(rows, LEAST_DIVISOR))
        absolute = 0.0 if sign < 0 else 1 / np.maximum(side.plain, np.exp(LEAST_LOG))
        total = total.with_rows(total.rows - weight * log.moved(11 * np.abs(log.plain) + absolute).within(LEAST_LOG, 0.0).rows)
        derivative = derivative.with_rows(derivative.rows + sign * weight * part.moved(5 * np.abs(part.plain)).rows)
    slope = p.apply(lambda rows: (rows - y) / np.maximum(rows * (1 - rows), LEAST_DIVISOR))
    slope = slope.moved(np.abs(slope.plain) * (LEAST_DIVISOR_OFF / output.precision.unit + 5))
    is_least = p.rows * (1 - p.rows) < 1.01 * LEAST_DIVISOR
    return total, p.with_rows(np.where(is_least, slope.rows, derivative.rows))


def _bce_with_logits(output: Sampled, y: Targets) -> tuple[Sampled, Sampled]:
    """ℓ = max(z, 0) − zy + log1p(e^−|z|), or softplus(z) − zy, (1 − y)z + softplus(−z), y softplus(−z) + (1 − y) softplus(z); σ(z) − y.

    Let l = log1p(e^−|z|). Every softplus(±z) is off by at most 8|z| + 17l + 9 units (17l and the sum's by log1p, 8 of all and 9 for
    exp and sum by log); products and sums add at most 3(|z| + l). All that is weighed by |y| + |1 − y|, 1 for a probability y.
    σ is off by 16σ(1 − σ) + 7 units, for what exp is off weighs 1 − σ; so is σ(−z), of which (1 − y) − σ(−z) is made.
    """
    size, s = np.abs(output.plain), logistic(output.plain)
    weight = np.abs(y) + np.abs(1 - y)
    loss = output.apply(lambda z: np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))
    slope = output.apply(lambda z: logistic(z) - y)
    of_slope = 16 * s * (1 - s) + 7 + np.abs(1 - y) + np.abs(slope.plain)
    return loss.moved(weight * (11 * size + 20 * np.log1p(np.exp(-size)) + 9)), slope.moved(of_slope)


def _cross_entropy(output: Sampled, y: Targets) -> tuple[Sampled, Sampled]:
    """ℓ = −Σₖ yₖ ln pₖ, or lse(z) Σy − Σ yₖzₖ, which adds roundings of yₖzₖ; ∂ℓ/∂z = p Σₖ yₖ − y.

    Where Σy is 1 but for rounding, p − y is the same. For class indices ℓ = −ln p_y, and y is 1 for the class, else 0.
    """
    k = output.shape[-1]
    _, p, log_p = probabilities(output)
    if np.issubdtype(y.dtype, np.integer):
        index = np.broadcast_to(y, log_p.shape[:-1])[..., None]
        return -log_p.rearranged(lambda each: np.take_along_axis(each, index, axis=-1)[..., 0]), p - np.eye(k)[y]
    terms = (log_p * -y).moved(np.sqrt(k) * np.abs(y) * np.abs(output.plain))
    return terms, p * Sampled.exact(y, output.precision).sum(-1, keepdims=True) - y


LOSSES = {
    "half_mse": Loss(_square(0.5)),
    "mse": Loss(_square(1.0)),
    "sse": Loss(_square(1.0), over="records"),
    "l1": Loss(_l1),
    "huber": Loss(_huber),
    "smooth_l1": Loss(_huber),
    "hinge": Loss(_hinge),
    "bce": Loss(_bce),
    "bce_with_logits": Loss(_bce_with_logits),
    "cross_entropy": Loss(_cross_entropy, over="records"),
}
