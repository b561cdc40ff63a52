"""The envelope of a step: for every number that a step shows, the most by which two honest implementations can differ.

`envelope` computes it by a forward pass, a backward pass and an update on bounded numbers. `screen` gives cheap bounds that lie below the
envelope: what the screen clears, the envelope would accept.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..problem.problem import Problem
from ..sides.interface import StepRecord
from ..support.arrays import Array
from .arithmetic import Bounded, Precision
from .backpropagation import activated, bias_gradient, dropped, input_error, linear, updated, weight_gradient
from .block import Block
from .difference import Key
from .rules import ACTIVATIONS, LOSSES, OPTIMIZERS, Pullback
from .rules.normalization import MOMENTUM, Normalized, evaluated, normalized, running

Parameters = Mapping[str, Array]
Carried = Mapping[str, Bounded]      # parameters, buffers and optimiser state by name


def envelope(problem: Problem, block: Block) -> StepRecord:
    """Return the bounds on |actual − expected| for the block's steps, from how far the two sides are apart before each step.

    They are derived in float64, whatever the problem's dtype; overflow makes a bound infinite or NaN, and no gap is within such a bound.
    """
    with np.errstate(all="ignore"):
        passes = _Passes(problem, block, block.gaps)
        state, deltas, params = _update(problem, block, passes.grads, passes.carried)
    return StepRecord(
        activations=_errors(passes.activations),
        buffers=_errors(passes.buffers),
        output=np.asarray(passes.output.error),
        loss=np.asarray(passes.loss.error),
        errors=_errors(passes.errors),
        grads=_errors(passes.grads),
        state=_errors(state),
        deltas=_errors(deltas),
        params=_errors(params),
    )


def decay(problem: Problem) -> dict[str, float]:
    """Return, for each carried array by name, the factor with which its value, and so a gap between the two sides, enters the next step."""
    slots = OPTIMIZERS[problem.optimizer].decay(problem.optimizer_options)
    state = {f"{name}.{slot}": slots[slot] for name in problem.shapes() for slot in problem.slots}
    return dict.fromkeys(problem.shapes(), 1.0) | dict.fromkeys(problem.buffer_shapes(), 1 - MOMENTUM) | state


def lost_in_drift(problem: Problem, block: Block) -> dict[str, NDArray[np.bool_]]:
    """Return, for each weight, in which steps the drift of the two sides' weights makes the bounds on its gradient meaningless.

    That is so where each bound is at least Σ|δ||a|, the most that the gradient could be with all its terms of one sign, so that any
    gradient would pass, even one of zeros; and where it would not be so with the gaps at zero. The gradients' own cancellation, as at a
    minimum, does not count, nor does saturation.
    """

    def is_meaningful(gaps: Parameters) -> dict[str, NDArray[np.bool_]]:
        passes = _Passes(problem, block, gaps)
        most = {
            f"{name}.weight": np.abs(delta.value).swapaxes(-1, -2) @ np.abs(passes.inputs[name].value)      # Σ|δ||a|
            for name, delta in passes.errors.items()
        }
        return {name: np.asarray(np.any(passes.grads[name].error < each, axis=(-2, -1))) for name, each in most.items()}

    with np.errstate(all="ignore"):
        drifted = is_meaningful(block.gaps)
        are_all = all(steps.all() for steps in drifted.values())
        without_drift = drifted if are_all else is_meaningful({name: np.zeros_like(gap) for name, gap in block.gaps.items()})
    return {name: ~drifted[name] & without_drift[name] for name in drifted}


def prediction_envelope(problem: Problem, x: Array, carried: Parameters, gaps: Parameters) -> Array:
    """Return the bounds on |actual − expected| for the outputs (n, k) at inputs x, from parameters and buffers that differ by `gaps`."""
    with np.errstate(all="ignore"):
        layers = _forward(problem, x, {}, _carried(carried, gaps, Precision(problem.dtype)), training=False)
    return np.asarray(layers[-1].activation.error)


def screen(problem: Problem, block: Block, without: Collection[Key] = ()) -> StepRecord:
    """Return bounds that lie below the envelope's, from what the expected side shows of the steps alone.

    The envelope counts both sides' roundings; each bound here counts one side's, of the last operation only. The other half makes up for
    the value at hand being rounded itself: |ĝ| ≤ (1 + γₙ) Σ|δ||a|, so γₙ|ĝ| ≤ 2γₙ Σ|δ||a|, and that is one summand of the envelope of
    ∂L/∂w; likewise for the others. The bounds on an optimiser's state and deltas are what its rule makes of that bound on the gradients.
    Parameters may differ by as much as their deltas do, which are within their own bounds or else not cleared, and by both sides' rounding.
    What has no cheap bound is cleared only where both sides are equal. There is no bound for the tensors `without`.
    """
    precision = Precision(problem.dtype, sides=1)
    expected = block.expected
    gamma = precision.gamma(block.records)
    last = problem.layers[-1]
    keys = block.pairs.keys() - without

    def compared(phase: str) -> dict[str, Array] | None:
        """Return the expected arrays of that phase that are compared."""
        arrays: Parameters | None = getattr(expected, phase)
        return None if arrays is None else {name: array for name, array in arrays.items() if (phase, name) in keys}

    def relative(factor: float, arrays: Parameters | None) -> dict[str, Array] | None:
        """Return `factor` · |array| for each array; exactly 0 for a factor of 0."""
        return None if arrays is None else {name: factor * np.abs(a) if factor else np.zeros_like(a) for name, a in arrays.items()}

    def after(name: str, array: Array) -> Array:
        """Return the rounding of w + Δw on both sides, and of adding any drift, plus the gap between both sides' Δw."""
        rounding = precision.u / (1 + precision.u) * np.abs(array)      # w + Δw as it was rounded is at most (1 + u) times what it is
        gap = np.abs(np.subtract(*block.pairs.get(("deltas", name), (0.0, 0.0))))
        return np.asarray(2 * rounding + np.where(block.drift[name] != 0, rounding, 0) + gap)

    deltas, state = relative(gamma, compared("deltas")), relative(0, expected.state)
    if problem.slots or problem.optimizer_options.get("weight_decay"):
        deltas = relative(0, expected.deltas)
        if expected.grads is not None:
            grads = {name: Bounded(array.astype(np.float64), precision, gamma * np.abs(array)) for name, array in expected.grads.items()}
            state, deltas, _ = map(_errors, _update(problem, block, grads, _carried(block.before, block.gaps, precision)))
    return StepRecord(
        activations=relative(0, compared("activations")),
        buffers=relative(0, expected.buffers),
        output=None if expected.output is None else ACTIVATIONS[last.function].floor(expected.output, last.units_in, precision),
        loss=None if expected.loss is None else gamma * np.abs(expected.loss),
        errors=relative(0, compared("errors")),
        grads=relative(gamma, compared("grads")),
        state=state if expected.state is not None else None,
        deltas=deltas if expected.deltas is not None else None,
        params=None if expected.params is None else {name: after(name, array) for name, array in expected.params.items()},
    )


