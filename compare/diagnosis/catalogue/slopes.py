"""Mistakes in f′, by which the error at a layer's activation becomes the one at its z."""


import numpy as np

from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded
from ..formulas import Formula, activated
from ..graph import At
from ..mistake import Applies, Mistake
from .where import bends, bends_but_not, has, is_smooth, is_square

RIGHT = "δ = ∂L/∂a ∘ f′(z)"


def derivative(function: str, z: Bounded) -> Bounded:
    """f′ of that name at z."""
    return activated(function, z)[1](ones_like(z))


def ones_like(a: Bounded) -> Bounded:
    """1 everywhere, exactly."""
    return a.like(np.ones_like(a.value))


def _of_pre_activation(at: At) -> Bounded:
    z = at("u")
    return z * (1 - z) if at.function == "sigmoid" else 1 - z * z


def _of_function(name: str) -> Formula:
    return lambda at: derivative(name, at("u"))


def _output_fits(problem: Problem, layer: int) -> bool:
    return bends(problem, len(problem.layers)) and problem.sizes[-1] in (1, problem.layers[layer - 1].units)


def _inverted(at: At) -> Bounded:
    slope = at.right("slope")
    below = derivative(at.function, at.exact(-np.ones_like(slope.value))).value
    return at.exact(1 + below - slope.value, slope.error)


def _one_at_zero(at: At) -> Bounded:
    z, slope = at("u"), at.right("slope")
    return at.exact(np.where((z.value == 0) & (z.error == 0), 1.0, slope.value), slope.error)


def _leak_missing(at: At) -> Bounded:
    slope = at.right("slope")
    return at.exact(np.where(slope.value == 1, 1.0, 0.0), slope.error)


def _of_other_layer(shift: int) -> Formula:
    return lambda at: derivative(at.function, at("u", shift))


def _other_fits(shift: int) -> Applies:
    def applies(problem: Problem, layer: int) -> bool:
        other = layer + shift
        if not 1 <= other < len(problem.layers):
            return False
        return bends(problem, layer) and problem.layers[layer - 1].units == problem.layers[other - 1].units

    return applies


def _mask_of_gradient(at: At) -> Bounded:
    back = at("back")
    undecided = (np.abs(back.value) <= back.error) & np.greater(back.error, 0)
    return at.exact(np.where(back.value > 0, 1.0, 0.0), np.where(undecided, 1.0, 0.0))


def _slope(id: str, sentence: str, actual: str, formula: Formula, applies: Applies, where: str = "layer") -> Mistake:
    return Mistake(id, sentence, RIGHT, actual, {"slope": formula}, where, applies)  # type: ignore[arg-type]


_OTHERS = ("sigmoid", "tanh", "relu", "elu", "silu", "softplus", "gelu")

