"""The envelope of a step: the most by which two honest implementations can differ, for every number that a step shows.

`envelope` computes it, a forward and a backward pass in `rounding`'s arithmetic. `screen` gives a bound that lies below it and costs
next to nothing: what the screen clears, the envelope would accept.
"""

from collections.abc import Mapping

import numpy as np

from compare.implementation import Array, StepRecord
from compare.problem import Problem
from compare.rounding import ACTIVATIONS, LOSSES, Bounded, Precision, plus, product, scaled, times, total, transposed

Parameters = Mapping[str, Array]


def envelope(problem: Problem, x: Array, y: Array, params: Parameters, gaps: Parameters) -> StepRecord:
    """The bounds on |actual − expected| for a step from `params`, one side's weights, where the other's differ by `gaps`.

    Any of the arrays may carry a leading axis of steps. Derived in float64, whatever the problem's dtype; overflow makes a bound infinite
    or NaN, and no gap is within such a bound.
    """
    precision = Precision(problem.dtype)
    weights = {name: Bounded(params[name].astype(np.float64), gaps[name].astype(np.float64)) for name in problem.shapes()}
    with np.errstate(all="ignore"):
        inputs, outputs, slopes = _forward(problem, Bounded(x.astype(np.float64)), weights, precision)
        loss, error = LOSSES[problem.loss](outputs[-1], y.astype(np.float64), precision)

        errors: dict[str, Bounded] = {}
        grads: dict[str, Bounded] = {}
        for index, (linear, _, _) in reversed(list(enumerate(problem.layers))):
            delta = errors[linear] = times(error, slopes[index], precision)      # δ = ∂L/∂a ∘ f′(z)
            grads[f"{linear}.weight"] = product(transposed(delta), inputs[index], precision)      # δᵀ a
            if problem.bias:
                grads[f"{linear}.bias"] = total(delta, (-2,), precision)                # Σₙ δ
            if index > 0:
                error = product(delta, weights[f"{linear}.weight"], precision)          # δ W

        # Two roundings: the product, and lr itself, which float32 cannot hold.
        deltas = {name: scaled(grads[name], -problem.lr, 2, precision) for name in weights}
        after = {name: plus(weights[name], deltas[name], precision) for name in weights}

    def bounds(bounded: Mapping[str, Bounded]) -> dict[str, Array]:
        return {name: np.asarray(value.error) for name, value in bounded.items()}

    return StepRecord(
        activations=bounds({name: outputs[index] for index, (_, name, _) in enumerate(problem.layers)}),
        output=np.asarray(outputs[-1].error),
        loss=np.asarray(loss.error),
        errors=bounds({linear: errors[linear] for linear, _, _ in problem.layers}),
        grads=bounds({name: grads[name] for name in weights}),
        deltas=bounds(deltas),
        params=bounds(after),
    )


def prediction_envelope(problem: Problem, x: Array, params: Parameters, gaps: Parameters) -> Array:
    """The bounds on |actual − expected| for the outputs (n, k) at inputs x, from weights that differ by `gaps`."""
    precision = Precision(problem.dtype)
    weights = {name: Bounded(params[name].astype(np.float64), gaps[name].astype(np.float64)) for name in problem.shapes()}
    with np.errstate(all="ignore"):
        _, outputs, _ = _forward(problem, Bounded(x.astype(np.float64)), weights, precision)
    return np.asarray(outputs[-1].error)


def screen(problem: Problem, expected: StepRecord, gaps: Parameters) -> StepRecord:
    """Bounds that lie below the envelope's, from what the expected side shows of the steps alone.

    The envelope counts both sides' roundings; each bound here counts one side's, of the last operation only. That the other half
    is left over is what makes the proof: |ĝ| ≤ (1 + γₙ) Σ|δ||a| holds for the value at hand, so γₙ|ĝ| ≤ 2γₙ Σ|δ||a|, and that is one
    summand of the envelope of ∂L/∂w; likewise for the others. What has no cheap bound is cleared only where both sides are equal.
    """
    precision = Precision(problem.dtype, sides=1)
    n = problem.batches[0][0].shape[0] if expected.output is None else expected.output.shape[-2]
    gamma = precision.gamma(n)
    last = ACTIVATIONS[problem.activations[-1]]

    def scaled_by_gamma(arrays: Parameters | None) -> dict[str, Array] | None:
        return None if arrays is None else {name: gamma * np.abs(array) for name, array in arrays.items()}

    def nothing(arrays: Parameters | None) -> dict[str, Array] | None:
        return None if arrays is None else {name: np.zeros_like(array) for name, array in arrays.items()}

    return StepRecord(
        activations=nothing(expected.activations),
        output=None if expected.output is None else last.floor(expected.output, problem.sizes[-2], precision),
        loss=None if expected.loss is None else gamma * np.abs(expected.loss),
        errors=nothing(expected.errors),
        grads=scaled_by_gamma(expected.grads),
        deltas=scaled_by_gamma(expected.deltas),
        params=None if expected.params is None else {
            name: gaps[name] + precision.u * np.abs(array) for name, array in expected.params.items()
        },
    )


def _forward(
    problem: Problem, x: Bounded, weights: Mapping[str, Bounded], precision: Precision
) -> tuple[list[Bounded], list[Bounded], list[Bounded]]:
    """Each layer's input, its activation a = f(z) and its slope f′(z)."""
    inputs, outputs, slopes = [], [], []
    a = x
    for linear, _, activation in problem.layers:
        inputs.append(a)
        bias = _as_row(weights[f"{linear}.bias"]) if problem.bias else None
        z = product(a, transposed(weights[f"{linear}.weight"]), precision, bias)         # a Wᵀ + b
        a, slope = ACTIVATIONS[activation].bounds(z, precision)
        outputs.append(a)
        slopes.append(slope)
    return inputs, outputs, slopes


def _as_row(bias: Bounded) -> Bounded:
    return Bounded(bias.value[..., None, :], np.asarray(bias.error)[..., None, :])
