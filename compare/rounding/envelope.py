"""The envelope of a step: the most by which two honest implementations can differ, for every number that a step shows.

`envelope` computes it, a forward and a backward pass and an update in `rounding`'s arithmetic. `screen` gives a bound that lies below it
and costs next to nothing: what the screen clears, the envelope would accept.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problem.problem import Problem
from ..sides.interface import StepRecord
from ..support.arrays import Array
from .arithmetic import Bounded, Precision
from .block import Block
from .difference import Key
from .rules import ACTIVATIONS, LOSSES, OPTIMIZERS
from .rules.normalization import MOMENTUM, evaluated, normalized, running, unbiased

Parameters = Mapping[str, Array]
Carried = Mapping[str, Bounded]      # parameters, buffers and optimiser state by name


def envelope(problem: Problem, block: Block) -> StepRecord:
    """The bounds on |actual − expected| for the block's steps, given by how much the two sides differ before each.

    Derived in float64, whatever the problem's dtype; overflow makes a bound infinite or NaN, and no gap is within such a bound.
    """
    with np.errstate(all="ignore"):
        passes = _passes(problem, block, block.gaps)
        update = _update(problem, block, passes.grads, passes.carried)

    def bounds(bounded: Mapping[str, Bounded]) -> dict[str, Array]:
        return {name: np.asarray(value.error) for name, value in bounded.items()}

    return StepRecord(
        activations=bounds(passes.activations),
        buffers=bounds(passes.buffers),
        output=np.asarray(passes.output.error),
        loss=np.asarray(passes.loss.error),
        errors=bounds(passes.errors),
        grads=bounds(passes.grads),
        state=bounds(update.state),
        deltas=bounds(update.deltas),
        params=bounds(update.params),
    )


def decay(problem: Problem) -> dict[str, float]:
    """By which factor each carried array, by name, and with it a gap between the two sides' enters the next step."""
    slots = OPTIMIZERS[problem.optimizer].decay(problem.optimizer_options)
    kept = {f"{name}.{slot}": slots[slot] for name in problem.shapes() for slot in problem.slots}
    return dict.fromkeys(problem.shapes(), 1.0) | dict.fromkeys(problem.buffer_shapes(), 1 - MOMENTUM) | kept


def lost_in_drift(problem: Problem, block: Block) -> dict[str, NDArray[np.bool_]]:
    """For each weight: whether its gradient's bounds say nothing any more, because the two sides' weights have drifted apart.

    That is so where each bound is at least Σ|δ||a|, the most that the gradient could be with all its terms of one sign, so that any
    gradient would pass, also none; and where it would not be so with the gaps at zero. The gradients' own cancellation, as at a
    minimum, does not count, nor does saturation.
    """

    def says_something(gaps: Parameters) -> dict[str, NDArray[np.bool_]]:
        passes = _passes(problem, block, gaps)
        says: dict[str, NDArray[np.bool_]] = {}
        for layer in problem.layers:
            name = f"{layer.linear}.weight"
            delta, a = np.abs(passes.errors[layer.linear].value), np.abs(passes.inputs[layer.linear].value)
            says[name] = np.asarray(np.any(np.asarray(passes.grads[name].error) < delta.swapaxes(-1, -2) @ a, axis=(-2, -1)))
        return says

    with np.errstate(all="ignore"):
        drifted = says_something(block.gaps)
        if all(says.all() for says in drifted.values()):
            return {name: ~says for name, says in drifted.items()}
        sharp = says_something({name: np.zeros_like(gap) for name, gap in block.gaps.items()})
    return {name: ~drifted[name] & sharp[name] for name in drifted}


def prediction_envelope(problem: Problem, x: Array, carried: Parameters, gaps: Parameters) -> Array:
    """The bounds on |actual − expected| for the outputs (n, k) at inputs x, from parameters and buffers that differ by `gaps`."""
    precision = Precision(problem.dtype)
    with np.errstate(all="ignore"):
        forward = _forward(problem, Bounded(x.astype(np.float64), precision), {}, _carried(carried, gaps, precision), training=False)
    return np.asarray(forward.layers[-1].activation.error)