class _Layer(NamedTuple):
    """A layer's forward pass: its input, its normalisation in training, its activation with the pullback, and dropout's mask."""

    input: Bounded
    normal: Normalized | None
    activation: Bounded
    pullback: Pullback
    mask: Any


class _Passes:
    """The forward and the backward pass, by name as a `StepRecord` shows them, and each linear layer's input."""

    def __init__(self, problem: Problem, block: Block, gaps: Parameters) -> None:
        self.carried = carried = _carried(block.before, gaps, Precision(problem.dtype))
        layers = list(zip(problem.layers, _forward(problem, block.x, block.masks, carried), strict=True))
        self.inputs = {layer.linear: passed.input for layer, passed in layers}
        self.activations = {layer.activation: passed.activation for layer, passed in layers}
        self.output = layers[-1][1].activation
        self.loss, error = LOSSES[problem.loss].bounds(self.output, block.y, problem.reduction)
        if problem.accumulate > 1:      # a part's mean counts with its share of the records: two more roundings
            self.loss, error = self.loss.scaled(1.0, 2), error.scaled(1.0, 2)
        self.buffers: dict[str, Bounded] = {}
        errors, grads = dict[str, Bounded](), dict[str, Bounded]()
        for layer, passed in reversed(layers):
            weight, normal = f"{layer.linear}.weight", passed.normal
            if passed.mask is not None:
                error = dropped(error, passed.mask, problem.dropout)
            delta = passed.pullback(error)                                          # ∂L/∂a ∘ f′(z)
            if normal is not None:
                delta, norm_grads = normal.pullback(delta)
                grads |= {f"{layer.norm}.{name}": grad for name, grad in norm_grads.items()}
            errors[layer.linear] = delta
            grads[weight] = weight_gradient(delta, passed.input)
            if problem.bias:
                grads[f"{layer.linear}.bias"] = bias_gradient(delta)
            if layer is not problem.layers[0]:
                error = input_error(delta, carried[weight])
        for layer, passed in layers:
            if passed.normal is not None and problem.normalization == "batch_norm":
                unbiased = passed.normal.variance.scaled(block.records / (block.records - 1))
                for statistic, batch in (("running_mean", passed.normal.mean), ("running_var", unbiased)):
                    name = f"{layer.norm}.{statistic}"
                    self.buffers[name] = _net_of_drift(block, name, carried[name], running(carried[name], batch[..., 0, :]))
        self.errors = dict(reversed(errors.items()))
        self.grads = {name: grads[name] for name in problem.shapes()}


