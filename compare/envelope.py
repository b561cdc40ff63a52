"""The envelope of a step: the most by which two honest implementations can differ, for every number that a step shows.

`envelope` computes it, a forward and a backward pass in `rounding`'s arithmetic. `screen` gives a bound that lies below it and costs
next to nothing: what the screen clears, the envelope would accept.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compare.implementation import Array, StepRecord
from compare.problem import Problem
from compare.rounding import ACTIVATIONS, LOSSES, Bounded, Precision, plus, product, scaled, times, total, transposed

Parameters = Mapping[str, Array]
Weights = Mapping[str, Bounded]


def envelope(problem: Problem, x: Array, y: Array, params: Parameters, gaps: Parameters) -> StepRecord:
    """The bounds on |actual − expected| for a step from `params`, one side's weights, where the other's differ by `gaps`.

    Any of the arrays may carry a leading axis of steps. Derived in float64, whatever the problem's dtype; overflow makes a bound infinite
    or NaN, and no gap is within such a bound.
    """
    precision = Precision(problem.dtype)
    weights = _weights(problem, params, gaps)
    with np.errstate(all="ignore"):
        forward, loss, errors, grads = _passes(problem, x, y, weights, precision)
        # Two roundings: the product, and lr itself, which float32 cannot hold.
        deltas = {name: scaled(grads[name], -problem.lr, 2, precision) for name in weights}
        # The gap before the step is no error of the sum: see `Block.pairs`. To add it rounds once more.
        after = {name: plus(Bounded(weights[name].value), deltas[name], precision) for name in weights}
        shift = {name: np.where(gaps[name] > 0, precision.u / 2 * np.abs(after[name].value), 0.0) for name in weights}

    def bounds(bounded: Mapping[str, Bounded]) -> dict[str, Array]:
        return {name: np.asarray(value.error) for name, value in bounded.items()}

    return StepRecord(
        activations=bounds({name: output for (_, name, _), output in zip(problem.layers, forward.outputs, strict=True)}),
        output=np.asarray(forward.outputs[-1].error),
        loss=np.asarray(loss.error),
        errors=bounds({linear: errors[linear] for linear, _, _ in problem.layers}),
        grads=bounds({name: grads[name] for name in weights}),
        deltas=bounds(deltas),
        params={name: after[name].error + shift[name] for name in weights},
    )


def lost_in_drift(problem: Problem, x: Array, y: Array, params: Parameters, gaps: Parameters) -> dict[str, Array]:
    """For each weight: whether its gradient's bounds say nothing any more, because the two sides' weights have drifted apart.

    That is so where each bound is at least Σ|δ||a|, the most that the gradient could be with all its terms of one sign, so that any
    gradient would pass, also none; and where it would not be so with the gaps at zero. The gradients' own cancellation, as at a
    minimum, does not count, nor does saturation.
    """
    precision = Precision(problem.dtype)
    none = {name: np.zeros_like(gap) for name, gap in gaps.items()}
    lost: dict[str, Array] = {}
    with np.errstate(all="ignore"):
        forward, _, errors, drifted = _passes(problem, x, y, _weights(problem, params, gaps), precision)
        _, _, _, sharp = _passes(problem, x, y, _weights(problem, params, none), precision)
        for (linear, _, _), a in zip(problem.layers, forward.inputs, strict=True):
            name = f"{linear}.weight"
            most = np.abs(errors[linear].value).swapaxes(-1, -2) @ np.abs(a.value)
            says_something = [np.any(np.asarray(grads[name].error) < most, axis=(-2, -1)) for grads in (drifted, sharp)]
            lost[name] = np.asarray(~says_something[0] & says_something[1])
    return lost


def prediction_envelope(problem: Problem, x: Array, params: Parameters, gaps: Parameters) -> Array:
    """The bounds on |actual − expected| for the outputs (n, k) at inputs x, from weights that differ by `gaps`."""
    with np.errstate(all="ignore"):
        forward = _forward(problem, x, _weights(problem, params, gaps), Precision(problem.dtype))
    return np.asarray(forward.outputs[-1].error)


def screen(problem: Problem, expected: StepRecord) -> StepRecord:
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
        params=None if expected.params is None else {name: precision.u * np.abs(array) for name, array in expected.params.items()},
    )


@dataclass(frozen=True)
class _Forward:
    """Each layer's input, its activation a = f(z), and its slope f′(z)."""

    inputs: list[Bounded]
    outputs: list[Bounded]
    slopes: list[Bounded]


def _passes(
    problem: Problem, x: Array, y: Array, weights: Weights, precision: Precision
) -> tuple[_Forward, Bounded, dict[str, Bounded], dict[str, Bounded]]:
    """The forward pass, the loss, and by name each layer's δ and each parameter's gradient."""
    forward = _forward(problem, x, weights, precision)
    loss, error = LOSSES[problem.loss](forward.outputs[-1], y.astype(np.float64), precision)
    errors: dict[str, Bounded] = {}
    grads: dict[str, Bounded] = {}
    for index, (linear, _, _) in reversed(list(enumerate(problem.layers))):
        delta = errors[linear] = times(error, forward.slopes[index], precision)                       # δ = ∂L/∂a ∘ f′(z)
        grads[f"{linear}.weight"] = product(transposed(delta), forward.inputs[index], precision)      # ∂L/∂W = δᵀ a
        if problem.bias:
            grads[f"{linear}.bias"] = total(delta, (-2,), precision)                                  # ∂L/∂b = Σₙ δ
        if index > 0:
            error = product(delta, weights[f"{linear}.weight"], precision)                            # ∂L/∂a = δ W
    return forward, loss, errors, grads


def _forward(problem: Problem, x: Array, weights: Weights, precision: Precision) -> _Forward:
    forward = _Forward([], [], [])
    a = Bounded(x.astype(np.float64))
    for linear, _, activation in problem.layers:
        forward.inputs.append(a)
        bias = _as_row(weights[f"{linear}.bias"]) if problem.bias else None
        z = product(a, transposed(weights[f"{linear}.weight"]), precision, bias)                      # z = a Wᵀ + b
        a, slope = ACTIVATIONS[activation].bounds(z, precision)
        forward.outputs.append(a)
        forward.slopes.append(slope)
    return forward


def _weights(problem: Problem, params: Parameters, gaps: Parameters) -> Weights:
    return {name: Bounded(params[name].astype(np.float64), gaps[name].astype(np.float64)) for name in problem.shapes()}


def _as_row(bias: Bounded) -> Bounded:
    return Bounded(bias.value[..., None, :], np.asarray(bias.error)[..., None, :])
