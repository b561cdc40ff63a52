"""Mistakes in the gradient of a weight, δᵀ a."""

from collections.abc import Callable

import numpy as np

from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded
from ...support.arrays import Array
from ..formulas import Formula
from ..graph import At, Run
from ..mistake import Applies, Mistake
from .where import has_bias, is_square

RIGHT = "∂L/∂W = δᵀ a"
LONGEST = 32  # units or inputs, up to which each row and column of a weight is tried by itself


def _input_twice(at: At) -> Bounded:
    a = at.right("grad_input")
    return a * a


def _of_layer(shift: int) -> Formula:
    return lambda at: at("input", shift)


def _fits(shift: int) -> Applies:
    def applies(problem: Problem, layer: int) -> bool:
        other = layer + shift
        return 1 <= other <= len(problem.layers) and problem.layers[other - 1].units_in == problem.layers[layer - 1].units_in

    return applies


def _elementwise(at: At) -> Bounded:
    summed = (at("grad_delta") * at("grad_input")).sum(-2)
    shape = 2 * summed.value.shape
    return summed.broadcast_to(shape)


def _scalar(at: At) -> Bounded:
    delta, a = at("grad_delta"), at("grad_input")
    wide = delta.broadcast_to(a.value.shape)
    return _everywhere(at.run, wide * a, at.right("weight_grad"))


def _summed(at: At) -> Bounded:
    gradient = at.right("weight_grad")
    return _everywhere(at.run, gradient, gradient)


def _everywhere(run: Run, terms: Bounded, like: Bounded) -> Bounded:
    total = terms.sum(-2).sum(-1)
    return total.broadcast_to(like.value.shape)


def _meet_elementwise(problem: Problem, layer: int) -> bool:
    of = problem.layers[layer - 1]
    return of.units in (1, of.units_in) and of.units * of.units_in > 1


def _has_several(problem: Problem, layer: int) -> bool:
    of = problem.layers[layer - 1]
    return of.units > 1 and of.units_in > 1


def _weights_for_inputs(at: At) -> Bounded:
    summed, w = at("grad_delta").sum(-2), at("weight")
    return summed[:, None] * w


def _only_row(row: int) -> Formula:
    def formula(at: At) -> Bounded:
        return _masked(at.right("grad_delta"), row, keep=True)

    return formula


def _without_row(row: int) -> Formula:
    def formula(at: At) -> Bounded:
        return _masked(at.right("grad_delta"), row, keep=False)

    return formula


def _masked(delta: Bounded, row: int, keep: bool) -> Bounded:
    mask = np.full((len(delta.value), 1), not keep)
    mask[row] = keep
    return delta.masked(mask)


def _stale(at: At) -> Bounded:
    own, before = at.right("grad_input"), at.before
    if before is None:
        return own
    stale, n = before.right("grad_input"), at.records
    if len(stale.value) < n:
        raise ValueError("fewer records than now")
    return stale[:n]


def _indexed(pick: Callable[[Array], None]) -> Formula:
    """The gradient with some of it at 0."""

    def formula(at: At) -> Bounded:
        gradient = at.right("weight_grad")
        mask = np.ones_like(gradient.value)
        pick(mask)
        return gradient.masked(mask)

    return formula


def _without_unit(unit: int) -> Formula:
    return _indexed(lambda mask: mask.__setitem__(unit, 0.0))


def _without_input(index: int) -> Formula:
    return _indexed(lambda mask: mask.__setitem__((slice(None), index), 0.0))


def _shifted(axis: int, by: int) -> Formula:
    def formula(at: At) -> Bounded:
        gradient = at.right("weight_grad")
        return at.exact(np.roll(gradient.value, by, axis), np.roll(gradient.error, by, axis))

    return formula


def _held_back(axis: int) -> Formula:
    """Each row (axis 0) or column (axis 1) has the one before it; the first its own."""

    def formula(at: At) -> Bounded:
        gradient = at.right("weight_grad")
        index = np.maximum(np.arange(gradient.value.shape[axis]) - 1, 0)
        return at.exact(gradient.value.take(index, axis), gradient.error.take(index, axis))

    return formula


def _has(axis: int, index: int) -> Applies:
    def applies(problem: Problem, layer: int) -> bool:
        size = (problem.layers[layer - 1].units, problem.layers[layer - 1].units_in)[axis]
        return 1 < size <= LONGEST and index < size

    return applies


def _longer_than_one(axis: int) -> Applies:
    return lambda problem, layer: (problem.layers[layer - 1].units, problem.layers[layer - 1].units_in)[axis] > 1


_SUM = "∂L/∂W = Σₙ δₙᵀ aₙ over all records"

