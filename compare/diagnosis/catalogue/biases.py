"""Mistakes in the gradient of a bias, Σ δ over the records."""

from functools import partial

from ...formulas.sampled import Sampled
from ...problem.problem import Problem
from ..formulas import Formula
from ..graph import At
from ..mistake import Applies, Mistake
from .where import has_bias


def _has_units(problem: Problem, layer: int) -> bool:
    return problem.bias and problem.layers[layer - 1].units > 1


def _never(at: At) -> Sampled:
    return at("bias").zeros()


def _over_units(at: At, mean: bool) -> Sampled:
    """Return the sum over the units too, or their mean.

    A softmax's sum is 0 but for rounding: it does not explain a gradient that is shown as exactly 0 in every step.
    """
    gradient = at.right("bias_grad")
    total, shape = gradient.sum(-1), gradient.value.shape
    shown = at.run.shown("bias_used", at.layer)
    if shown and not any(array.any() for array in shown):
        raise ValueError("a gradient that is never worked out, and not a sum that is 0 but for rounding")
    return (total.scaled(1 / shape[0]) if mean else total).broadcast_to(shape)


def _from_weights_mean(at: At) -> Sampled:
    gradient = at("weight_grad")
    return gradient.sum(-1).scaled(1 / gradient.value.shape[-1])


def _bias(id: str, sentence: str, actual: str, formula: Formula, stage: str = "bias_grad", applies: Applies = has_bias) -> Mistake:
    return Mistake(id, sentence, "∂L/∂b = Σₙ δₙ", actual, {stage: formula}, "layer", applies)


BIASES = (
    *(
        _bias("bias-never-updated", "the biases of {layer} are never updated", "Δb = 0", _never, stage)
        for stage in ("bias_step", "bias_added")
    ),
    _bias("gradient-missing", "the bias gradient of {layer} stays zero: it is never worked out", "∂L/∂b = 0", _never, "bias_used"),
    _bias("sign-flipped-in-layer", "the bias gradient of {layer} has the wrong sign", "∂L/∂b = −Σₙ δₙ", lambda at: -at.right("bias_grad")),
    _bias("bias-mean", "the bias gradient of {layer} is averaged over the records once more", "∂L/∂b = 1/n Σₙ δₙ",
          lambda at: at.right("bias_grad").scaled(1 / at.records)),
    _bias("bias-mean-missing", "the bias gradient of {layer} is not divided by the number of records", "∂L/∂b = n Σₙ δₙ",
          lambda at: at.right("bias_grad").scaled(at.records)),
    _bias("bias-summed-over-units", "the bias gradient of {layer} is summed over the units too", "∂L/∂b = Σₙ Σₖ δₙₖ for every unit",
          partial(_over_units, mean=False), applies=_has_units),
    _bias("bias-summed-over-units", "the bias gradient of {layer} is averaged over the units", "∂L/∂b = Σₙ 1/k Σₖ δₙₖ for every unit",
          partial(_over_units, mean=True), applies=_has_units),
    _bias("bias-before-slope", "the bias gradient of {layer} is taken before f′", "∂L/∂b = Σₙ ∂L/∂aₙ", lambda at: at("back").sum(-2)),
    _bias("bias-from-weight-gradient", "the bias gradient of {layer} is a row sum of the weight gradient", "∂L/∂b = Σⱼ ∂L/∂Wⱼ",
          lambda at: at("weight_grad").sum(-1)),
    _bias("bias-from-weight-gradient", "the bias gradient of {layer} is a row mean of the weight gradient", "∂L/∂b = mean of ∂L/∂W's row",
          _from_weights_mean),
    _bias("only-last-record", "the bias gradient of {layer} is the last record's alone", "∂L/∂b = δ of the last record",
          lambda at: at("grad_delta")[-1]),
    _bias("only-first-record", "the bias gradient of {layer} is the first record's alone", "∂L/∂b = δ of the first record",
          lambda at: at("grad_delta")[0]),
)
