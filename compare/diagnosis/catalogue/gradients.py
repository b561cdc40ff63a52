"""Mistakes in the gradient of a weight, δᵀ a."""

from functools import partial
from typing import Any

import numpy as np

from ...formulas.sampled import Sampled
from ...problem.problem import Problem
from ..formulas import Formula
from ..graph import At
from ..mistake import Applies, Mistake, anywhere
from .where import has_bias, is_square

LONGEST = 32  # units or inputs, up to which each row and column of a weight is tried by itself


def _input_twice(at: At) -> Sampled:
    a = at.right("grad_input")
    return a * a


def _fits(problem: Problem, layer: int, shift: int) -> bool:
    """Return whether the layer `shift` on has as many inputs."""
    other, layers = layer + shift, problem.layers
    return 1 <= other <= len(layers) and layers[other - 1].units_in == layers[layer - 1].units_in


def _elementwise(at: At) -> Sampled:
    summed = (at("grad_delta") * at("grad_input")).sum(-2)
    return summed.broadcast_to(2 * summed.value.shape)


def _sum_of_products(at: At) -> Sampled:
    """Return Σ δ ∘ a for every weight, δ of one unit or of as many as inputs   (out, in)."""
    a = at("grad_input")
    terms = at("grad_delta").broadcast_to(a.value.shape) * a
    return terms.sum(-2).sum(-1).broadcast_to(at.right("weight_grad").value.shape)


def _sum_of_gradient(at: At) -> Sampled:
    gradient = at.right("weight_grad")
    return gradient.sum(-2).sum(-1).broadcast_to(gradient.value.shape)


def _meet_elementwise(problem: Problem, layer: int) -> bool:
    of = problem.layers[layer - 1]
    return of.units in (1, of.units_in) and of.units * of.units_in > 1


def _has_several(problem: Problem, layer: int) -> bool:
    return problem.layers[layer - 1].units > 1 and problem.layers[layer - 1].units_in > 1


def _record(at: At, row: int, keep: bool) -> Sampled:
    """Return δ with zeros for all records but that one, or with zeros for that one   (n, out)."""
    delta = at.right("grad_delta")
    mask = np.full((len(delta.value), 1), not keep)
    mask[row] = keep
    return delta.masked(mask)


def _stale(at: At) -> Sampled:
    own, before = at.right("grad_input"), at.before
    if before is None:
        return own
    stale = before.right("grad_input")
    if len(stale.value) < at.records:
        raise ValueError("fewer records than now")
    return stale[: at.records]


def _without(at: At, index: Any) -> Sampled:
    """Return the gradient with zeros there   (out, in)."""
    gradient = at.right("weight_grad")
    mask = np.ones_like(gradient.value)
    mask[index] = 0.0
    return gradient.masked(mask)


def _shifted(at: At, axis: int, by: int) -> Sampled:
    return at.right("weight_grad").rearranged(lambda array: np.roll(array, by, axis))


def _held_back(at: At, axis: int) -> Sampled:
    """Return the gradient in which each row (axis 0) or column (axis 1) has the one before it, and the first its own   (out, in)."""
    gradient = at.right("weight_grad")
    return gradient.rearranged(lambda array: array.take(np.maximum(np.arange(array.shape[axis]) - 1, 0), axis))


def _has_row(problem: Problem, layer: int, axis: int, index: int) -> bool:
    size = (problem.layers[layer - 1].units, problem.layers[layer - 1].units_in)[axis]
    return 1 < size <= LONGEST and index < size


def _is_longer_than_one(problem: Problem, layer: int, axis: int) -> bool:
    return (problem.layers[layer - 1].units, problem.layers[layer - 1].units_in)[axis] > 1


def _weight(id: str, sentence: str, actual: str, formula: Formula, applies: Applies = anywhere, alone: bool = False) -> Mistake:
    return Mistake(id, sentence, "∂L/∂W = δᵀ a", f"∂L/∂W = {actual}", {"weight_grad": formula}, "layer", applies, alone)


def _input(id: str, sentence: str, actual: str, formula: Formula, applies: Applies = anywhere) -> Mistake:
    return Mistake(id, sentence, "∂L/∂W = δᵀ a", f"∂L/∂W = {actual}", {"grad_input": formula}, "layer", applies)


