"""Mistakes in f′, by which ∂L/∂a of a layer is multiplied to get its δ = ∂L/∂z."""

from functools import partial

import numpy as np

from ...formulas.sampled import Sampled
from ...problem.problem import Problem
from ..formulas import Formula, activated
from ..graph import At
from ..mistake import Applies, Mistake, Where
from .where import bends, bends_but_not, both, has, is_smooth, is_square


def derivative(function: str, z: Sampled) -> Sampled:
    """Return f′(z) of the activation of that name."""
    return activated(function, z)[1](ones_like(z))


def derivative_of(function: str) -> Formula:
    """Return the formula f′(z) of that activation, at the layer's own z."""
    return lambda at: derivative(function, at("u"))


def ones_like(a: Sampled) -> Sampled:
    """Return exact ones of a's shape."""
    return a.like(np.ones_like(a.value))


def past(z: Sampled, threshold: float) -> Sampled:
    """Return 1 where z > threshold, else 0; with an error of 1 where rounding decides."""
    is_undecided = (np.abs(z.value - threshold) <= z.error) & np.greater(z.error, 0)
    return z.like((z.value > threshold).astype(np.float64), is_undecided.astype(np.float64))


def _of_pre_activation(at: At) -> Sampled:
    z = at("u")
    return z * (1 - z) if at.function == "sigmoid" else 1 - z * z


def _is_broadcast_from_output(problem: Problem, layer: int) -> bool:
    fits = problem.sizes[-1] in (1, problem.layers[layer - 1].units)
    return fits and bends(problem, layer) and bends(problem, len(problem.layers))


def _inverted(at: At) -> Sampled:
    slope = at.right("slope")
    below = derivative(at.function, at.exact(-np.ones_like(slope.value))).value
    return at.exact(1 + below - slope.value, slope.error)


def _one_at_zero(at: At) -> Sampled:
    z, slope = at("u"), at.right("slope")
    return at.exact(np.where((z.value == 0) & (z.error == 0), 1.0, slope.value), slope.error)


def _leak_missing(at: At) -> Sampled:
    slope = at.right("slope")
    return at.exact(slope.value == 1, slope.error)


def _at_other_layer(at: At, shift: int) -> Sampled:
    return derivative(at.function, at("u", shift))


def _other_layer_fits(problem: Problem, layer: int, shift: int) -> bool:
    other, layers = layer + shift, problem.layers
    return 1 <= other < len(layers) and bends(problem, layer) and layers[layer - 1].units == layers[other - 1].units


_RIGHT = "δ = ∂L/∂a ∘ f′(z)"


def _slope(id: str, sentence: str, factor: str, formula: Formula, applies: Applies, where: Where = "layer") -> Mistake:
    """Return the mistake that multiplies ∂L/∂a by that factor in place of f′(z)."""
    return Mistake(id, sentence, _RIGHT, f"δ = ∂L/∂a ∘ {factor}", {"slope": formula}, where, applies)


_OTHERS = ("sigmoid", "tanh", "relu", "elu", "silu", "softplus", "gelu")

