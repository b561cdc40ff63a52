"""Mistakes in the forward pass."""

from collections.abc import Callable

import numpy as np

from ...problem.pieces import ACTIVATIONS
from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded, negative, quotient, root, transposed
from ..formulas import Formula, is_elementwise
from ..graph import Run
from ..mistake import Mistake
from .slopes import derivative


def _function(name: str) -> Formula:
    return lambda run, step, layer: run.activated(name, run("u", step, layer))[0]


def _derivative(name: str) -> Formula:
    return lambda run, step, layer: derivative(run, name, run("u", step, layer))


def _is_another(name: str) -> Callable[[Problem, int], bool]:
    return lambda problem, layer: is_elementwise(problem.layers[layer - 1].function) and problem.layers[layer - 1].function != name


def _is_sigmoid(problem: Problem, layer: int) -> bool:
    return problem.layers[layer - 1].function == "sigmoid"


def _reversed(run: Run, step: int, layer: int) -> Bounded:
    return run.activated("sigmoid", negative(run("u", step, layer)))[0]


def _reversed_slope(run: Run, step: int, layer: int) -> Bounded:
    return negative(run.right("slope", step, layer))


def _without_bias(run: Run, step: int, layer: int) -> Bounded:
    return run.product(run("input", step, layer), transposed(run("weight", step, layer)))


def _bias_twice(run: Run, step: int, layer: int) -> Bounded:
    z, b = run.right("z", step, layer), run("bias", step, layer)
    row = Bounded(np.broadcast_to(b.value, z.value.shape), np.broadcast_to(b.error, z.value.shape))
    return run.plus(z, row)


def _has_bias(problem: Problem, layer: int) -> bool:
    return problem.bias


def _weight_untransposed(run: Run, step: int, layer: int) -> Bounded:
    bias = run("bias", step, layer)
    row = None if bias is None else Bounded(bias.value[None, :], bias.error)
    return run.product(run("input", step, layer), run("weight", step, layer), row)


def _is_square(problem: Problem, layer: int) -> bool:
    return problem.layers[layer - 1].units_in == problem.layers[layer - 1].units


def _f_twice(run: Run, step: int, layer: int) -> Bounded:
    return run.activated(run.function(layer), run.right("a", step, layer))[0]


def _bends(problem: Problem, layer: int) -> bool:
    return is_elementwise(problem.layers[layer - 1].function) and problem.layers[layer - 1].function != "identity"


def _softmax_of_records(run: Run, step: int, layer: int) -> Bounded:
    return transposed(run.activated(run.function(layer), transposed(run("u", step, layer)))[0])


def _jacobian_of_the_answer(run: Run, step: int, layer: int) -> Bounded:
    """δᵢ = aᵢ (∂L/∂aᵢ − Σⱼ ∂L/∂aⱼ aⱼ), whatever a is."""
    a, error = run("a", step, layer), run("back", step, layer)
    summed = run.total(run.times(error, a), axis=-1)
    row = Bounded(-summed.value[:, None], np.asarray(summed.error)[:, None])
    return run.times(a, run.plus(error, row))


def _is_softmax(problem: Problem, layer: int) -> bool:
    return not is_elementwise(problem.layers[layer - 1].function)


def _without_parentheses(run: Run, step: int, layer: int) -> Bounded:
    """1/1 + e⁻ᶻ, which is 1/σ(z)."""
    a = run.right("a", step, layer)
    return quotient(Bounded(np.ones_like(a.value), np.zeros_like(a.value)), a, 1e-300, run.precision)


def _slope_without_parentheses(run: Run, step: int, layer: int) -> Bounded:
    a = run("a", step, layer)
    return run.times(a, run.plus(Bounded(np.ones_like(a.value)), negative(a)))


def _whole_sum(run: Run, step: int, z: Bounded, maximum_of_each: bool) -> Bounded:
    """eᶻ less the maximum, of each record or of all, over the sum of all records."""
    p = run.activated("softmax", z)[0]
    largest = np.max(p.value, axis=-1, keepdims=True)
    most = Bounded(largest, np.max(p.error, axis=-1, keepdims=True))
    powers = quotient(p, most, 1e-300, run.precision)      # of each record, the largest being 1
    if not maximum_of_each:
        own = z.value.max(axis=-1, keepdims=True)
        shift = np.exp(own - own.max())
        powers = run.times(powers, Bounded(shift, shift * (2 * np.max(z.error) + 16 * run.precision.u * (1 + np.abs(own).max()))))
    total = run.total(run.total(powers), -1)
    return quotient(powers, total, 1e-300, run.precision)