def _records(id: str, sentence: str, actual: str, row: int, keep: bool) -> Mistake:
    formula = partial(_record, row=row, keep=keep)
    return Mistake(id, sentence, "∂L/∂W = Σₙ δₙᵀ aₙ over all records", f"∂L/∂W = {actual}", {"grad_delta": formula}, "layer")


GRADIENTS = (
    _records("only-last-record", "only the last record's gradient is kept in {layer}: = for +=", "δᵀ a of the last record", -1, True),
    _records("only-first-record", "only the first record's gradient is used in {layer}", "δᵀ a of the first record", 0, True),
    _records("first-record-dropped", "the first record is left out of the gradients of {layer}", "Σ δₙᵀ aₙ from the second on", 0, False),
    _records("last-record-dropped", "the last record is left out of the gradients of {layer}", "Σ δₙᵀ aₙ up to the last but one", -1,
             False),
    Mistake("sign-flipped-in-layer", "the gradients of {layer} have the wrong sign", "∂L/∂W = δᵀ a", "∂L/∂W = −δᵀ a",
            {"grad_delta": lambda at: -at.right("grad_delta")}, "layer"),
    _weight("sign-flipped-in-layer", "the weight gradient of {layer} has the wrong sign", "−δᵀ a", lambda at: -at.right("weight_grad"),
            has_bias),
    _input("pre-activation-in-gradient", "the weight gradient of {layer} is made of z, the input before f", "δᵀ z of the layer before",
           lambda at: at("z", -1), lambda problem, layer: layer > 1),
    _input("output-for-input-in-gradient", "the weight gradient of {layer} is made of the layer's output, not its input", "δᵀ f(z)",
           lambda at: at("a"), is_square),
    *(
        _input("output-for-input-in-gradient", f"the weight gradient of {{layer}} is made of the input of the layer {word} it",
               "δᵀ a, a of another layer", formula, partial(_fits, shift=shift))
        for shift, word, formula in ((1, "after", lambda at: at("input", 1)), (-1, "before", lambda at: at("input", -1)))
    ),
    _input("input-twice", "the weight gradient of {layer} has the layer's input twice", "δᵀ (a ∘ a)", _input_twice),
    _weight("gradient-transposed", "the weight gradient of {layer} is transposed", "aᵀ δ", lambda at: at.right("weight_grad").T, is_square),
    _weight("elementwise-for-outer", "δ and a are multiplied elementwise in {layer}, where each is to meet each", "Σ δ ∘ a in every row",
            _elementwise, is_square),
    _weight("elementwise-for-outer", "δ and a are multiplied elementwise in {layer}, where each is to meet each", "Σ δ ∘ a in every column",
            lambda at: _elementwise(at).T, is_square),
    _weight("scalar-for-product", "one number, the sum of δ ∘ a, stands for the whole weight gradient of {layer}",
            "Σ δ ∘ a, a single number", _sum_of_products, _meet_elementwise, alone=True),
    _weight("scalar-for-product", "one number, the sum of it all, stands for the whole weight gradient of {layer}", "Σᵢⱼ (δᵀ a)ᵢⱼ",
            _sum_of_gradient, _has_several, alone=True),
    _weight("weights-for-inputs", "the weights stand where the inputs belong, in the gradient of {layer}", "(Σ δ)ᵀ ∘ W",
            lambda at: at("grad_delta").sum(-2)[:, None] * at("weight")),
    _input("stale-activations", "the gradient of {layer} is made of the previous batch's activations", "δᵀ a, a of the batch before",
           _stale),
    *(
        _weight("index-wrong", f"{of} {index} of {{layer}} gets no gradient: a slice or an index is wrong",
                f"δᵀ a, but 0 in {line} {index}", partial(_without, index=(..., index) if axis else index),
                partial(_has_row, axis=axis, index=index))
        for axis, of, line in ((0, "unit", "row"), (1, "input", "column"))
        for index in range(LONGEST)
    ),
    *(
        _weight("index-wrong", f"the gradient of {{layer}} is shifted by one {of}: an index is off by one", "δᵀ a, shifted",
                partial(_shifted, axis=axis, by=by), partial(_is_longer_than_one, axis=axis))
        for axis, of in ((0, "unit"), (1, "input"))
        for by in (1, -1)
    ),
    *(
        _weight("index-wrong", f"each {of} of {{layer}} gets the gradient of the one before it: an index is off by one",
                "δᵀ a, one place on", partial(_held_back, axis=axis), partial(_is_longer_than_one, axis=axis))
        for axis, of in ((0, "unit"), (1, "input"))
    ),
)
