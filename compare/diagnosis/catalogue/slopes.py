"""Mistakes in f′, by which the error at a layer's activation becomes the one at its z."""

from collections.abc import Callable

import numpy as np

from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded, negative
from ..formulas import Formula, is_elementwise
from ..graph import Run
from ..mistake import Mistake

RIGHT = "δ = ∂L/∂a ∘ f′(z)"


def has(*names: str) -> Callable[[Problem, int], bool]:
    """Where the layer's activation is one of those."""
    return lambda problem, layer: problem.layers[layer - 1].function in names


def bends(problem: Problem, layer: int) -> bool:
    """Where the layer's activation is elementwise, and not the identity."""
    function = problem.layers[layer - 1].function
    return is_elementwise(function) and function != "identity"


def bends_but_not(*names: str) -> Callable[[Problem, int], bool]:
    """Where it bends, and is none of those."""
    return lambda problem, layer: bends(problem, layer) and problem.layers[layer - 1].function not in names


def is_smooth(problem: Problem, layer: int) -> bool:
    """Where it bends, and not in one point."""
    return bends(problem, layer) and problem.layers[layer - 1].function not in ("relu", "leaky_relu")


def is_square(problem: Problem, layer: int) -> bool:
    """Where a layer has as many units as inputs."""
    return problem.layers[layer - 1].units_in == problem.layers[layer - 1].units


def derivative(run: Run, function: str, z: Bounded) -> Bounded:
    """f′ of that name at z."""
    return run.activated(function, z)[1](ones_like(z))


def ones_like(a: Bounded) -> Bounded:
    """1 everywhere, exactly."""
    return Bounded(np.ones_like(a.value))


def one_minus(run: Run, a: Bounded) -> Bounded:
    """1 − a."""
    return run.plus(ones_like(a), negative(a))


def _missing(run: Run, step: int, layer: int) -> Bounded:
    return ones_like(run("u", step, layer))


def _of_activation(run: Run, step: int, layer: int) -> Bounded:
    return derivative(run, run.function(layer), run("a", step, layer))


def _of_pre_activation(run: Run, step: int, layer: int) -> Bounded:
    z = run("u", step, layer)
    return run.times(z, one_minus(run, z)) if run.function(layer) == "sigmoid" else one_minus(run, run.times(z, z))


def _at_input(run: Run, step: int, layer: int) -> Bounded:
    return derivative(run, run.function(layer), run("input", step, layer))


def _one_minus_a(run: Run, step: int, layer: int) -> Bounded:
    return one_minus(run, run("a", step, layer))


def _one_minus_a_squared(run: Run, step: int, layer: int) -> Bounded:
    rest = _one_minus_a(run, step, layer)
    return run.times(rest, rest)


def _only_a(run: Run, step: int, layer: int) -> Bounded:
    value: Bounded = run("a", step, layer)
    return value


def _squared(run: Run, step: int, layer: int) -> Bounded:
    a = run("a", step, layer)
    return run.times(a, a)


def _one_minus_square(run: Run, step: int, layer: int) -> Bounded:
    return one_minus(run, _squared(run, step, layer))


def _one_plus_square(run: Run, step: int, layer: int) -> Bounded:
    return run.plus(ones_like(run("a", step, layer)), _squared(run, step, layer))


def _a_times_one_minus_a(run: Run, step: int, layer: int) -> Bounded:
    a = run("a", step, layer)
    return run.times(a, one_minus(run, a))


def _slope_twice(run: Run, step: int, layer: int) -> Bounded:
    slope = run.right("slope", step, layer)
    return run.times(slope, slope)


def _of_function(name: str) -> Formula:
    return lambda run, step, layer: derivative(run, name, run("u", step, layer))


def _of_output(run: Run, step: int, layer: int) -> Bounded:
    slope, z = run("slope", step, run.depth), run("u", step, layer)
    return Bounded(np.broadcast_to(slope.value, z.value.shape), np.broadcast_to(slope.error, z.value.shape))