SLOPES = (
    Mistake("slope-missing", "f′ is left out of the error term of {layer}", _RIGHT, "δ = ∂L/∂a", {"slope": lambda at: ones_like(at("u"))},
            "layer", bends),
    _slope("slope-of-activation", "f′ is evaluated on the activation of {layer}, which has gone through f already", "f′(a)",
           lambda at: derivative(at.function, at("a")), is_smooth),
    _slope("slope-of-pre-activation", "the derivative is written for the activation a, and given z, in {layer}",
           "z(1 − z), or 1 − z² for tanh", _of_pre_activation, has("sigmoid", "tanh")),
    _slope("slope-at-input", "f′ is evaluated at the input of {layer}, not at its z", "f′(input)",
           lambda at: derivative(at.function, at("input")), both(bends, is_square)),
    _slope("only-one-minus-a", "of a(1 − a) only 1 − a is left in {layer}", "(1 − a)", lambda at: 1 - at("a"), has("sigmoid")),
    _slope("only-one-minus-a", "1 − a stands for 1 − a² in {layer}", "(1 − a)", lambda at: 1 - at("a"), has("tanh")),
    _slope("slope-square-misplaced", "(1 − a)² stands for 1 − a² in {layer}", "(1 − a)²",
           lambda at: (1 - at("a")) * (1 - at("a")), has("tanh")),
    _slope("only-a", "of a(1 − a) only a is left in {layer}", "a", lambda at: at("a"), has("sigmoid")),
    _slope("leak-missing", "the slope below 0 is left out on the way back in {layer}", "[z > 0]", _leak_missing, has("leaky_relu")),
    _slope("slope-of-other", "the derivative of tanh stands for that of sigmoid in {layer}", "(1 − a²)",
           lambda at: 1 - at("a") * at("a"), has("sigmoid")),
    _slope("slope-of-other", "the derivative of sigmoid stands for that of tanh in {layer}", "a(1 − a)",
           lambda at: at("a") * (1 - at("a")), bends_but_not("sigmoid")),
    *(
        _slope("slope-of-other", f"the derivative of {name} stands for the layer's own in {{layer}}", f"{name}′(z)",
               derivative_of(name), bends_but_not(name))
        for name in _OTHERS
    ),
    _slope("slope-of-other", "the derivative of tanh, 1 − a², stands for the layer's own in {layer}", "(1 − a²)",
           lambda at: 1 - at("a") * at("a"), bends_but_not("sigmoid", "tanh")),
    _slope("slope-extra", "a derivative of sigmoid is applied in {layer}, which is linear", "a(1 − a)",
           lambda at: at("a") * (1 - at("a")), has("identity")),
    _slope("slope-extra", "a derivative of tanh is applied in {layer}, which is linear", "(1 − a²)",
           lambda at: 1 - at("a") * at("a"), has("identity")),
    *(
        _slope("slope-extra", f"a derivative of {name} is applied in {{layer}}, which is linear", f"{name}′(z)",
               derivative_of(name), has("identity"))
        for name in ("sigmoid", "tanh", "relu")
    ),
    _slope("slope-plus", "the sign in 1 − a² is wrong in {layer}", "(1 + a²)", lambda at: 1 + at("a") * at("a"), has("tanh", "sigmoid")),
    _slope("slope-squared-activation", "a² stands for a(1 − a) in {layer}", "a²", lambda at: at("a") * at("a"), has("sigmoid", "tanh")),
    _slope("slope-twice", "f′ is applied twice in {layer}", "f′(z)²", lambda at: at.right("slope") * at.right("slope"), is_smooth),
    _slope("output-slope-at-hidden", "the output's f′ is used in {layer}", "f′(z of the output)",
           lambda at: at.of(at.depth)("slope").broadcast_to(at("u").value.shape), _is_broadcast_from_output, "hidden"),
    _slope("mask-inverted", "the mask of relu is inverted in {layer}: it lets through where z ≤ 0", "[z ≤ 0]", _inverted,
           has("relu", "leaky_relu")),
    _slope("slope-at-zero", "the slope at an exact z = 0 is taken as 1 in {layer}, where PyTorch has that of the negative side: >= for >",
           "[z ≥ 0]", _one_at_zero, has("relu", "leaky_relu")),
    *(
        _slope("mask-of-other-layer", f"f′ is evaluated at the z of the layer {word} it, in {{layer}}", "f′(another layer's z)",
               partial(_at_other_layer, shift=shift), partial(_other_layer_fits, shift=shift))
        for shift, word in ((1, "after"), (-1, "before"))
    ),
    Mistake("relu-of-gradient", "relu is applied to the gradient in {layer}, in place of the mask of z", _RIGHT, "δ = max(∂L/∂a, 0)",
            {"slope": lambda at: past(at("back"), 0)}, "layer", has("relu")),
    Mistake("relu-of-gradient", "relu is applied to the gradient in {layer}, beside the mask of z", _RIGHT, "δ = max(∂L/∂a, 0) ∘ [z > 0]",
            {"slope": lambda at: at.right("slope") * past(at("back"), 0)}, "layer", has("relu")),
)
