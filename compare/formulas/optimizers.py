"""The optimisers by name: Δw and the next state on sampled numbers, from the gradient, the weights and the optimiser's state.

Hyperparameters are numbers that both sides hold in float64 and round to their dtype once.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sampled import Sampled

State = dict[str, Sampled]
Steps = NDArray[np.intp]
# update(w, g, state, step, lr, options) returns Δw and the next state, for the step's number, from 1, or numbers that broadcast.
Optimizer = Callable[[Sampled, Sampled, State, Steps, float, Mapping[str, Any]], tuple[Sampled, State]]
_U64 = float(np.finfo(np.float64).eps) / 2


def _sgd(w: Sampled, g: Sampled, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Sampled, State]:
    """g ← g + λ w; b ← μ b + (1 − dampening) g, at first g itself; Δw = −lr (b, or g + μ b, or g).

    The product with lr takes two roundings, since float32 cannot hold lr itself.
    """
    momentum = options["momentum"]
    g = _decayed(g, w, options["weight_decay"])
    if not momentum:
        return g.scaled(-lr), {}
    later = state["momentum_buffer"].scaled(momentum) + g.scaled(1 - options["dampening"])
    b = later.with_rows(np.where(step == 1, g.rows, later.rows))
    look_ahead = g + b.scaled(momentum) if options["nesterov"] else b
    return look_ahead.scaled(-lr), {"momentum_buffer": b}


def _adam(w: Sampled, g: Sampled, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Sampled, State]:
    return _adaptive(_decayed(g, w, options["weight_decay"]), state, step, lr, options)


def _adamw(w: Sampled, g: Sampled, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Sampled, State]:
    """Δw = Adam's − lr λ w; the decay may be taken from the weight first, as w (1 − lr λ), which rounds the weight once more."""
    delta, state = _adaptive(g, state, step, lr, options)
    return (delta + w.scaled(-lr * options["weight_decay"]) if options["weight_decay"] else delta), state


def _rmsprop(w: Sampled, g: Sampled, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Sampled, State]:
    """−lr g / (√v + ε), or −lr b with b ← μ b + g / (√v + ε); centered, v less the square of the mean gradient under the root."""
    g = _decayed(g, w, options["weight_decay"])
    after = {"square_avg": _interpolated(state["square_avg"], g * g, options["alpha"])}
    under = after["square_avg"]
    if options["centered"]:
        mean = after["grad_avg"] = _interpolated(state["grad_avg"], g, options["alpha"])
        under = under - mean * mean
    scaled = g.over(under.root() + options["eps"], least=options["eps"] / 2)
    if options["momentum"]:
        scaled = after["momentum_buffer"] = state["momentum_buffer"].scaled(options["momentum"]) + scaled
    return scaled.scaled(-lr, 4), after


def _adagrad(w: Sampled, g: Sampled, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Sampled, State]:
    """−lr / (1 + (t − 1) lr_decay) · g / (√s + ε)."""
    g = _decayed(g, w, options["weight_decay"])
    total = state["sum"] + g * g
    scaled = g.over(total.root() + options["eps"], least=options["eps"] / 2)
    rate = lr / (1 + (step - 1) * options["lr_decay"])
    return scaled.apply(lambda rows: -rate * rows).scaled(1.0, 4), {"sum": total}


def _adaptive(g: Sampled, state: State, step: Steps, lr: float, options: Mapping[str, Any]) -> tuple[Sampled, State]:
    """−lr m̂ / (√v̂ + ε).

    m and v may be computed as a sum or as an interpolation, m + (1 − β)(g − m): four roundings of m and of (1 − β) g. βᵗ is off by
    √(t − 1) roundings, in float64, when the powers are multiplied up.
    """
    beta1, beta2 = options["betas"]
    m = _interpolated(state["exp_avg"], g, beta1)
    v = _interpolated(state["exp_avg_sq"], g * g, beta2)
    m_hat, v_hat = _corrected(m, beta1, step), _corrected(v, beta2, step)
    eps = options["eps"]
    return m_hat.over(v_hat.root() + eps, least=eps / 2).scaled(-lr, 4), {"exp_avg": m, "exp_avg_sq": v}


def _interpolated(old: Sampled, new: Sampled, beta: float) -> Sampled:
    size = np.abs(old.plain) + (1 - beta) * np.abs(new.plain)
    return new.with_rows(beta * old.rows + (1 - beta) * new.rows).moved(4 * size)


def _corrected(a: Sampled, beta: float, step: Steps) -> Sampled:
    power = beta ** np.asarray(step, dtype=np.float64)
    off = np.sqrt(np.maximum(step - 1, 0)) * power / (1 - power)
    corrected = a.with_rows(a.rows / (1 - power))
    return corrected.moved((2 + 2 * _U64 / a.precision.unit * off) * np.abs(corrected.plain))


def _decayed(g: Sampled, w: Sampled, weight_decay: float) -> Sampled:
    return g + w.scaled(weight_decay) if weight_decay else g


OPTIMIZERS: dict[str, Optimizer] = {"sgd": _sgd, "adam": _adam, "adamw": _adamw, "rmsprop": _rmsprop, "adagrad": _adagrad}