def screen(problem: Problem, block: Block, without: Collection[Key] = ()) -> StepRecord:
    """Bounds that lie below the envelope's, from what the expected side shows of the steps alone.

    The envelope counts both sides' roundings; each bound here counts one side's, of the last operation only. That the other half
    is left over is what makes the proof: |ĝ| ≤ (1 + γₙ) Σ|δ||a| holds for the value at hand, so γₙ|ĝ| ≤ 2γₙ Σ|δ||a|, and that is one
    summand of the envelope of ∂L/∂w; likewise for the others. An optimiser's state and deltas are what its rule makes of that bound on the
    gradients. What has no cheap bound is cleared only where both sides are equal. There is no bound for the tensors `without`.
    """
    precision = Precision(problem.dtype, sides=1)
    expected = block.expected
    gamma = precision.gamma(block.records)
    last = ACTIVATIONS[problem.layers[-1].function]

    def of(phase: str) -> dict[str, Array] | None:
        """What is compared of that phase."""
        arrays: Parameters | None = getattr(expected, phase)
        return None if arrays is None else {
            name: array for name, array in arrays.items() if (phase, name) in block.pairs and (phase, name) not in without
        }

    def nothing(arrays: Parameters | None) -> dict[str, Array] | None:
        return None if arrays is None else {name: np.zeros_like(array) for name, array in arrays.items()}

    def relative(factor: float, arrays: Parameters | None) -> dict[str, Array] | None:
        return None if arrays is None else {name: factor * np.abs(array) for name, array in arrays.items()}

    deltas, state = relative(gamma, of("deltas")), nothing(expected.state)
    if problem.slots or problem.optimizer_options.get("weight_decay"):
        deltas = nothing(expected.deltas)
        if expected.grads is not None:
            grads = {name: Bounded(array.astype(np.float64), precision, gamma * np.abs(array)) for name, array in expected.grads.items()}
            update = _update(problem, block, grads, _carried(block.before, block.gaps, precision))
            state = {name: np.asarray(bounded.error) for name, bounded in update.state.items()}
            deltas = {name: np.asarray(bounded.error) for name, bounded in update.deltas.items()}
    return StepRecord(
        activations=nothing(of("activations")),
        buffers=nothing(expected.buffers),
        output=None if expected.output is None else last.floor(expected.output, problem.layers[-1].units_in, precision),
        loss=None if expected.loss is None else gamma * np.abs(expected.loss),
        errors=nothing(of("errors")),
        grads=relative(gamma, of("grads")),
        state=state if expected.state is not None else None,
        deltas=deltas if expected.deltas is not None else None,
        params=relative(precision.u, expected.params),
    )


@dataclass(frozen=True)
class _Layer:
    """One layer's input, its activation, and its way back: ∂L/∂(its output) ↦ δ and normalisation's gradients."""

    input: Bounded
    activation: Bounded
    pullback: Callable[[Bounded], tuple[Bounded, dict[str, Bounded]]]


@dataclass(frozen=True)
class _Forward:
    layers: list[_Layer]
    buffers: dict[str, Bounded]


@dataclass(frozen=True)
class _Passes:
    """The forward and the backward pass, by name as a `StepRecord` shows them; with each linear layer's input."""

    carried: Carried
    inputs: dict[str, Bounded]
    activations: dict[str, Bounded]
    buffers: dict[str, Bounded]
    output: Bounded
    loss: Bounded
    errors: dict[str, Bounded]
    grads: dict[str, Bounded]


@dataclass(frozen=True)
class _Update:
    state: dict[str, Bounded]
    deltas: dict[str, Bounded]
    params: dict[str, Bounded]


def _passes(problem: Problem, block: Block, gaps: Parameters) -> _Passes:
    precision = Precision(problem.dtype)
    carried = _carried(block.before, gaps, precision)
    forward = _forward(problem, Bounded(block.x.astype(np.float64), precision), block.masks, carried)
    output = forward.layers[-1].activation
    loss, error = LOSSES[problem.loss].bounds(output, block.y, problem.reduction)
    if problem.accumulate > 1:      # a part's mean counts with its share of the records: two more roundings
        loss, error = loss.scaled(1.0, 2), error.scaled(1.0, 2)
    errors: dict[str, Bounded] = {}
    grads: dict[str, Bounded] = {}
    for layer, passed in reversed(list(zip(problem.layers, forward.layers, strict=True))):
        delta, norm_grads = passed.pullback(error)                                                    # δ = ∂L/∂a ∘ f′(z)
        grads |= {f"{layer.norm}.{name}": grad for name, grad in norm_grads.items()}
        errors[layer.linear] = delta
        grads[f"{layer.linear}.weight"] = delta.T @ passed.input                                      # ∂L/∂W = δᵀ a
        if problem.bias:
            grads[f"{layer.linear}.bias"] = delta.sum(-2)                                             # ∂L/∂b = Σₙ δ
        if layer is not problem.layers[0]:
            error = delta @ carried[f"{layer.linear}.weight"]                                         # ∂L/∂a = δ W
    return _Passes(
        carried,
        {layer.linear: passed.input for layer, passed in zip(problem.layers, forward.layers, strict=True)},
        {layer.activation: passed.activation for layer, passed in zip(problem.layers, forward.layers, strict=True)},
        {name: _net_of_drift(block, name, carried[name], after) for name, after in forward.buffers.items()},
        output,
        loss,
        {layer.linear: errors[layer.linear] for layer in problem.layers},
        {name: grads[name] for name in problem.shapes()},
    )


