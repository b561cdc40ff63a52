"""Mistakes in the forward pass."""


import numpy as np

from ...problem.pieces import ACTIVATIONS
from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded
from ..formulas import Formula, activated, is_elementwise, one_hot
from ..graph import At
from ..mistake import Applies, Mistake
from .slopes import derivative
from .where import bends, has_bias


def _function(name: str) -> Formula:
    return lambda at: activated(name, at("u"))[0]


def _derivative(name: str) -> Formula:
    return lambda at: derivative(name, at("u"))


def _is_another(name: str) -> Applies:
    return lambda problem, layer: is_elementwise(problem.layers[layer - 1].function) and problem.layers[layer - 1].function != name


def _is_sigmoid(problem: Problem, layer: int) -> bool:
    return problem.layers[layer - 1].function == "sigmoid"


def _reversed(at: At) -> Bounded:
    return activated("sigmoid", -at("u"))[0]


def _bias_twice(at: At) -> Bounded:
    z = at.right("z")
    return z + at("bias").broadcast_to(z.value.shape)


def _weight_untransposed(at: At) -> Bounded:
    bias = at("bias")
    return at("input").matmul(at("weight"), None if bias is None else bias[None, :])


def _jacobian_of_the_answer(at: At) -> Bounded:
    """δᵢ = aᵢ (∂L/∂aᵢ − Σⱼ ∂L/∂aⱼ aⱼ), whatever a is."""
    a, error = at("a"), at("back")
    return a * (error - (error * a).sum(-1)[:, None])


def _without_parentheses(at: At) -> Bounded:
    """1/1 + e⁻ᶻ, which is 1/σ(z)."""
    a = at.right("a")
    return at.exact(np.ones_like(a.value), np.zeros_like(a.value)).over(a, 1e-300)


def _slope_without_parentheses(at: At) -> Bounded:
    a = at("a")
    return a * (1 - a)


def _whole_sum(at: At, z: Bounded, maximum_of_each: bool) -> Bounded:
    """eᶻ less the maximum, of each record or of all, over the sum of all records."""
    p = activated("softmax", z)[0]
    largest = np.max(p.value, axis=-1, keepdims=True)
    most = at.exact(largest, np.max(p.error, axis=-1, keepdims=True))
    powers = p.over(most, 1e-300)      # of each record, the largest being 1
    if not maximum_of_each:
        own = z.value.max(axis=-1, keepdims=True)
        shift = np.exp(own - own.max())
        powers = powers * at.exact(shift, shift * (2 * np.max(z.error) + 16 * at.run.precision.u * (1 + np.abs(own).max())))
    total = powers.sum(-2).sum(-1)
    return powers.over(total, 1e-300)


def _sum_of_all(maximum_of_each: bool) -> dict[str, Formula]:
    """The derivative and the value of cross-entropy with such probabilities."""

    def term(at: At) -> Bounded:
        return _whole_sum(at, at("output"), maximum_of_each) - one_hot(at)

    def loss(at: At) -> Bounded:
        p = _whole_sum(at, at("output"), maximum_of_each)
        logs = -np.log(p.value)
        error = np.log1p(p.error / np.maximum(p.value - p.error, 1e-300)) + 8 * at.run.precision.u * np.abs(logs)
        return (at.exact(logs, error) * one_hot(at)).sum(-2).sum(-1).scaled(at.right("share"))

    return {"term": term, "loss": loss}


def _units_over_all(maximum_of_each: bool) -> dict[str, Formula]:
    """A layer's softmax divided so, and the way back written for what it comes to."""

    def activation(at: At) -> Bounded:
        return _whole_sum(at, at("u"), maximum_of_each)

    def back(at: At) -> Bounded:
        """δᵢ = aᵢ (gᵢ − Σⱼ gⱼ aⱼ)."""
        a, g = at("a"), at("back")
        slack = a.precision.gamma(a.value.shape[-1] + 4) * a.at_most() * np.max(g.at_most(), axis=-1, keepdims=True)
        return (a * (g - (g * a).sum(-1)[:, None])).off_by(slack)

    return {"a": activation, "delta_u": back}


def _mean(a: Bounded, axis: int | None, less: int = 0) -> Bounded:
    """The mean over the records, or over everything, broadcast   (1, in) or (1, 1)."""
    total = a.sum(0)
    count = a.value.shape[0] - less
    if axis is None:
        total, count = total.sum(-1), a.value.size - less
    mean = total.scaled(1 / count)
    return mean.rearranged(lambda each: np.reshape(each, (1, -1)))


def _standardised(axis: int | None, less: int, guard: float) -> Formula:
    def formula(at: At) -> Bounded:
        x = at.right("x")
        exact = at.exact(x.value, np.zeros_like(x.value))
        centred = exact - _mean(exact, axis)
        deviation = _mean(centred * centred, axis, less).root()
        return centred.over(deviation + at.exact(np.asarray(guard)), 1e-300)

    return formula


def _ranged(axis: int | None, of: str) -> Formula:
    """x over its largest number, or size of a number, or from its least to its largest taken as 0 to 1."""

    def formula(at: At) -> Bounded:
        x = at.right("x").value
        least = x.min(axis=axis, keepdims=True) if of == "range" else np.zeros((1, 1))
        span = np.abs(x).max(axis=axis, keepdims=True) if of == "size" else x.max(axis=axis, keepdims=True) - least
        value = (x - least) / span
        return at.exact(value, 4 * at.run.precision.u * np.abs(value))

    return formula


