"""Mistakes in normalisation and dropout."""

import numpy as np

from ...formulas.normalization import AXES, EPS, Normalized
from ...formulas.sampled import Sampled
from ...problem.problem import Problem
from ..formulas import Formula, as_row
from ..graph import At
from ..mistake import Mistake
from .slopes import ones_like

_RIGHT = "δ = s (g − mean g − ẑ mean(g ẑ)), s = 1/√(v + ε)"
Back = tuple[Sampled, dict[str, Sampled]]


def _has_norm(problem: Problem, layer: int) -> bool:
    return bool(problem.layers[layer - 1].norm)


def _has_dropout(problem: Problem, layer: int) -> bool:
    return bool(problem.layers[layer - 1].dropout)


def _mean(a: Sampled, axis: int, count: int | None = None) -> Sampled:
    """Return the sum over the axis over the count, by default the axis's length."""
    return a.sum(axis, keepdims=True).scaled(1 / (count or a.value.shape[axis]), 2)


class _Parts:
    """The intermediates of a normalisation, with the biased or unbiased variance, and ε inside the root or outside."""

    def __init__(self, at: At, unbiased: bool = False, eps_outside: bool = False) -> None:
        z, self.axis = at("z"), AXES[str(at.problem.normalization)]
        self.count = z.value.shape[self.axis] - unbiased
        self.gamma, self.beta = as_row(at("gamma")), as_row(at("beta"))
        self.mean = _mean(z, self.axis)
        centred = (z - self.mean).off_by(z.precision.gamma(6) * z.at_most())
        self.variance = _mean(centred * centred, self.axis, self.count)
        eps = at.exact(EPS, z.precision.u * EPS)
        if eps_outside:
            below = self.variance.root() + eps
            self.scale = ones_like(below).over(below, EPS / 2)
        else:
            self.scale = (self.variance + eps).reciprocal_root(EPS / 2)
        self.normal = centred * self.scale
        self.output = self.normal * self.gamma + self.beta

    def back(self, error: Sampled, mean: bool = True, variance: bool = True, count: int | None = None) -> Back:
        """Return ∂L/∂z and the gradients of γ and β, with or without what goes through the mean and through the variance."""
        g = inner = error * self.gamma
        if mean:
            inner = inner - _mean(g, self.axis)
        if variance:
            inner = inner - self.normal * _mean(g * self.normal, self.axis, count or self.count)
        slack = g.precision.gamma(self.normal.value.shape[self.axis] + 8) * self.scale.at_most() * (1 + self.normal.at_most() ** 2)
        delta = (self.scale * inner).off_by(slack * np.max(g.at_most(), axis=self.axis, keepdims=True))
        return delta, {"weight": (error * self.normal).sum(-2), "bias": error.sum(-2)}

    def normalized(self) -> Normalized:
        """Return the output and its way back, as the forward pass has them."""
        return Normalized(self.output, self.back, self.mean, self.variance)


def _norm(**options: bool) -> Formula:
    return lambda at: _Parts(at, **options).normalized()


def _without(mean: bool, variance: bool) -> Formula:
    return lambda at: _Parts(at).back(at("delta_u"), mean=mean, variance=variance)


def _unbiased_back(at: At) -> Back:
    parts = _Parts(at, unbiased=True)
    return parts.back(at("delta_u"), count=parts.count + 1)


def _by_running(at: At) -> Normalized:
    """Normalise by a mean of 0 and a variance of 1, from which the running statistics start; nothing goes back through them."""
    z, gamma, beta, scale = at("z"), as_row(at("gamma")), as_row(at("beta")), float((1 + EPS) ** -0.5)
    normal = z.scaled(scale)

    def back(error: Sampled) -> Back:
        return (error * gamma).scaled(scale), {"weight": (error * normal).sum(-2), "bias": error.sum(-2)}

    return Normalized(normal * gamma + beta, back, z.zeros(), z.zeros())


def _masked(stage: str) -> Formula:
    return lambda at: at(stage).masked(at.now.masks[at.layer])


def _inverted(stage: str) -> Formula:
    return lambda at: at(stage).masked(~at.now.masks[at.layer].astype(bool)).scaled(1 / (1 - at.problem.dropout))


