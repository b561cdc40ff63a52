"""The rules of softmax and log_softmax over the last axis, with the whole Jacobian in the pullback.

Let pᵢ = e^zᵢ / Σⱼ e^zⱼ. Where the z move by Δ, ln pᵢ moves at the rate Σⱼ pⱼ (Δᵢ − Δⱼ), a mean of differences: common shifts cancel.
"""

import numpy as np

from ...support.arrays import Array
from ..arithmetic import Bounded
from .elementwise import Pullback


def probabilities(z: Bounded) -> tuple[Bounded, Bounded, Bounded]:
    """Return p by any form of softmax, p also as e^ln p with ln p by any of its forms, and ln p by any of its forms.

    Moved by z's errors: with E = maxⱼ eⱼ no ln pⱼ moves by more than 2E, so ln pᵢ by at most Σ_{j≠i} pⱼe^2E (eᵢ + eⱼ), by at most eᵢ + E
    too, and pᵢ by at most its largest value times that.

    Roundings in units of u, each on ln p, for S = Σ e^(zⱼ−m) with m the largest z or 0, and lse = m + ln S: |zᵢ − m| for the difference;
    in S the mean of the same, 8 for exp, k − 1 for the sum. e^(zᵢ−m)/S adds 8 for exp and 1 for the quotient; zᵢ − lse adds 8 ln S or
    8|lse| for log, |lse| for the sum and |ln pᵢ| for the difference. e^ln p adds 8 for exp, ln(p) 8|ln pᵢ| for log. p has η twice,
    where an exponential or the quotient may underflow.
    """
    k, precision = z.value.shape[-1], z.precision
    largest = z.value.max(axis=-1, keepdims=True)
    shifted = z.value - largest
    log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    log_p = shifted - log_sum
    p = np.exp(log_p)

    e = np.broadcast_to(z.error, z.value.shape)
    most_e = e.max(axis=-1, keepdims=True)
    most_p = np.exp(np.minimum(log_p + 2 * most_e, 0.0))
    others = 1 - np.eye(k)                                                              # Σ over j ≠ i
    log_moved = np.minimum(e * (most_p @ others) + (most_p * e) @ others, e + most_e)
    p_moved = np.minimum(most_p * log_moved, 1.0)

    lse = np.abs(largest + log_sum)
    spread = (p * np.abs(shifted)).sum(axis=-1, keepdims=True)
    common = np.abs(shifted) + spread + 8 * np.maximum(log_sum, lse) + lse + k + 17
    log_roundings = common - 8 * log_p

    def with_roundings(roundings: Array) -> Bounded:
        return z.like(p, p_moved + precision.u * roundings * (p + p_moved) + 2 * precision.smallest_normal)

    return with_roundings(common - log_p), with_roundings(log_roundings + 8), z.like(log_p, log_moved + precision.u * log_roundings)


def softmax(z: Bounded) -> tuple[Bounded, Pullback]:
    """Bound p by any of its forms, and δᵢ = pᵢ (∂L/∂pᵢ − Σⱼ ∂L/∂pⱼ pⱼ), also by the whole Jacobian diag(p) − ppᵀ.

    The matrix sums k more terms than the short form rounds: k + 3 roundings of ∂L/∂pᵢ pᵢ.
    """
    p, _, _ = probabilities(z)

    def pullback(error: Bounded) -> Bounded:
        weighted = error * p
        delta = p * (error - weighted.sum(-1, keepdims=True))
        return delta.off_by(z.precision.gamma(p.value.shape[-1] + 3) * weighted.at_most())

    return p, pullback


def log_softmax(z: Bounded) -> tuple[Bounded, Pullback]:
    """Bound ln p by any of its forms, and δᵢ = ∂L/∂aᵢ − pᵢ Σⱼ ∂L/∂aⱼ, also by the whole Jacobian 1 − 1pᵀ: k + 2 roundings of ∂L/∂aᵢ."""
    _, p, log_p = probabilities(z)

    def pullback(error: Bounded) -> Bounded:
        delta = error - p * error.sum(-1, keepdims=True)
        return delta.off_by(z.precision.gamma(p.value.shape[-1] + 2) * error.at_most())

    return log_p, pullback
