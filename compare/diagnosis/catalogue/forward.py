"""Mistakes in the forward pass."""

from functools import partial

import numpy as np

from ...formulas.sampled import Sampled
from ...problem.pieces import ACTIVATIONS
from ..formulas import Formula, activated, is_elementwise, one_hot
from ..graph import At
from ..mistake import Mistake
from .slopes import derivative_of
from .where import bends, both, has, has_bias, is_square, loss_is, mixes_units, unless

_IS_SIGMOID = has("sigmoid")
_LEAST = 1e-300      # the least that a divisor is taken to be


def _reversed(at: At) -> Sampled:
    return activated("sigmoid", -at("u"))[0]


def _bias_twice(at: At) -> Sampled:
    z = at.right("z")
    return z + at("bias").broadcast_to(z.value.shape)


def _weight_untransposed(at: At) -> Sampled:
    bias = at("bias")
    return at("input").matmul(at("weight"), None if bias is None else bias[None, :])


def _through_softmax(at: At) -> Sampled:
    """Return δᵢ = aᵢ (gᵢ − Σⱼ gⱼ aⱼ), g = ∂L/∂a, the way back through a softmax, whatever a is   (n, out)."""
    a, g = at("a"), at("back")
    return a * (g - (g * a).sum(-1)[:, None])


def _without_parentheses(at: At) -> Sampled:
    """Return 1/1 + e⁻ᶻ, which is 1/σ(z)."""
    a = at.right("a")
    return at.exact(np.ones_like(a.value), np.zeros_like(a.value)).over(a, _LEAST)


def _over_sum_of_all(at: At, stage: str, maximum_of_each: bool) -> Sampled:
    """Return eᶻ over its sum over all records and units, z that stage less the maximum of each record or of all   (n, k)."""
    z = at(stage)
    p = activated("softmax", z)[0]
    largest = np.max(p.value, axis=-1, keepdims=True)
    most = at.exact(largest, np.max(p.error, axis=-1, keepdims=True))
    powers = p.over(most, _LEAST)      # of each record, the largest being 1
    if not maximum_of_each:
        own = z.value.max(axis=-1, keepdims=True)
        shift = np.exp(own - own.max())
        powers = powers * at.exact(shift, shift * (2 * np.max(z.error) + 16 * at.run.precision.u * (1 + np.abs(own).max())))
    return powers.over(powers.sum(-2).sum(-1), _LEAST)


def _term_over_all(at: At, maximum_of_each: bool) -> Sampled:
    """Return cross-entropy's p − y with these probabilities."""
    return _over_sum_of_all(at, "output", maximum_of_each) - one_hot(at)


def _loss_over_all(at: At, maximum_of_each: bool) -> Sampled:
    """Return the cross-entropy of these probabilities."""
    p = _over_sum_of_all(at, "output", maximum_of_each)
    logs = -np.log(p.value)
    error = np.log1p(p.error / np.maximum(p.value - p.error, _LEAST)) + 8 * at.run.precision.u * np.abs(logs)
    return (at.exact(logs, error) * one_hot(at)).sum(-2).sum(-1).scaled(at.right("share"))


def _back_over_all(at: At) -> Sampled:
    """Return δ through a softmax for an activation that is divided so, in any order of the sum over the units."""
    a, g = at("a"), at("back")
    slack = a.precision.gamma(a.value.shape[-1] + 4) * a.at_most() * np.max(g.at_most(), axis=-1, keepdims=True)
    return _through_softmax(at).off_by(slack)


def _mean(a: Sampled, axis: int | None, less: int = 0) -> Sampled:
    """Return the mean over the records, or over everything, divided by `less` fewer   (1, in) or (1, 1)."""
    total, count = a.sum(0), a.value.shape[0] - less
    if axis is None:
        total, count = total.sum(-1), a.value.size - less
    return total.scaled(1 / count).rearranged(lambda each: np.reshape(each, (1, -1)))


def _standardised(at: At, axis: int | None, less: int, guard: float) -> Sampled:
    """Return (x − mean) / (√variance + guard), of each column or of all   (n, in)."""
    value = at.right("x").value
    x = at.exact(value, np.zeros_like(value))
    centred = x - _mean(x, axis)
    deviation = _mean(centred * centred, axis, less).root()
    return centred.over(deviation + at.exact(np.asarray(guard)), _LEAST)


