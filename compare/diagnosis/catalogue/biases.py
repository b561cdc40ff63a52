"""Mistakes in the gradient of a bias, Σ δ over the records."""

import numpy as np

from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded, negative
from ..graph import Run
from ..mistake import Mistake

RIGHT = "∂L/∂b = Σₙ δₙ"


def _has_bias(problem: Problem, layer: int) -> bool:
    return problem.bias


def _has_units(problem: Problem, layer: int) -> bool:
    return problem.bias and problem.layers[layer - 1].units > 1


def _never(run: Run, step: int, layer: int) -> Bounded:
    zeros = np.zeros_like(run("bias", step, layer).value)
    return Bounded(zeros, zeros)


def _opposite(run: Run, step: int, layer: int) -> Bounded:
    return negative(run.right("bias_grad", step, layer))


def _mean(run: Run, step: int, layer: int) -> Bounded:
    return run.scaled(run.right("bias_grad", step, layer), 1 / run("x", step).value.shape[0])


def _summed(run: Run, step: int, layer: int) -> Bounded:
    return run.scaled(run.right("bias_grad", step, layer), run("x", step).value.shape[0])


def _over_units(mean: bool) -> object:
    """The sum over the units too; a softmax's is 0 but for rounding, which a gradient that is shown as exactly 0 in every step was not."""

    def formula(run: Run, step: int, layer: int) -> Bounded:
        gradient = run.right("bias_grad", step, layer)
        summed, shape = run.total(gradient, -1), gradient.value.shape
        shown = run.shown("bias_used", layer)
        if shown and not any(array.any() for array in shown):
            raise ValueError("a gradient that is never worked out, and not a sum that is 0 but for rounding")
        summed = run.scaled(summed, 1 / shape[0]) if mean else summed
        return Bounded(np.broadcast_to(summed.value, shape), np.broadcast_to(summed.error, shape))

    return formula


def _before_slope(run: Run, step: int, layer: int) -> Bounded:
    return run.total(run("back", step, layer))


def _from_weights(run: Run, step: int, layer: int) -> Bounded:
    return run.total(run("weight_grad", step, layer), -1)


def _from_weights_mean(run: Run, step: int, layer: int) -> Bounded:
    gradient = run("weight_grad", step, layer)
    return run.scaled(run.total(gradient, -1), 1 / gradient.value.shape[-1])


def _first_record(run: Run, step: int, layer: int) -> Bounded:
    delta = run("grad_delta", step, layer)
    return Bounded(delta.value[0], np.broadcast_to(delta.error, delta.value.shape)[0])


def _last_record(run: Run, step: int, layer: int) -> Bounded:
    delta = run("grad_delta", step, layer)
    return Bounded(delta.value[-1], np.broadcast_to(delta.error, delta.value.shape)[-1])


def _bias(id: str, sentence: str, actual: str, formula: object, stage: str = "bias_grad", applies: object = _has_bias) -> Mistake:
    return Mistake(id, sentence, RIGHT, actual, {stage: formula}, "layer", applies)  # type: ignore[arg-type, dict-item]


BIASES = (
    *(
        _bias("bias-never-updated", "the biases of {layer} are never updated", "Δb = 0", _never, stage)
        for stage in ("bias_step", "bias_added")
    ),
    _bias(
        "gradient-missing", "the bias gradient of {layer} stays zero: it is never worked out", "∂L/∂b = 0", _never, "bias_used"
    ),
    _bias("sign-flipped-in-layer", "the bias gradient of {layer} has the wrong sign", "∂L/∂b = −Σₙ δₙ", _opposite),
    _bias("bias-mean", "the bias gradient of {layer} is averaged over the records once more", "∂L/∂b = 1/n Σₙ δₙ", _mean),
    _bias("bias-mean-missing", "the bias gradient of {layer} is not divided by the number of records", "∂L/∂b = n Σₙ δₙ", _summed),
    _bias(
        "bias-summed-over-units",
        "the bias gradient of {layer} is summed over the units too",
        "∂L/∂b = Σₙ Σₖ δₙₖ for every unit",
        _over_units(False),
        applies=_has_units,
    ),
    _bias(
        "bias-summed-over-units",
        "the bias gradient of {layer} is averaged over the units",
        "∂L/∂b = Σₙ 1/k Σₖ δₙₖ for every unit",
        _over_units(True),
        applies=_has_units,
    ),
    _bias("bias-before-slope", "the bias gradient of {layer} is taken before f′", "∂L/∂b = Σₙ ∂L/∂aₙ", _before_slope),
    _bias(
        "bias-from-weight-gradient", "the bias gradient of {layer} is a row sum of the weight gradient", "∂L/∂b = Σⱼ ∂L/∂Wⱼ", _from_weights
    ),
    _bias(
        "bias-from-weight-gradient",
        "the bias gradient of {layer} is a row mean of the weight gradient",
        "∂L/∂b = mean of ∂L/∂W's row",
        _from_weights_mean,
    ),
    _bias("only-last-record", "the bias gradient of {layer} is the last record's alone", "∂L/∂b = δ of the last record", _last_record),
    _bias("only-first-record", "the bias gradient of {layer} is the first record's alone", "∂L/∂b = δ of the first record", _first_record),
)
