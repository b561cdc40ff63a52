"""The updates' part in the envelope: from a gradient, the weights and what the optimiser kept, to Δw and what it keeps next.

Hyperparameters are numbers that both sides hold in float64 and round to their dtype once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import Bounded, Precision, plus, quotient, root, scaled, times

State = dict[str, Bounded]
Steps = NDArray[np.intp]
_U64 = float(np.finfo(np.float64).eps) / 2


@dataclass(frozen=True)
class OptimizerRule:
    """An optimiser's part in the envelope.

    `update(w, g, state, step, lr, options, precision)` gives Δw and the next state, for
    arrays with a leading axis of steps, `step` being their numbers (from 1), shaped to broadcast. `decay(options)` says by which factor
    each slot's old value enters its next, and with it a gap between the two sides. `roundings` is how many times the weight itself is
    rounded in the update.
    """

    update: Callable[[Bounded, Bounded, State, Steps, float, Mapping[str, Any], Precision], tuple[Bounded, State]]
    decay: Callable[[Mapping[str, Any]], dict[str, float]]
    roundings: int = 1


def _sgd(
    w: Bounded, g: Bounded, state: State, step: Steps, lr: float, options: Mapping[str, Any], precision: Precision
) -> tuple[Bounded, State]:
    """g ← g + λ w; b ← μ b + (1 − dampening) g, at first g itself; Δw = −lr (b, or g + μ b, or g).

    The product with lr takes two roundings, since float32 cannot hold lr itself.
    """
    momentum = options["momentum"]
    g = _decayed(g, w, options["weight_decay"], precision)
    if not momentum:
        return scaled(g, -lr, 2, precision), {}
    later = plus(
        scaled(state["momentum_buffer"], momentum, 2, precision), scaled(g, 1 - options["dampening"], 2, precision), precision
    )
    b = Bounded(np.where(step == 1, g.value, later.value), np.where(step == 1, g.error, later.error))
    look_ahead = plus(g, scaled(b, momentum, 2, precision), precision) if options["nesterov"] else b
    return scaled(look_ahead, -lr, 2, precision), {"momentum_buffer": b}


def _adam(
    w: Bounded, g: Bounded, state: State, step: Steps, lr: float, options: Mapping[str, Any], precision: Precision
) -> tuple[Bounded, State]:
    return _adaptive(_decayed(g, w, options["weight_decay"], precision), state, step, lr, options, precision)


def _adamw(
    w: Bounded, g: Bounded, state: State, step: Steps, lr: float, options: Mapping[str, Any], precision: Precision
) -> tuple[Bounded, State]:
    """The decay is added to the step, or taken from the weight first, as w (1 − lr λ): so the weight is rounded once more."""
    delta, state = _adaptive(g, state, step, lr, options, precision)
    if not options["weight_decay"]:
        return delta, state
    return plus(delta, scaled(w, -lr * options["weight_decay"], 3, precision), precision), state


def _adaptive(
    g: Bounded, state: State, step: Steps, lr: float, options: Mapping[str, Any], precision: Precision
) -> tuple[Bounded, State]:
    """−lr m̂ / (√v̂ + ε).

    m and v may be computed as a sum or as an interpolation, m + (1 − β)(g − m): four roundings of each of the two. 1 − βᵗ is off by
    up to t roundings of βᵗ, in float64, when the powers are multiplied up.
    """
    beta1, beta2 = options["betas"]
    m = _interpolated(state["exp_avg"], g, beta1, precision)
    v = _interpolated(state["exp_avg_sq"], times(g, g, precision), beta2, precision)
    m_hat, v_hat = _corrected(m, beta1, step, precision), _corrected(v, beta2, step, precision)
    eps = options["eps"]
    denominator = plus(root(v_hat, precision), Bounded(np.asarray(eps), precision.u * eps), precision)
    ratio = quotient(m_hat, denominator, eps / 2, precision)
    return scaled(ratio, -lr, 4, precision), {"exp_avg": m, "exp_avg_sq": v}


def _interpolated(kept: Bounded, new: Bounded, beta: float, precision: Precision) -> Bounded:
    value = beta * kept.value + (1 - beta) * new.value
    magnitude = kept.at_most() + (1 - beta) * new.at_most()
    underflow = np.where(magnitude != 0, 2 * precision.smallest_normal, 0.0)
    return Bounded(value, beta * kept.error + (1 - beta) * new.error + precision.gamma(4) * magnitude + underflow)


def _corrected(a: Bounded, beta: float, step: Steps, precision: Precision) -> Bounded:
    power = beta ** step.astype(np.float64)
    correction = 1 - power
    relative = 2 * _U64 * (step + 2) * power / correction
    value = a.value / correction
    error = (a.error + a.at_most() * relative) / correction + precision.gamma(2) * a.at_most() / correction
    return Bounded(value, error)


def _decayed(g: Bounded, w: Bounded, weight_decay: float, precision: Precision) -> Bounded:
    return plus(g, scaled(w, weight_decay, 2, precision), precision) if weight_decay else g


def _adam_decay(options: Mapping[str, Any]) -> dict[str, float]:
    return dict(zip(("exp_avg", "exp_avg_sq"), options["betas"], strict=True))


OPTIMIZERS = {
    "sgd": OptimizerRule(_sgd, lambda options: {"momentum_buffer": options["momentum"]}),
    "adam": OptimizerRule(_adam, _adam_decay),
    "adamw": OptimizerRule(_adamw, _adam_decay, roundings=2),
}
