"""Mistakes in the loss: in its value, which the gradients need not share, and in the derivative of one of its terms."""

from functools import partial

import numpy as np

from ...formulas.losses import LOSSES as RULES
from ...formulas.sampled import Sampled
from ...problem.pieces import LOSSES as PIECES
from ...problem.problem import Problem
from ..formulas import Formula, one_hot
from ..graph import At
from ..mistake import Applies, Mistake, anywhere
from .where import is_of_logits, loss_is

SQUARES = ("half_mse", "mse", "sse")
_VALUE, _SLOPE = "ℓ = −y ln p − (1 − y) ln(1 − p)", "∂ℓ/∂p = −y/p + (1 − y)/(1 − p)"
_is_binary, _is_square = loss_is("bce", "bce_with_logits"), loss_is(*SQUARES)


def _binary(at: At, of_one: float, of_zero: float, which: int) -> Sampled:
    """Return binary cross-entropy (which = 0) or its derivative (1), its y-term and its (1 − y)-term each times a factor 1, 0 or −1."""
    output, y = at("output"), at("y").astype(np.float64)
    terms = RULES[at.problem.loss].terms
    one, zero = (terms(output, np.full_like(y, target))[which] for target in (1.0, 0.0))
    value = _signed(at.exact(y) * one, of_one) + _signed(at.exact(1 - y) * zero, of_zero)
    return value if which else value.sum(-2).sum(-1).scaled(at.right("share"))


def _signed(a: Sampled, factor: float) -> Sampled:
    """Return a times 1, 0 or −1, which rounds nothing."""
    return a.like(factor * a.value, abs(factor) * np.asarray(a.error))


def _logarithm(at: At, base: int) -> Sampled:
    return at.right("loss").scaled(1 / np.log(base))


def _other(at: At, name: str) -> Sampled:
    """Return another loss of the same output, reduced as the problem's."""
    return RULES[name].of(at("output"), at("y").astype(np.float64), at.problem.reduction)[0]


def _may_be(problem: Problem, layer: int, name: str) -> bool:
    """Return whether the other loss of that name takes the problem's output and targets, and is not a multiple of the problem's."""
    if problem.loss == name or any(batch[1].ndim == 1 for batch in problem.batches) or (name == "mse" and problem.loss in SQUARES):
        return False
    function, only = problem.layers[-1].function, PIECES[name].only
    return function in only or (not only and name != "bce") or (name == "bce" and function in ("sigmoid", "softmax"))


def _of_probabilities(at: At) -> Sampled:
    """Return the mean squared error of softmax's or sigmoid's probabilities."""
    return RULES["mse"].of(at("probabilities"), one_hot(at), at.problem.reduction)[0]


def _squared_mean(at: At) -> Sampled:
    """Return (mean (ŷ − y))², or half of it."""
    difference = at("output") - at("y").astype(np.float64)
    mean = difference.sum(-2).sum(-1).scaled(1 / difference.value.size)
    return (mean * mean).scaled(0.5 if at.problem.loss == "half_mse" else 1.0)


def _loss(id: str, sentence: str, expected: str, actual: str, formula: Formula, applies: Applies) -> Mistake:
    return Mistake(id, sentence, expected, actual, {"loss": formula}, applies=applies, alone=True)


def _binary_loss(id: str, sentence: str, actual: str, of_one: float, of_zero: float) -> Mistake:
    return _loss(id, sentence, _VALUE, actual, partial(_binary, of_one=of_one, of_zero=of_zero, which=0), _is_binary)


def _binary_term(id: str, sentence: str, actual: str, of_one: float, of_zero: float) -> Mistake:
    formula = partial(_binary, of_one=of_one, of_zero=of_zero, which=1)
    return Mistake(id, sentence, _SLOPE, actual, {"term": formula}, applies=_is_binary)


LOSSES = (
    _binary_term("bce-term-lost", "the derivative has the loss's y-term alone", "∂ℓ/∂p = −y/p", 1, 0),
    _binary_term("bce-term-lost", "the derivative has the loss's (1 − y)-term alone", "∂ℓ/∂p = (1 − y)/(1 − p)", 0, 1),
    _binary_term("bce-sign", "the sign between the two terms of the derivative is wrong", "∂ℓ/∂p = −y/p − (1 − y)/(1 − p)", 1, -1),
    _binary_term("bce-sign", "the sign of the derivative's y-term is wrong", "∂ℓ/∂p = y/p + (1 − y)/(1 − p)", -1, 1),
    _binary_loss("loss-term-lost", "the loss has its y-term alone", "ℓ = −y ln p", 1, 0),
    _binary_loss("loss-term-lost", "the loss has its (1 − y)-term alone", "ℓ = −(1 − y) ln(1 − p)", 0, 1),
    _binary_loss("loss-sign", "the sign between the two terms of the loss is wrong", "ℓ = −y ln p + (1 − y) ln(1 − p)", 1, -1),
    _binary_loss("loss-sign", "the sign of the loss's y-term is wrong", "ℓ = y ln p − (1 − y) ln(1 − p)", -1, 1),
    _loss("loss-sign", "the loss has the wrong sign", "L", "−L", lambda at: -at.right("loss"), anywhere),
    *(
        _loss("loss-other", f"the loss is another one, {name}", "L", f"L of {name}", partial(_other, name=name),
              partial(_may_be, name=name))
        for name in ("bce", "mse", "l1", "huber", "bce_with_logits", "cross_entropy")
    ),
    _loss("loss-other", "the loss is the mean squared error of the probabilities", "L of the logits", "L = mean (p − y)²",
          _of_probabilities, is_of_logits),
    *(
        _loss("loss-logarithm", f"the loss has log{base} for ln", "ln p", f"log{base} p", partial(_logarithm, base=base),
              loss_is("bce", "bce_with_logits", "cross_entropy"))
        for base in (2, 10)
    ),
    _loss("loss-root", "the loss is the root of what it should be", "L", "√L", lambda at: at.right("loss").root(), _is_square),
    _loss("loss-squared-mean", "the loss is the square of the mean error", "mean (ŷ − y)²", "(mean (ŷ − y))²", _squared_mean, _is_square),
)