def _output_fits(problem: Problem, layer: int) -> bool:
    return bends(problem, len(problem.layers)) and problem.sizes[-1] in (1, problem.layers[layer - 1].units)


def _inverted(run: Run, step: int, layer: int) -> Bounded:
    slope = run.right("slope", step, layer)
    below = derivative(run, run.function(layer), Bounded(-np.ones_like(slope.value))).value
    return Bounded(1 + below - slope.value, slope.error)


def _one_at_zero(run: Run, step: int, layer: int) -> Bounded:
    z, slope = run("u", step, layer), run.right("slope", step, layer)
    return Bounded(np.where((z.value == 0) & (z.error == 0), 1.0, slope.value), slope.error)


def _leak_missing(run: Run, step: int, layer: int) -> Bounded:
    slope = run.right("slope", step, layer)
    return Bounded(np.where(slope.value == 1, 1.0, 0.0), slope.error)


def _of_other_layer(shift: int) -> Formula:
    return lambda run, step, layer: derivative(run, run.function(layer), run("u", step, layer + shift))


def _other_fits(shift: int) -> Callable[[Problem, int], bool]:
    def applies(problem: Problem, layer: int) -> bool:
        other = layer + shift
        if not 1 <= other < len(problem.layers):
            return False
        return bends(problem, layer) and problem.layers[layer - 1].units == problem.layers[other - 1].units

    return applies


def _mask_of_gradient(run: Run, step: int, layer: int) -> Bounded:
    back = run("back", step, layer)
    undecided = (np.abs(back.value) <= back.error) & np.greater(back.error, 0)
    return Bounded(np.where(back.value > 0, 1.0, 0.0), np.where(undecided, 1.0, 0.0))


def _mask_of_gradient_too(run: Run, step: int, layer: int) -> Bounded:
    return run.times(run.right("slope", step, layer), _mask_of_gradient(run, step, layer))


def _slope(id: str, sentence: str, actual: str, formula: Formula, applies: Callable[[Problem, int], bool], where: str = "layer") -> Mistake:
    return Mistake(id, sentence, RIGHT, actual, {"slope": formula}, where, applies)  # type: ignore[arg-type]


_OTHERS = ("sigmoid", "tanh", "relu", "elu", "silu", "softplus", "gelu")

