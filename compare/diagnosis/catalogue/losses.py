"""Mistakes in the loss: in its value, which the gradients need not share, and in the derivative of one of its terms."""


import numpy as np

from ...problem.pieces import LOSSES as PIECES
from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded
from ...rounding.rules import LOSSES as RULES
from ..formulas import Formula, one_hot
from ..graph import At
from ..mistake import Applies, Mistake

_BINARY = ("bce", "bce_with_logits")
_SQUARES = ("half_mse", "mse", "sse")
_OTHERS = ("bce", "mse", "l1", "huber", "bce_with_logits", "cross_entropy")
_VALUE, _SLOPE = "ℓ = −y ln p − (1 − y) ln(1 − p)", "∂ℓ/∂p = −y/p + (1 − y)/(1 − p)"


def _is_binary(problem: Problem, layer: int) -> bool:
    return problem.loss in _BINARY


def _is_square(problem: Problem, layer: int) -> bool:
    return problem.loss in _SQUARES


def _parts(at: At, which: int) -> tuple[Bounded, Bounded]:
    """y times the y-term, and 1 − y times the other, of ℓ (which = 0) or of its derivative (1)   (n, k) each."""
    output, y = at("output"), at("y").astype(np.float64)
    terms = RULES[at.problem.loss].terms
    of_one, of_zero = (terms(output, np.full_like(y, target))[which] for target in (1.0, 0.0))
    return at.exact(y) * of_one, at.exact(1 - y) * of_zero


def _binary(first: float, second: float, which: int) -> Formula:
    """The two terms of binary cross-entropy, each with a factor 1, 0 or −1."""

    def formula(at: At) -> Bounded:
        one, other = _parts(at, which)
        value = _factored(one, first) + _factored(other, second)
        return value if which else reduced(at, value)

    return formula


def _factored(a: Bounded, factor: float) -> Bounded:
    return a.like(factor * a.value, abs(factor) * np.asarray(a.error))


def reduced(at: At, terms: Bounded) -> Bounded:
    """The mean or the sum of the terms (n, k), as the problem reduces them; of shape ()."""
    return terms.sum(-2).sum(-1).scaled(at.right("share"))


def _logarithm(base: float) -> Formula:
    return lambda at: at.right("loss").scaled(1 / np.log(base))


def _other(name: str) -> Formula:
    """Another loss of the same output, reduced as the problem's."""

    def formula(at: At) -> Bounded:
        y = at("y").astype(np.float64)
        return RULES[name].bounds(at("output"), y, at.problem.reduction)[0]

    return formula


def _may_be(name: str) -> Applies:
    def applies(problem: Problem, layer: int) -> bool:
        if problem.loss == name or any(batch[1].ndim == 1 for batch in problem.batches) or (name == "mse" and problem.loss in _SQUARES):
            return False
        function, only = problem.layers[-1].function, PIECES[name].only
        return function in only or (not only and name != "bce") or (name == "bce" and function in ("sigmoid", "softmax"))

    return applies


def _of_probabilities(at: At) -> Bounded:
    """The mean squared error of softmax's or sigmoid's probabilities."""
    return RULES["mse"].bounds(at("probabilities"), one_hot(at), at.problem.reduction)[0]


def _squared_mean(at: At) -> Bounded:
    """The square of the mean of ŷ − y, or half of it."""
    difference = at("output") - at("y").astype(np.float64)
    mean = difference.sum(-2).sum(-1).scaled(1 / difference.value.size)
    return (mean * mean).scaled(0.5 if at.problem.loss == "half_mse" else 1.0)


def _loss(id: str, sentence: str, expected: str, actual: str, formula: Formula, applies: Applies) -> Mistake:
    return Mistake(id, sentence, expected, actual, {"loss": formula}, applies=applies, alone=True)


def _term(id: str, sentence: str, actual: str, formula: Formula) -> Mistake:
    return Mistake(id, sentence, _SLOPE, actual, {"term": formula}, applies=_is_binary)


LOSSES = (
    _term("bce-term-lost", "the derivative has the loss's y-term alone", "∂ℓ/∂p = −y/p", _binary(1, 0, 1)),
    _term("bce-term-lost", "the derivative has the loss's (1 − y)-term alone", "∂ℓ/∂p = (1 − y)/(1 − p)", _binary(0, 1, 1)),
    _term("bce-sign", "the sign between the two terms of the derivative is wrong", "∂ℓ/∂p = −y/p − (1 − y)/(1 − p)", _binary(1, -1, 1)),
    _term("bce-sign", "the sign of the derivative's y-term is wrong", "∂ℓ/∂p = y/p + (1 − y)/(1 − p)", _binary(-1, 1, 1)),
    _loss("loss-term-lost", "the loss has its y-term alone", _VALUE, "ℓ = −y ln p", _binary(1, 0, 0), _is_binary),
    _loss("loss-term-lost", "the loss has its (1 − y)-term alone", _VALUE, "ℓ = −(1 − y) ln(1 − p)", _binary(0, 1, 0), _is_binary),
    _loss("loss-sign", "the sign between the two terms of the loss is wrong", _VALUE, "ℓ = −y ln p + (1 − y) ln(1 − p)", _binary(1, -1, 0),
          _is_binary),
    _loss("loss-sign", "the sign of the loss's y-term is wrong", _VALUE, "ℓ = y ln p − (1 − y) ln(1 − p)", _binary(-1, 1, 0), _is_binary),
    _loss("loss-sign", "the loss has the wrong sign", "L", "−L", lambda at: -at.right("loss"), lambda problem, layer: True),
    *(
        _loss("loss-other", f"the loss is another one, {name}", "L", f"L of {name}", _other(name), _may_be(name))
        for name in _OTHERS
    ),
    _loss("loss-other", "the loss is the mean squared error of the probabilities", "L of the logits", "L = mean (p − y)²",
          _of_probabilities, lambda problem, layer: problem.loss in ("cross_entropy", "bce_with_logits")),
    *(
        _loss("loss-logarithm", f"the loss has log{base} for ln", "ln p", f"log{base} p", _logarithm(base),
              lambda problem, layer: problem.loss in ("bce", "bce_with_logits", "cross_entropy"))
        for base in (2, 10)
    ),
    _loss("loss-root", "the loss is the root of what it should be", "L", "√L", lambda at: at.right("loss").root(), _is_square),
    _loss("loss-squared-mean", "the loss is the square of the mean error", "mean (ŷ − y)²", "(mean (ŷ − y))²", _squared_mean, _is_square),
)