def _forward(problem: Problem, x: Array, masks: Mapping[str, Any], carried: Carried, training: bool = True) -> list[_Layer]:
    a, layers = Bounded(x.astype(np.float64), Precision(problem.dtype)), []
    for layer in problem.layers:
        z = linear(a, carried[f"{layer.linear}.weight"], carried.get(f"{layer.linear}.bias"))
        normal = None
        if layer.norm:
            gamma, beta = (carried[f"{layer.norm}.{name}"] for name in ("weight", "bias"))
            if training or problem.normalization == "layer_norm":
                normal = normalized(str(problem.normalization), z, gamma, beta)
                z = normal.output
            else:
                z = evaluated(z, gamma, beta, carried[f"{layer.norm}.running_mean"], carried[f"{layer.norm}.running_var"])
        activation, pullback = activated(layer.function, z)
        mask = masks[layer.dropout] if layer.dropout and training else None
        layers.append(_Layer(a, normal, activation, pullback, mask))
        a = activation if mask is None else dropped(activation, mask, problem.dropout)
    return layers


def _update(problem: Problem, block: Block, grads: Carried, carried: Carried) -> tuple[dict[str, Bounded], ...]:
    """Return the optimiser's state, the deltas and the parameters after the step, by name."""
    rule = OPTIMIZERS[problem.optimizer]
    state, deltas, params = dict[str, Bounded](), dict[str, Bounded](), dict[str, Bounded]()
    # Where no step is shown, it may be added record by record: by a file, which works in float64 whatever its answers are taken in.
    added = Precision(np.float64).gamma(block.records if block.actual.deltas is None else 0)
    for name in problem.shapes():
        w, g = carried[name], grads[name]
        step = np.asarray(block.steps).reshape(-1, *[1] * (g.value.ndim - 1))
        before = {slot: carried[f"{name}.{slot}"] for slot in problem.slots}
        deltas[name], after = rule.update(w, g, before, step, problem.lr, problem.update_options(name))
        params[name] = _net_of_drift(block, name, w, updated(w, deltas[name], added, (rule.roundings - 1) * w.precision.u))
        state |= {f"{name}.{slot}": _net_of_drift(block, f"{name}.{slot}", before[slot], array) for slot, array in after.items()}
    return state, deltas, params


def _net_of_drift(block: Block, name: str, before: Bounded, after: Bounded) -> Bounded:
    """Return a carried array with its bound less the part that is measured drift, whose addition in `Block.pairs` rounds once more."""
    if name not in block.drift:
        return after
    shift = np.where(np.asarray(before.error) > 0, after.precision.u * np.abs(after.value), 0.0)
    return after.like(after.value, after.error - block.decay[name] * before.error + shift)


def _carried(values: Parameters, gaps: Parameters, precision: Precision) -> dict[str, Bounded]:
    return {name: Bounded(array.astype(np.float64), precision, gaps[name].astype(np.float64)) for name, array in values.items()}


def _errors(arrays: Mapping[str, Bounded]) -> dict[str, Array]:
    return {name: np.asarray(array.error) for name, array in arrays.items()}