SLOPES = (
    _slope("slope-missing", "f′ is left out of the error term of {layer}", "δ = ∂L/∂a", _missing, bends),
    _slope(
        "slope-of-activation",
        "f′ is evaluated on the activation of {layer}, which has gone through f already",
        "δ = ∂L/∂a ∘ f′(a)",
        _of_activation,
        is_smooth,
    ),
    _slope(
        "slope-of-pre-activation",
        "the derivative is written for the activation a, and given z, in {layer}",
        "δ = ∂L/∂a ∘ z(1 − z), or 1 − z² for tanh",
        _of_pre_activation,
        has("sigmoid", "tanh"),
    ),
    _slope(
        "slope-at-input",
        "f′ is evaluated at the input of {layer}, not at its z",
        "δ = ∂L/∂a ∘ f′(input)",
        _at_input,
        lambda problem, layer: bends(problem, layer) and is_square(problem, layer),
    ),
    _slope("only-one-minus-a", "of a(1 − a) only 1 − a is left in {layer}", "δ = ∂L/∂a ∘ (1 − a)", _one_minus_a, has("sigmoid")),
    _slope("only-one-minus-a", "1 − a stands for 1 − a² in {layer}", "δ = ∂L/∂a ∘ (1 − a)", _one_minus_a, has("tanh")),
    _slope("slope-square-misplaced", "(1 − a)² stands for 1 − a² in {layer}", "δ = ∂L/∂a ∘ (1 − a)²", _one_minus_a_squared, has("tanh")),
    _slope("only-a", "of a(1 − a) only a is left in {layer}", "δ = ∂L/∂a ∘ a", _only_a, has("sigmoid")),
    _slope(
        "leak-missing", "the slope below 0 is left out on the way back in {layer}", "δ = ∂L/∂a ∘ [z > 0]", _leak_missing, has("leaky_relu")
    ),
    _slope(
        "slope-of-other",
        "the derivative of tanh stands for that of sigmoid in {layer}",
        "δ = ∂L/∂a ∘ (1 − a²)",
        _one_minus_square,
        has("sigmoid"),
    ),
    _slope(
        "slope-of-other",
        "the derivative of sigmoid stands for that of tanh in {layer}",
        "δ = ∂L/∂a ∘ a(1 − a)",
        _a_times_one_minus_a,
        bends_but_not("sigmoid"),
    ),
    *(
        _slope(
            "slope-of-other",
            f"the derivative of {name} stands for the layer's own in {{layer}}",
            f"δ = ∂L/∂a ∘ {name}′(z)",
            _of_function(name),
            bends_but_not(name),
        )
        for name in _OTHERS
    ),
    _slope(
        "slope-of-other",
        "the derivative of tanh, 1 − a², stands for the layer's own in {layer}",
        "δ = ∂L/∂a ∘ (1 − a²)",
        _one_minus_square,
        bends_but_not("sigmoid", "tanh"),
    ),
    _slope(
        "slope-extra",
        "a derivative of sigmoid is applied in {layer}, which is linear",
        "δ = ∂L/∂a ∘ a(1 − a)",
        _a_times_one_minus_a,
        has("identity"),
    ),
    *(
        _slope(
            "slope-extra",
            f"a derivative of {name} is applied in {{layer}}, which is linear",
            f"δ = ∂L/∂a ∘ {name}′(z)",
            _of_function(name),
            has("identity"),
        )
        for name in ("sigmoid", "tanh", "relu")
    ),
    _slope("slope-plus", "the sign in 1 − a² is wrong in {layer}", "δ = ∂L/∂a ∘ (1 + a²)", _one_plus_square, has("tanh", "sigmoid")),
    _slope("slope-squared-activation", "a² stands for a(1 − a) in {layer}", "δ = ∂L/∂a ∘ a²", _squared, has("sigmoid", "tanh")),
    _slope("slope-twice", "f′ is applied twice in {layer}", "δ = ∂L/∂a ∘ f′(z)²", _slope_twice, is_smooth),
    _slope(
        "output-slope-at-hidden",
        "the output's f′ is used in {layer}",
        "δ = ∂L/∂a ∘ f′(z of the output)",
        _of_output,
        lambda problem, layer: bends(problem, layer) and _output_fits(problem, layer),
        "hidden",
    ),
    _slope(
        "mask-inverted",
        "the mask of relu is inverted in {layer}: it lets through where z ≤ 0",
        "δ = ∂L/∂a ∘ [z ≤ 0]",
        _inverted,
        has("relu", "leaky_relu"),
    ),
    _slope(
        "slope-at-zero",
        "the slope at an exact z = 0 is taken as 1 in {layer}, where PyTorch has that of the negative side: >= for >",
        "δ = ∂L/∂a ∘ [z ≥ 0]",
        _one_at_zero,
        has("relu", "leaky_relu"),
    ),
    *(
        _slope(
            "mask-of-other-layer",
            f"f′ is evaluated at the z of the layer {word} it, in {{layer}}",
            "δ = ∂L/∂a ∘ f′(another layer's z)",
            _of_other_layer(shift),
            _other_fits(shift),
        )
        for shift, word in ((1, "after"), (-1, "before"))
    ),
    _slope(
        "relu-of-gradient",
        "relu is applied to the gradient in {layer}, in place of the mask of z",
        "δ = max(∂L/∂a, 0)",
        _mask_of_gradient,
        has("relu"),
    ),
    _slope(
        "relu-of-gradient",
        "relu is applied to the gradient in {layer}, beside the mask of z",
        "δ = max(∂L/∂a, 0) ∘ [z > 0]",
        _mask_of_gradient_too,
        has("relu"),
    ),
)