SLOPES = (
    _slope("slope-missing", "f′ is left out of the error term of {layer}", "δ = ∂L/∂a", lambda at: ones_like(at("u")), bends),
    _slope("slope-of-activation", "f′ is evaluated on the activation of {layer}, which has gone through f already", "δ = ∂L/∂a ∘ f′(a)",
           lambda at: derivative(at.function, at("a")), is_smooth),
    _slope("slope-of-pre-activation", "the derivative is written for the activation a, and given z, in {layer}",
           "δ = ∂L/∂a ∘ z(1 − z), or 1 − z² for tanh", _of_pre_activation, has("sigmoid", "tanh")),
    _slope("slope-at-input", "f′ is evaluated at the input of {layer}, not at its z", "δ = ∂L/∂a ∘ f′(input)",
           lambda at: derivative(at.function, at("input")), lambda problem, layer: bends(problem, layer) and is_square(problem, layer)),
    _slope("only-one-minus-a", "of a(1 − a) only 1 − a is left in {layer}", "δ = ∂L/∂a ∘ (1 − a)", lambda at: 1 - at("a"), has("sigmoid")),
    _slope("only-one-minus-a", "1 − a stands for 1 − a² in {layer}", "δ = ∂L/∂a ∘ (1 − a)", lambda at: 1 - at("a"), has("tanh")),
    _slope("slope-square-misplaced", "(1 − a)² stands for 1 − a² in {layer}", "δ = ∂L/∂a ∘ (1 − a)²",
           lambda at: (1 - at("a")) * (1 - at("a")), has("tanh")),
    _slope("only-a", "of a(1 − a) only a is left in {layer}", "δ = ∂L/∂a ∘ a", lambda at: at("a"), has("sigmoid")),
    _slope("leak-missing", "the slope below 0 is left out on the way back in {layer}", "δ = ∂L/∂a ∘ [z > 0]", _leak_missing,
           has("leaky_relu")),
    _slope("slope-of-other", "the derivative of tanh stands for that of sigmoid in {layer}", "δ = ∂L/∂a ∘ (1 − a²)",
           lambda at: 1 - at("a") * at("a"), has("sigmoid")),
    _slope("slope-of-other", "the derivative of sigmoid stands for that of tanh in {layer}", "δ = ∂L/∂a ∘ a(1 − a)",
           lambda at: at("a") * (1 - at("a")), bends_but_not("sigmoid")),
    *(
        _slope("slope-of-other", f"the derivative of {name} stands for the layer's own in {{layer}}", f"δ = ∂L/∂a ∘ {name}′(z)",
               _of_function(name), bends_but_not(name))
        for name in _OTHERS
    ),
    _slope("slope-of-other", "the derivative of tanh, 1 − a², stands for the layer's own in {layer}", "δ = ∂L/∂a ∘ (1 − a²)",
           lambda at: 1 - at("a") * at("a"), bends_but_not("sigmoid", "tanh")),
    _slope("slope-extra", "a derivative of sigmoid is applied in {layer}, which is linear", "δ = ∂L/∂a ∘ a(1 − a)",
           lambda at: at("a") * (1 - at("a")), has("identity")),
    *(
        _slope("slope-extra", f"a derivative of {name} is applied in {{layer}}, which is linear", f"δ = ∂L/∂a ∘ {name}′(z)",
               _of_function(name), has("identity"))
        for name in ("sigmoid", "tanh", "relu")
    ),
    _slope("slope-plus", "the sign in 1 − a² is wrong in {layer}", "δ = ∂L/∂a ∘ (1 + a²)", lambda at: 1 + at("a") * at("a"),
           has("tanh", "sigmoid")),
    _slope("slope-squared-activation", "a² stands for a(1 − a) in {layer}", "δ = ∂L/∂a ∘ a²", lambda at: at("a") * at("a"),
           has("sigmoid", "tanh")),
    _slope("slope-twice", "f′ is applied twice in {layer}", "δ = ∂L/∂a ∘ f′(z)²", lambda at: at.right("slope") * at.right("slope"),
           is_smooth),
    _slope("output-slope-at-hidden", "the output's f′ is used in {layer}", "δ = ∂L/∂a ∘ f′(z of the output)",
           lambda at: at.of(at.depth)("slope").broadcast_to(at("u").value.shape),
           lambda problem, layer: bends(problem, layer) and _output_fits(problem, layer), "hidden"),
    _slope("mask-inverted", "the mask of relu is inverted in {layer}: it lets through where z ≤ 0", "δ = ∂L/∂a ∘ [z ≤ 0]", _inverted,
           has("relu", "leaky_relu")),
    _slope("slope-at-zero", "the slope at an exact z = 0 is taken as 1 in {layer}, where PyTorch has that of the negative side: >= for >",
           "δ = ∂L/∂a ∘ [z ≥ 0]", _one_at_zero, has("relu", "leaky_relu")),
    *(
        _slope("mask-of-other-layer", f"f′ is evaluated at the z of the layer {word} it, in {{layer}}", "δ = ∂L/∂a ∘ f′(another layer's z)",
               _of_other_layer(shift), _other_fits(shift))
        for shift, word in ((1, "after"), (-1, "before"))
    ),
    _slope("relu-of-gradient", "relu is applied to the gradient in {layer}, in place of the mask of z", "δ = max(∂L/∂a, 0)",
           _mask_of_gradient, has("relu")),
    _slope("relu-of-gradient", "relu is applied to the gradient in {layer}, beside the mask of z", "δ = max(∂L/∂a, 0) ∘ [z > 0]",
           lambda at: at.right("slope") * _mask_of_gradient(at), has("relu")),
)
