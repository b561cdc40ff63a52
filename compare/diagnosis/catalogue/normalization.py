"""Mistakes in normalisation and dropout."""

from collections.abc import Callable

import numpy as np

from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded, Precision, negative, plus, quotient, reciprocal_root, root, scaled, times, total
from ...rounding.rules.normalization import AXES, EPS, Normalized
from ..formulas import as_row
from ..graph import Run
from ..mistake import Mistake

_RIGHT = "δ = s (g − mean g − ẑ mean(g ẑ)), s = 1/√(v + ε)"
Back = tuple[Bounded, dict[str, Bounded]]


def _has(name: str | None = None) -> Callable[[Problem, int], bool]:
    return lambda problem, layer: bool(problem.layers[layer - 1].norm) and name in (None, problem.normalization)


def _has_dropout(problem: Problem, layer: int) -> bool:
    return bool(problem.layers[layer - 1].dropout)


def _mean(a: Bounded, axis: int, precision: Precision, count: int | None = None) -> Bounded:
    mean = scaled(total(a, (axis,), precision), 1 / (count or a.value.shape[axis]), 2, precision)
    return Bounded(np.expand_dims(mean.value, axis), np.expand_dims(np.asarray(mean.error), axis))


class _Parts:
    """What a normalisation is made of, by one of the ways in which it is written."""

    def __init__(self, run: Run, step: int, layer: int, unbiased: bool = False, eps_outside: bool = False) -> None:
        self.precision, self.axis = run.precision, AXES[str(run.problem.normalization)]
        z = run("z", step, layer)
        self.count = z.value.shape[self.axis] - unbiased
        self.gamma, self.beta = as_row(run("gamma", step, layer)), as_row(run("beta", step, layer))
        centred = plus(z, negative(_mean(z, self.axis, self.precision)), self.precision)
        centred = Bounded(centred.value, centred.error + self.precision.gamma(6) * z.at_most())
        self.mean = _mean(z, self.axis, self.precision)
        self.variance = _mean(times(centred, centred, self.precision), self.axis, self.precision, self.count)
        eps = Bounded(np.asarray(EPS), self.precision.u * EPS)
        if eps_outside:
            below = plus(root(self.variance, self.precision), eps, self.precision)
            self.scale = quotient(Bounded(np.ones_like(below.value), np.zeros_like(below.value)), below, EPS / 2, self.precision)
        else:
            self.scale = reciprocal_root(plus(self.variance, eps, self.precision), EPS / 2, self.precision)
        self.normal = times(centred, self.scale, self.precision)
        self.output = plus(times(self.normal, self.gamma, self.precision), self.beta, self.precision)

    def back(self, error: Bounded, mean: bool = True, variance: bool = True, count: int | None = None) -> Back:
        """The way back, with or without what goes through the mean and through the variance."""
        p = self.precision
        g = inner = times(error, self.gamma, p)
        if mean:
            inner = plus(inner, negative(_mean(g, self.axis, p)), p)
        if variance:
            through = times(self.normal, _mean(times(g, self.normal, p), self.axis, p, count or self.count), p)
            inner = plus(inner, negative(through), p)
        delta = times(self.scale, inner, p)
        slack = p.gamma(self.normal.value.shape[self.axis] + 8) * self.scale.at_most() * (1 + self.normal.at_most() ** 2)
        delta = Bounded(delta.value, delta.error + slack * np.max(g.at_most(), axis=self.axis, keepdims=True))
        gradients = {"weight": total(times(error, self.normal, p), (-2,), p), "bias": total(error, (-2,), p)}
        return delta, gradients

    def normalized(self) -> Normalized:
        """As the forward pass has it."""
        return Normalized(self.output, self.back, self.mean, self.variance)


def _without(mean: bool, variance: bool) -> Callable[[Run, int, int], Back]:
    return lambda run, step, layer: _Parts(run, step, layer).back(run("delta_u", step, layer), mean=mean, variance=variance)


def _unbiased(run: Run, step: int, layer: int) -> Normalized:
    return _Parts(run, step, layer, unbiased=True).normalized()


def _unbiased_back(run: Run, step: int, layer: int) -> Back:
    parts = _Parts(run, step, layer, unbiased=True)
    return parts.back(run("delta_u", step, layer), count=parts.count + 1)


def _eps_outside(run: Run, step: int, layer: int) -> Normalized:
    return _Parts(run, step, layer, eps_outside=True).normalized()


def _by_running(run: Run, step: int, layer: int) -> Normalized:
    """By a mean of 0 and a variance of 1, from which the running statistics start; nothing goes back through them."""
    z, p = run("z", step, layer), run.precision
    gamma, beta = as_row(run("gamma", step, layer)), as_row(run("beta", step, layer))
    normal = scaled(z, float((1 + EPS) ** -0.5), 3, p)

    def back(error: Bounded) -> Back:
        delta = scaled(times(error, gamma, p), float((1 + EPS) ** -0.5), 3, p)
        return delta, {"weight": total(times(error, normal, p), (-2,), p), "bias": total(error, (-2,), p)}

    zero = Bounded(np.zeros_like(z.value), np.zeros_like(z.value))
    return Normalized(plus(times(normal, gamma, p), beta, p), back, zero, zero)


