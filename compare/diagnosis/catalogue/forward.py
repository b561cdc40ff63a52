"""Mistakes in the forward pass."""

from collections.abc import Callable

import numpy as np

from compare.diagnosis.catalogue.slopes import derivative
from compare.diagnosis.formulas import Formula, is_elementwise
from compare.diagnosis.graph import Run
from compare.diagnosis.mistake import Mistake
from compare.pieces import ACTIVATIONS
from compare.problem import Problem
from compare.rounding import Bounded, negative, transposed


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


def _is_softmax(problem: Problem, layer: int) -> bool:
    return not is_elementwise(problem.layers[layer - 1].function)


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
    Mistake(
        "softmax-axis",
        "softmax is taken over the records, not over the units, in {layer}",
        "a = softmax of each record",
        "a = softmax of each unit",
        {"a": _softmax_of_records},
        "layer",
        _is_softmax,
    ),
)