def _sum_of_all(maximum_of_each: bool) -> dict[str, Formula]:
    """The derivative and the value of cross-entropy with such probabilities."""

    def wanted(run: Run, step: int) -> Bounded:
        y = run("y", step)
        return Bounded(np.eye(run.problem.sizes[-1])[y] if np.issubdtype(y.dtype, np.integer) else y.astype(np.float64))

    def term(run: Run, step: int, layer: int) -> Bounded:
        return run.plus(_whole_sum(run, step, run("output", step), maximum_of_each), negative(wanted(run, step)))

    def loss(run: Run, step: int, layer: int) -> Bounded:
        p = _whole_sum(run, step, run("output", step), maximum_of_each)
        logs = -np.log(p.value)
        error = np.log1p(p.error / np.maximum(p.value - p.error, 1e-300)) + 8 * run.precision.u * np.abs(logs)
        return run.scaled(run.total(run.total(run.times(Bounded(logs, error), wanted(run, step))), -1), run.right("share", step))

    return {"term": term, "loss": loss}


def _units_over_all(maximum_of_each: bool) -> dict[str, Formula]:
    """A layer's softmax divided so, and the way back written for what it comes to."""

    def activation(run: Run, step: int, layer: int) -> Bounded:
        return _whole_sum(run, step, run("u", step, layer), maximum_of_each)

    def back(run: Run, step: int, layer: int) -> Bounded:
        """δᵢ = aᵢ (gᵢ − Σⱼ gⱼ aⱼ)."""
        a, g = run("a", step, layer), run("back", step, layer)
        weighed = run.total(run.times(g, a), -1)
        inner = run.plus(g, Bounded(-weighed.value[:, None], np.asarray(weighed.error)[:, None]))
        slack = run.precision.gamma(a.value.shape[-1] + 4) * a.at_most() * np.max(g.at_most(), axis=-1, keepdims=True)
        delta = run.times(a, inner)
        return Bounded(delta.value, delta.error + slack)

    return {"a": activation, "delta_u": back}


def _mean(run: Run, a: Bounded, axis: int | None, less: int = 0) -> Bounded:
    """The mean over the records, or over everything, broadcast   (1, in) or (1, 1)."""
    total = run.total(a, 0)
    count = a.value.shape[0] - less
    if axis is None:
        total, count = run.total(total, -1), a.value.size - less
    mean = run.scaled(total, 1 / count)
    return Bounded(np.reshape(mean.value, (1, -1)), np.reshape(mean.error, (1, -1)))


def _standardised(axis: int | None, less: int, guard: float) -> Formula:
    def formula(run: Run, step: int, layer: int) -> Bounded:
        x = run.right("x", step)
        exact = Bounded(x.value, np.zeros_like(x.value))
        centred = run.plus(exact, negative(_mean(run, exact, axis)))
        deviation = root(_mean(run, run.times(centred, centred), axis, less), run.precision)
        return quotient(centred, run.plus(deviation, Bounded(np.asarray(guard))), 1e-300, run.precision)

    return formula