def _forward(problem: Problem, x: Bounded, masks: Mapping[str, Any], carried: Carried, training: bool = True) -> _Forward:
    a, layers, buffers = x, [], {}
    for layer in problem.layers:
        bias = _as_row(carried[f"{layer.linear}.bias"]) if problem.bias else None
        z = a.matmul(carried[f"{layer.linear}.weight"].T, bias)                                       # z = a Wᵀ + b
        input_, normal = a, None
        if layer.norm:
            gamma, beta = (_as_row(carried[f"{layer.norm}.{name}"]) for name in ("weight", "bias"))
            if training or problem.normalization == "layer_norm":
                normal = normalized(str(problem.normalization), z, gamma, beta)
                z = normal.output
            else:
                mean, variance = (_as_row(carried[f"{layer.norm}.{name}"]) for name in ("running_mean", "running_var"))
                z = evaluated(z, gamma, beta, mean, variance)
            if training and normal is not None and problem.normalization == "batch_norm":
                n = x.value.shape[-2]
                for name, batch in (("running_mean", normal.mean), ("running_var", unbiased(normal.variance, n))):
                    key = f"{layer.norm}.{name}"
                    buffers[key] = running(carried[key], batch[..., 0, :])
        activation, pullback = ACTIVATIONS[layer.function].bounds(z)
        mask = masks[layer.dropout] if layer.dropout and training else None
        a = activation if mask is None else _dropped(activation, mask, problem.dropout)

        def back(error: Bounded, mask: Any = mask, pullback: Any = pullback, normal: Any = normal) -> Any:
            if mask is not None:
                error = _dropped(error, mask, problem.dropout)
            error = pullback(error)
            return normal.pullback(error) if normal is not None else (error, {})

        layers.append(_Layer(input_, activation, back))
    return _Forward(layers, buffers)


def _update(problem: Problem, block: Block, grads: Mapping[str, Bounded], carried: Carried) -> _Update:
    rule = OPTIMIZERS[problem.optimizer]
    slots = problem.slots
    update = _Update({}, {}, {})
    # Where no step is shown, it may be added record by record: by a file, which works in float64 whatever its answers are taken in.
    added = Precision(np.float64).gamma(block.records if block.actual.deltas is None else 0)
    for name in problem.shapes():
        w, g = carried[name], grads[name]
        step = np.asarray(block.steps).reshape(-1, *[1] * (g.value.ndim - 1))
        state = {slot: carried[f"{name}.{slot}"] for slot in slots}
        delta, after = rule.update(w, g, state, step, problem.lr, problem.update_options(name))
        again = (rule.roundings - 1) * w.precision.u * np.abs(w.value) + added * (w.at_most() + delta.at_most())
        update.deltas[name] = delta
        update.params[name] = _net_of_drift(block, name, w, (w + delta).off_by(again))
        for slot, kept in after.items():
            key = f"{name}.{slot}"
            update.state[key] = _net_of_drift(block, key, carried[key], kept)
    return update


def _net_of_drift(block: Block, name: str, before: Bounded, after: Bounded) -> Bounded:
    """What is carried on, without the part of its bound that is measured drift: see `Block.pairs`. To add that rounds once more."""
    if name not in block.drift:
        return after
    shift = np.where(np.asarray(before.error) > 0, after.precision.u * np.abs(after.value), 0.0)
    return after.like(after.value, after.error - block.decay[name] * before.error + shift)


def _dropped(a: Bounded, mask: Array, p: float) -> Bounded:
    """a ∘ m / (1 − p): the mask is exact; 1 − p, the quotient and the product round."""
    return a.masked(mask).scaled(1 / (1 - p))


def _carried(values: Parameters, gaps: Parameters, precision: Precision) -> dict[str, Bounded]:
    return {name: Bounded(array.astype(np.float64), precision, gaps[name].astype(np.float64)) for name, array in values.items()}


def _as_row(units: Bounded) -> Bounded:
    return units[..., None, :]