GRADIENTS = (
    Mistake("only-last-record", "only the last record's gradient is kept in {layer}: = for +=", _SUM, "∂L/∂W = δᵀ a of the last record",
            {"grad_delta": _only_row(-1)}, "layer"),
    Mistake("only-first-record", "only the first record's gradient is used in {layer}", _SUM, "∂L/∂W = δᵀ a of the first record",
            {"grad_delta": _only_row(0)}, "layer"),
    Mistake("first-record-dropped", "the first record is left out of the gradients of {layer}", _SUM, "∂L/∂W = Σ δₙᵀ aₙ from the second on",
            {"grad_delta": _without_row(0)}, "layer"),
    Mistake("last-record-dropped", "the last record is left out of the gradients of {layer}", _SUM,
            "∂L/∂W = Σ δₙᵀ aₙ up to the last but one", {"grad_delta": _without_row(-1)}, "layer"),
    Mistake("sign-flipped-in-layer", "the gradients of {layer} have the wrong sign", RIGHT, "∂L/∂W = −δᵀ a",
            {"grad_delta": lambda at: -at.right("grad_delta")}, "layer"),
    Mistake("sign-flipped-in-layer", "the weight gradient of {layer} has the wrong sign", RIGHT, "∂L/∂W = −δᵀ a",
            {"weight_grad": lambda at: -at.right("weight_grad")}, "layer", has_bias),
    Mistake("pre-activation-in-gradient", "the weight gradient of {layer} is made of z, the input before f", RIGHT,
            "∂L/∂W = δᵀ z of the layer before", {"grad_input": lambda at: at("z", -1)}, "layer", lambda problem, layer: layer > 1),
    Mistake("output-for-input-in-gradient", "the weight gradient of {layer} is made of the layer's output, not its input", RIGHT,
            "∂L/∂W = δᵀ f(z)", {"grad_input": lambda at: at("a")}, "layer", is_square),
    *(
        Mistake("output-for-input-in-gradient", f"the weight gradient of {{layer}} is made of the input of the layer {word} it", RIGHT,
                "∂L/∂W = δᵀ a, a of another layer", {"grad_input": _of_layer(shift)}, "layer", _fits(shift))
        for shift, word in ((1, "after"), (-1, "before"))
    ),
    Mistake("input-twice", "the weight gradient of {layer} has the layer's input twice", RIGHT, "∂L/∂W = δᵀ (a ∘ a)",
            {"grad_input": _input_twice}, "layer"),
    Mistake("gradient-transposed", "the weight gradient of {layer} is transposed", RIGHT, "∂L/∂W = aᵀ δ",
            {"weight_grad": lambda at: at.right("weight_grad").T}, "layer", is_square),
    Mistake("elementwise-for-outer", "δ and a are multiplied elementwise in {layer}, where each is to meet each", RIGHT,
            "∂L/∂W = Σ δ ∘ a in every row", {"weight_grad": _elementwise}, "layer", is_square),
    Mistake("elementwise-for-outer", "δ and a are multiplied elementwise in {layer}, where each is to meet each", RIGHT,
            "∂L/∂W = Σ δ ∘ a in every column", {"weight_grad": lambda at: _elementwise(at).T}, "layer", is_square),
    *(
        Mistake("scalar-for-product", f"one number, {what}, stands for the whole weight gradient of {{layer}}", RIGHT, actual,
                {"weight_grad": formula}, "layer", applies, alone=True)
        for what, actual, formula, applies in (
            ("the sum of δ ∘ a", "∂L/∂W = Σ δ ∘ a, a single number", _scalar, _meet_elementwise),
            ("the sum of it all", "∂L/∂W = Σᵢⱼ (δᵀ a)ᵢⱼ", _summed, _has_several),
        )
    ),
    Mistake("weights-for-inputs", "the weights stand where the inputs belong, in the gradient of {layer}", RIGHT, "∂L/∂W = (Σ δ)ᵀ ∘ W",
            {"weight_grad": _weights_for_inputs}, "layer"),
    Mistake("stale-activations", "the gradient of {layer} is made of the previous batch's activations", RIGHT,
            "∂L/∂W = δᵀ a, a of the batch before", {"grad_input": _stale}, "layer"),
    *(
        Mistake("index-wrong", f"unit {unit} of {{layer}} gets no gradient: a slice or an index is wrong", RIGHT,
                f"∂L/∂W = δᵀ a, but 0 in row {unit}", {"weight_grad": _without_unit(unit)}, "layer", _has(0, unit))
        for unit in range(LONGEST)
    ),
    *(
        Mistake("index-wrong", f"input {index} of {{layer}} gets no gradient: a slice or an index is wrong", RIGHT,
                f"∂L/∂W = δᵀ a, but 0 in column {index}", {"weight_grad": _without_input(index)}, "layer", _has(1, index))
        for index in range(LONGEST)
    ),
    *(
        Mistake("index-wrong", f"the gradient of {{layer}} is shifted by one {of}: an index is off by one", RIGHT, "∂L/∂W = δᵀ a, shifted",
                {"weight_grad": _shifted(axis, by)}, "layer", _longer_than_one(axis))
        for axis, of in ((0, "unit"), (1, "input"))
        for by in (1, -1)
    ),
    *(
        Mistake("index-wrong", f"each {of} of {{layer}} gets the gradient of the one before it: an index is off by one", RIGHT,
                "∂L/∂W = δᵀ a, one place on", {"weight_grad": _held_back(axis)}, "layer", _longer_than_one(axis))
        for axis, of in ((0, "unit"), (1, "input"))
    ),
)
