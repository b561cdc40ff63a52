"""The optimisers' rules by name: bounds on Δw and the next state, from the gradient, the weights and the optimiser's state.

Hyperparameters are numbers that both sides hold in float64 and round to their dtype once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import Bounded

State = dict[str, Bounded]
Steps = NDArray[np.intp]
_U64 = float(np.finfo(np.float64).eps) / 2


@dataclass(frozen=True)
class OptimizerRule:
    """The bounds of an optimiser.

    `update(w, g, state, step, lr, options)` returns Δw and the next state, for arrays with a leading axis of steps and the steps' numbers
    (from 1), shaped to broadcast. `decay(options)` returns the factor with which each slot's old value, and a gap between the two sides'
    values, enters its next. `roundings` is how many times the weight itself is rounded in the update.
    """

    update: Callable[[Bounded, Bounded, State, Steps, float, Mapping[str, Any]], tuple[Bounded, State]]
    decay: Callable[[Mapping[str, Any]], dict[str, float]]
    roundings: int = 1


def _sgd(w: Bounded, g: Bounded, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Bounded, State]:
    """g ← g + λ w; b ← μ b + (1 − dampening) g, at first g itself; Δw = −lr (b, or g + μ b, or g).

    The product with lr takes two roundings, since float32 cannot hold lr itself.
    """
    momentum = options["momentum"]
    g = _decayed(g, w, options["weight_decay"])
    if not momentum:
        return g.scaled(-lr, 2), {}
    later = state["momentum_buffer"].scaled(momentum, 2) + g.scaled(1 - options["dampening"], 2)
    b = g.like(np.where(step == 1, g.value, later.value), np.where(step == 1, g.error, later.error))
    look_ahead = g + b.scaled(momentum, 2) if options["nesterov"] else b
    return look_ahead.scaled(-lr, 2), {"momentum_buffer": b}


def _adam(w: Bounded, g: Bounded, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Bounded, State]:
    return _adaptive(_decayed(g, w, options["weight_decay"]), state, step, lr, options)


def _adamw(w: Bounded, g: Bounded, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Bounded, State]:
    """Δw = Adam's − lr λ w; the decay may be taken from the weight first, as w (1 − lr λ), which rounds the weight once more."""
    delta, state = _adaptive(g, state, step, lr, options)
    return (delta + w.scaled(-lr * options["weight_decay"]) if options["weight_decay"] else delta), state


def _adaptive(g: Bounded, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Bounded, State]:
    """−lr m̂ / (√v̂ + ε).

    m and v may be computed as a sum or as an interpolation, m + (1 − β)(g − m): four roundings of each of the two. 1 − βᵗ is off by
    up to t roundings of βᵗ, in float64, when the powers are multiplied up.
    """
    beta1, beta2 = options["betas"]
    m = _interpolated(state["exp_avg"], g, beta1)
    v = _interpolated(state["exp_avg_sq"], g * g, beta2)
    m_hat, v_hat = _corrected(m, beta1, step), _corrected(v, beta2, step)
    eps = options["eps"]
    denominator = v_hat.root() + g.like(eps, g.precision.u * eps)
    return m_hat.over(denominator, least=eps / 2).scaled(-lr, 4), {"exp_avg": m, "exp_avg_sq": v}


def _interpolated(old: Bounded, new: Bounded, beta: float) -> Bounded:
    value = beta * old.value + (1 - beta) * new.value
    magnitude = old.at_most() + (1 - beta) * new.at_most()
    underflow = np.where(magnitude != 0, 2 * new.precision.smallest_normal, 0.0)
    return new.like(value, beta * old.error + (1 - beta) * new.error + new.precision.gamma(4) * magnitude + underflow)


def _corrected(a: Bounded, beta: float, step: Steps) -> Bounded:
    power = beta ** step.astype(np.float64)
    correction = 1 - power
    relative = 2 * _U64 * (step + 2) * power / correction
    error = (a.error + a.at_most() * relative) / correction + a.precision.gamma(2) * a.at_most() / correction
    return a.like(a.value / correction, error)


def _decayed(g: Bounded, w: Bounded, weight_decay: float) -> Bounded:
    return g + w.scaled(weight_decay, 2) if weight_decay else g


def _adam_decay(options: Mapping[str, Any]) -> dict[str, float]:
    return dict(zip(("exp_avg", "exp_avg_sq"), options["betas"], strict=True))


OPTIMIZERS = {
    "sgd": OptimizerRule(_sgd, lambda options: {"momentum_buffer": options["momentum"]}),
    "adam": OptimizerRule(_adam, _adam_decay),
    "adamw": OptimizerRule(_adamw, _adam_decay, roundings=2),
}