def _no_mask(run: Run, step: int, layer: int) -> Bounded:
    value: Bounded = run("back_whole", step, layer)
    return value


def _no_scale(run: Run, step: int, layer: int) -> Bounded:
    back, mask = run("back_whole", step, layer), run.steps[step].masks[layer]
    return Bounded(back.value * mask, back.error * mask)


def _scale_alone(run: Run, step: int, layer: int) -> Bounded:
    return run.scaled(run("back_whole", step, layer), 1 / (1 - run.problem.dropout))


def _unscaled(run: Run, step: int, layer: int) -> Bounded:
    a, mask = run("a", step, layer), run.steps[step].masks[layer]
    return Bounded(a.value * mask, a.error * mask)


def _inverted(run: Run, step: int, layer: int) -> Bounded:
    a, mask = run("a", step, layer), ~run.steps[step].masks[layer].astype(bool)
    return run.scaled(Bounded(a.value * mask, a.error * mask), 1 / (1 - run.problem.dropout))


_DROP = "∂L/∂a = (δ W) ∘ m/(1 − p)"

NORMALIZATION = (
    Mistake(
        "norm-mean-term-lost",
        "what goes back through the mean is left out of {layer}'s normalisation",
        _RIGHT,
        "δ = s (g − ẑ mean(g ẑ))",
        {"norm_back": _without(mean=False, variance=True)},
        "hidden",
        _has(),
    ),
    Mistake(
        "norm-variance-term-lost",
        "what goes back through the variance is left out of {layer}'s normalisation",
        _RIGHT,
        "δ = s (g − mean g)",
        {"norm_back": _without(mean=True, variance=False)},
        "hidden",
        _has(),
    ),
    Mistake(
        "norm-both-terms-lost",
        "mean and variance are taken as constants on the way back, in {layer}'s normalisation",
        _RIGHT,
        "δ = s g",
        {"norm_back": _without(mean=False, variance=False)},
        "hidden",
        _has(),
    ),
    Mistake(
        "norm-unbiased",
        "{layer} is normalised by the unbiased variance",
        "v = 1/n Σ(z − μ)²",
        "v = 1/(n − 1) Σ(z − μ)²",
        {"norm": _unbiased},
        "hidden",
        _has(),
    ),
    Mistake(
        "norm-unbiased",
        "{layer} is normalised by the unbiased variance, and goes back by the biased one's formula",
        "v = 1/n Σ(z − μ)²",
        "v = 1/(n − 1) Σ(z − μ)²",
        {"norm": _unbiased, "norm_back": _unbiased_back},
        "hidden",
        _has(),
    ),
    Mistake(
        "norm-eps-outside",
        "ε is outside the root in {layer}'s normalisation",
        "s = 1/√(v + ε)",
        "s = 1/(√v + ε)",
        {"norm": _eps_outside},
        "hidden",
        _has(),
    ),
    Mistake(
        "norm-running-in-training",
        "{layer} is normalised by the running statistics in training",
        "μ, v of the batch",
        "μ, v running",
        {"norm": _by_running},
        "hidden",
        _has("batch_norm"),
    ),
    Mistake(
        "dropout-mask-missing-back",
        "dropout is left out on the way back through {layer}",
        _DROP,
        "∂L/∂a = δ W",
        {"back": _no_mask},
        "hidden",
        _has_dropout,
    ),
    Mistake(
        "dropout-mask-missing-back",
        "dropout's mask is left out on the way back through {layer}",
        _DROP,
        "∂L/∂a = (δ W)/(1 − p)",
        {"back": _scale_alone},
        "hidden",
        _has_dropout,
    ),
    Mistake(
        "dropout-scale-missing-back",
        "dropout's 1/(1 − p) is left out on the way back through {layer}",
        _DROP,
        "∂L/∂a = (δ W) ∘ m",
        {"back": _no_scale},
        "hidden",
        _has_dropout,
    ),
    Mistake(
        "dropout-scale-missing",
        "dropout's 1/(1 − p) is left out of {layer}, both ways",
        "a ∘ m/(1 − p)",
        "a ∘ m",
        {"dropped": _unscaled, "back": _no_scale},
        "hidden",
        _has_dropout,
    ),
    Mistake(
        "dropout-scale-missing",
        "dropout's 1/(1 − p) is left out on the way forward through {layer}",
        "a ∘ m/(1 − p)",
        "a ∘ m",
        {"dropped": _unscaled},
        "hidden",
        _has_dropout,
    ),
    Mistake(
        "dropout-mask-inverted",
        "dropout's mask is inverted in {layer}",
        "a ∘ m/(1 − p)",
        "a ∘ (1 − m)/(1 − p)",
        {"dropped": _inverted},
        "hidden",
        _has_dropout,
    ),
)