_DROP = "∂L/∂a = (δ W) ∘ m/(1 − p)"

NORMALIZATION = (
    Mistake("norm-mean-term-lost", "what goes back through the mean is left out of {layer}'s normalisation", _RIGHT,
            "δ = s (g − ẑ mean(g ẑ))", {"norm_back": _without(mean=False, variance=True)}, "hidden", _has_norm),
    Mistake("norm-variance-term-lost", "what goes back through the variance is left out of {layer}'s normalisation", _RIGHT,
            "δ = s (g − mean g)", {"norm_back": _without(mean=True, variance=False)}, "hidden", _has_norm),
    Mistake("norm-both-terms-lost", "mean and variance are taken as constants on the way back, in {layer}'s normalisation", _RIGHT,
            "δ = s g", {"norm_back": _without(mean=False, variance=False)}, "hidden", _has_norm),
    Mistake("norm-unbiased", "{layer} is normalised by the unbiased variance", "v = 1/n Σ(z − μ)²", "v = 1/(n − 1) Σ(z − μ)²",
            {"norm": _norm(unbiased=True)}, "hidden", _has_norm),
    Mistake("norm-unbiased", "{layer} is normalised by the unbiased variance, and goes back by the biased one's formula",
            "v = 1/n Σ(z − μ)²", "v = 1/(n − 1) Σ(z − μ)²", {"norm": _norm(unbiased=True), "norm_back": _unbiased_back}, "hidden",
            _has_norm),
    Mistake("norm-eps-outside", "ε is outside the root in {layer}'s normalisation", "s = 1/√(v + ε)", "s = 1/(√v + ε)",
            {"norm": _norm(eps_outside=True)}, "hidden", _has_norm),
    Mistake("norm-running-in-training", "{layer} is normalised by the running statistics in training", "μ, v of the batch", "μ, v running",
            {"norm": _by_running}, "hidden", lambda problem, layer: _has_norm(problem, layer) and problem.normalization == "batch_norm"),
    Mistake("dropout-mask-missing-back", "dropout is left out on the way back through {layer}", _DROP, "∂L/∂a = δ W",
            {"back": lambda at: at("back_whole")}, "hidden", _has_dropout),
    Mistake("dropout-mask-missing-back", "dropout's mask is left out on the way back through {layer}", _DROP, "∂L/∂a = (δ W)/(1 − p)",
            {"back": lambda at: at("back_whole").scaled(1 / (1 - at.problem.dropout))}, "hidden", _has_dropout),
    Mistake("dropout-scale-missing-back", "dropout's 1/(1 − p) is left out on the way back through {layer}", _DROP, "∂L/∂a = (δ W) ∘ m",
            {"back": _masked("back_whole")}, "hidden", _has_dropout),
    Mistake("dropout-scale-missing", "dropout's 1/(1 − p) is left out of {layer}, both ways", "a ∘ m/(1 − p)", "a ∘ m",
            {"dropped": _masked("a"), "back": _masked("back_whole")}, "hidden", _has_dropout),
    Mistake("dropout-scale-missing", "dropout's 1/(1 − p) is left out on the way forward through {layer}", "a ∘ m/(1 − p)", "a ∘ m",
            {"dropped": _masked("a")}, "hidden", _has_dropout),
    Mistake("dropout-mask-inverted", "dropout's mask is inverted in {layer}, both ways", "a ∘ m/(1 − p)", "a ∘ (1 − m)/(1 − p)",
            {"dropped": _inverted("a"), "back": _inverted("back_whole")}, "hidden", _has_dropout),
    Mistake("dropout-mask-inverted", "dropout's mask is inverted on the way forward through {layer}", "a ∘ m/(1 − p)",
            "a ∘ (1 − m)/(1 − p)", {"dropped": _inverted("a")}, "hidden", _has_dropout),
    Mistake("dropout-mask-inverted", "dropout's mask is inverted on the way back through {layer}", _DROP, "∂L/∂a = (δ W) ∘ (1 − m)/(1 − p)",
            {"back": _inverted("back_whole")}, "hidden", _has_dropout),
)