_NORMALISED = (
    *(
        (f"x standardised {over}{by}{said}", _standardised(axis, less, guard))
        for axis, over in ((0, "by column"), (None, "as a whole"))
        for less, by in ((0, ""), (1, ", over n − 1"))
        for guard, said in ((0.0, ""), (1e-8, ", with 1e-8"))
    ),
    *(
        (f"x over its {what}, {over}", _ranged(axis, of))
        for axis, over in ((0, "by column"), (None, "as a whole"))
        for of, what in (("size", "largest size"), ("most", "largest number"), ("range", "range"))
    ),
)

_RIGHT = "a = f(z)"

FORWARD = (
    Mistake("sigmoid-reversed", "the exponent's sign is wrong in the sigmoid of {layer}: eᶻ for e⁻ᶻ", "σ(z) = 1/(1 + e⁻ᶻ)",
            "σ(−z) = 1/(1 + eᶻ)", {"a": _reversed}, "layer", _is_sigmoid),
    Mistake("sigmoid-reversed", "the exponent's sign is wrong in the sigmoid of {layer}, and in its derivative", "σ(z) = 1/(1 + e⁻ᶻ)",
            "σ(−z) = 1/(1 + eᶻ)", {"a": _reversed, "slope": lambda at: -at.right("slope")}, "layer", _is_sigmoid),
    *(
        Mistake("activation-other" if name != "identity" else "activation-missing",
                f"the activation of {{layer}} is {name}" if name != "identity" else "the activation of {layer} is left out", _RIGHT,
                f"a = {name}(z)" if name != "identity" else "a = z",
                {"a": _function(name), **({"slope": _derivative(name)} if with_slope else {})}, "layer", _is_another(name), alone=True,
                slow=name != "identity")
        for name in ACTIVATIONS
        if is_elementwise(name)
        for with_slope in (True, False)
    ),
    Mistake("sigmoid-without-parentheses", "parentheses are missing in the sigmoid of {layer}: 1/1 + e⁻ᶻ", "σ(z) = 1/(1 + e⁻ᶻ)",
            "a = 1 + e⁻ᶻ", {"a": _without_parentheses, "slope": _slope_without_parentheses}, "layer", _is_sigmoid, alone=True),
    Mistake("sigmoid-without-parentheses", "parentheses are missing in the sigmoid of {layer}, and not in its derivative: 1/1 + e⁻ᶻ",
            "σ(z) = 1/(1 + e⁻ᶻ)", "a = 1 + e⁻ᶻ", {"a": _without_parentheses}, "layer", _is_sigmoid, alone=True),
    *(
        Mistake("softmax-sum-of-all", f"softmax is divided by the sum over all records{said}", "p = eᶻ / Σₖ eᶻ of each record",
                "p = eᶻ / Σₙ Σₖ eᶻ", _sum_of_all(maximum_of_each), applies=lambda problem, layer: problem.loss == "cross_entropy",
                alone=True)
        for maximum_of_each, said in ((True, ", with the maximum of each taken off"), (False, ""))
    ),
    *(
        Mistake("softmax-sum-of-all", f"the softmax of {{layer}} is divided by the sum over all records{said}",
                "a = eᶻ / Σₖ eᶻ of each record", "a = eᶻ / Σₙ Σₖ eᶻ", _units_over_all(maximum_of_each), "layer",
                lambda problem, layer: problem.layers[layer - 1].function == "softmax", alone=True)
        for maximum_of_each, said in ((True, ", with the maximum of each taken off"), (False, ""))
    ),
    *(
        Mistake("inputs-normalised", f"the inputs are normalised inside the step, batch by batch: {how}", "x", how, {"x": formula},
                alone=True, slow=True)
        for how, formula in _NORMALISED
    ),
    Mistake("activation-twice", "f is applied twice in {layer}", _RIGHT, "a = f(f(z))",
            {"a": lambda at: activated(at.function, at.right("a"))[0]}, "layer", bends),
    Mistake("bias-left-out", "the biases of {layer} are left out of z", "z = a Wᵀ + b", "z = a Wᵀ",
            {"z": lambda at: at("input") @ at("weight").T}, "layer", has_bias),
    Mistake("bias-twice", "the biases of {layer} are added twice", "z = a Wᵀ + b", "z = a Wᵀ + 2b", {"z": _bias_twice}, "layer", has_bias),
    Mistake("weights-transposed", "the weights of {layer} are transposed on the way forward", "z = a Wᵀ + b", "z = a W + b",
            {"z": _weight_untransposed}, "layer",
            lambda problem, layer: problem.layers[layer - 1].units_in == problem.layers[layer - 1].units),
    *(
        Mistake("softmax-axis", "softmax is taken over the records, not over the units, in {layer}", "a = softmax of each record",
                "a = softmax of each unit", {"a": lambda at: activated(at.function, at("u").T)[0].T, **back}, "layer",
                lambda problem, layer: not is_elementwise(problem.layers[layer - 1].function))
        for back in ({"delta_u": _jacobian_of_the_answer}, {})
    ),
)