def _ranged(at: At, axis: int | None, of: str) -> Sampled:
    """Return x over its largest number, or largest |x|, or with its range taken as 0 to 1   (n, in)."""
    x = at.right("x").value
    least = x.min(axis=axis, keepdims=True) if of == "range" else np.zeros((1, 1))
    span = np.abs(x).max(axis=axis, keepdims=True) if of == "size" else x.max(axis=axis, keepdims=True) - least
    value = (x - least) / span
    return at.exact(value, 4 * at.run.precision.u * np.abs(value))


_OVER = ((0, "by column"), (None, "as a whole"))
_NORMALISED: tuple[tuple[str, Formula], ...] = (
    *(
        (f"x standardised {over}{by}{said}", partial(_standardised, axis=axis, less=less, guard=guard))
        for axis, over in _OVER
        for less, by in ((0, ""), (1, ", over n − 1"))
        for guard, said in ((0.0, ""), (1e-8, ", with 1e-8"))
    ),
    *(
        (f"x over its {what}, {over}", partial(_ranged, axis=axis, of=of))
        for axis, over in _OVER
        for of, what in (("size", "largest size"), ("most", "largest number"), ("range", "range"))
    ),
)

_RIGHT = "a = f(z)"
_SIGMOID = "σ(z) = 1/(1 + e⁻ᶻ)"
_MAXIMUM = ((True, ", with the maximum of each taken off"), (False, ""))


def _activation_of(name: str) -> Formula:
    return lambda at: activated(name, at("u"))[0]


FORWARD = (
    Mistake("sigmoid-reversed", "the exponent's sign is wrong in the sigmoid of {layer}: eᶻ for e⁻ᶻ", _SIGMOID,
            "σ(−z) = 1/(1 + eᶻ)", {"a": _reversed}, "layer", _IS_SIGMOID),
    Mistake("sigmoid-reversed", "the exponent's sign is wrong in the sigmoid of {layer}, and in its derivative", _SIGMOID,
            "σ(−z) = 1/(1 + eᶻ)", {"a": _reversed, "slope": lambda at: -at.right("slope")}, "layer", _IS_SIGMOID),
    *(
        Mistake("activation-other" if name != "identity" else "activation-missing",
                f"the activation of {{layer}} is {name}" if name != "identity" else "the activation of {layer} is left out", _RIGHT,
                f"a = {name}(z)" if name != "identity" else "a = z",
                {"a": _activation_of(name), **({"slope": derivative_of(name)} if with_slope else {})}, "layer",
                both(unless(mixes_units), unless(has(name))), alone=True, slow=name != "identity")
        for name in ACTIVATIONS
        if is_elementwise(name)
        for with_slope in (True, False)
    ),
    Mistake("sigmoid-without-parentheses", "parentheses are missing in the sigmoid of {layer}: 1/1 + e⁻ᶻ", _SIGMOID,
            "a = 1 + e⁻ᶻ", {"a": _without_parentheses, "slope": lambda at: at("a") * (1 - at("a"))}, "layer", _IS_SIGMOID, alone=True),
    Mistake("sigmoid-without-parentheses", "parentheses are missing in the sigmoid of {layer}, and not in its derivative: 1/1 + e⁻ᶻ",
            _SIGMOID, "a = 1 + e⁻ᶻ", {"a": _without_parentheses}, "layer", _IS_SIGMOID, alone=True),
    *(
        Mistake("softmax-sum-of-all", f"softmax is divided by the sum over all records{said}", "p = eᶻ / Σₖ eᶻ of each record",
                "p = eᶻ / Σₙ Σₖ eᶻ",
                {"term": partial(_term_over_all, maximum_of_each=of_each), "loss": partial(_loss_over_all, maximum_of_each=of_each)},
                applies=loss_is("cross_entropy"), alone=True)
        for of_each, said in _MAXIMUM
    ),
    *(
        Mistake("softmax-sum-of-all", f"the softmax of {{layer}} is divided by the sum over all records{said}",
                "a = eᶻ / Σₖ eᶻ of each record", "a = eᶻ / Σₙ Σₖ eᶻ",
                {"a": partial(_over_sum_of_all, stage="u", maximum_of_each=of_each), "delta_u": _back_over_all}, "layer",
                has("softmax"), alone=True)
        for of_each, said in _MAXIMUM
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
            {"z": _weight_untransposed}, "layer", is_square),
    *(
        Mistake("softmax-axis", "softmax is taken over the records, not over the units, in {layer}", "a = softmax of each record",
                "a = softmax of each unit", {"a": lambda at: activated(at.function, at("u").T)[0].T, **back}, "layer", mixes_units)
        for back in ({"delta_u": _through_softmax}, {})
    ),
)