def _ranged(axis: int | None, of: str) -> Formula:
    """x over its largest number, or size of a number, or from its least to its largest taken as 0 to 1."""

    def formula(run: Run, step: int, layer: int) -> Bounded:
        x = run.right("x", step).value
        least = x.min(axis=axis, keepdims=True) if of == "range" else np.zeros((1, 1))
        span = np.abs(x).max(axis=axis, keepdims=True) if of == "size" else x.max(axis=axis, keepdims=True) - least
        value = (x - least) / span
        return Bounded(value, 4 * run.precision.u * np.abs(value))

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
    Mistake(
        "sigmoid-reversed",
        "the exponent's sign is wrong in the sigmoid of {layer}: eᶻ for e⁻ᶻ",
        "σ(z) = 1/(1 + e⁻ᶻ)",
        "σ(−z) = 1/(1 + eᶻ)",
        {"a": _reversed},
        "layer",
        _is_sigmoid,
    ),
    Mistake(
        "sigmoid-reversed",
        "the exponent's sign is wrong in the sigmoid of {layer}, and in its derivative",
        "σ(z) = 1/(1 + e⁻ᶻ)",
        "σ(−z) = 1/(1 + eᶻ)",
        {"a": _reversed, "slope": _reversed_slope},
        "layer",
        _is_sigmoid,
    ),
    *(
        Mistake(
            "activation-other" if name != "identity" else "activation-missing",
            f"the activation of {{layer}} is {name}" if name != "identity" else "the activation of {layer} is left out",
            _RIGHT,
            f"a = {name}(z)" if name != "identity" else "a = z",
            {"a": _function(name), **({"slope": _derivative(name)} if with_slope else {})},
            "layer",
            _is_another(name),
            alone=True,
            slow=name != "identity",
        )
        for name in ACTIVATIONS
        if is_elementwise(name)
        for with_slope in (True, False)
    ),
    Mistake(
        "sigmoid-without-parentheses",
        "parentheses are missing in the sigmoid of {layer}: 1/1 + e⁻ᶻ",
        "σ(z) = 1/(1 + e⁻ᶻ)",
        "a = 1 + e⁻ᶻ",
        {"a": _without_parentheses, "slope": _slope_without_parentheses},
        "layer",
        _is_sigmoid,
        alone=True,
    ),
    Mistake(
        "sigmoid-without-parentheses",
        "parentheses are missing in the sigmoid of {layer}, and not in its derivative: 1/1 + e⁻ᶻ",
        "σ(z) = 1/(1 + e⁻ᶻ)",
        "a = 1 + e⁻ᶻ",
        {"a": _without_parentheses},
        "layer",
        _is_sigmoid,
        alone=True,
    ),
    *(
        Mistake(
            "softmax-sum-of-all",
            f"softmax is divided by the sum over all records{said}",
            "p = eᶻ / Σₖ eᶻ of each record",
            "p = eᶻ / Σₙ Σₖ eᶻ",
            _sum_of_all(maximum_of_each),
            applies=lambda problem, layer: problem.loss == "cross_entropy",
            alone=True,
        )
        for maximum_of_each, said in ((True, ", with the maximum of each taken off"), (False, ""))
    ),
    *(
        Mistake(
            "softmax-sum-of-all",
            f"the softmax of {{layer}} is divided by the sum over all records{said}",
            "a = eᶻ / Σₖ eᶻ of each record",
            "a = eᶻ / Σₙ Σₖ eᶻ",
            _units_over_all(maximum_of_each),
            "layer",
            lambda problem, layer: problem.layers[layer - 1].function == "softmax",
            alone=True,
        )
        for maximum_of_each, said in ((True, ", with the maximum of each taken off"), (False, ""))
    ),
    *(
        Mistake(
            "inputs-normalised",
            f"the inputs are normalised inside the step, batch by batch: {how}",
            "x",
            how,
            {"x": formula},
            alone=True,
            slow=True,
        )
        for how, formula in _NORMALISED
    ),
    Mistake("activation-twice", "f is applied twice in {layer}", _RIGHT, "a = f(f(z))", {"a": _f_twice}, "layer", _bends),
    Mistake(
        "bias-left-out", "the biases of {layer} are left out of z", "z = a Wᵀ + b", "z = a Wᵀ", {"z": _without_bias}, "layer", _has_bias
    ),
    Mistake("bias-twice", "the biases of {layer} are added twice", "z = a Wᵀ + b", "z = a Wᵀ + 2b", {"z": _bias_twice}, "layer", _has_bias),
    Mistake(
        "weights-transposed",
        "the weights of {layer} are transposed on the way forward",
        "z = a Wᵀ + b",
        "z = a W + b",
        {"z": _weight_untransposed},
        "layer",
        _is_square,
    ),
    *(
        Mistake(
            "softmax-axis",
            "softmax is taken over the records, not over the units, in {layer}",
            "a = softmax of each record",
            "a = softmax of each unit",
            {"a": _softmax_of_records, **back},
            "layer",
            _is_softmax,
        )
        for back in ({"delta_u": _jacobian_of_the_answer}, {})
    ),
)
