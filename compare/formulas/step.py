"""A whole training step of a problem on sampled numbers, and its predictions: a forward pass, a backward pass and an update."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..problem.problem import Problem
from ..sides.interface import Key
from ..support.arrays import Array
from .activations import Pullback
from .backpropagation import activated, bias_gradient, dropped, input_error, linear, updated, weight_gradient
from .losses import LOSSES
from .normalization import MOMENTUM, Normalized, evaluated, normalized, running
from .optimizers import OPTIMIZERS
from .sampled import Precision, Sampled

Numbers = Mapping[str, Sampled]      # parameters, buffers and optimiser state by name


def step(
    problem: Problem,
    batch: tuple[Any, ...],
    number: Any,
    start: Numbers,
    *,
    only: Collection[str] | None = None,
    added_by_record: bool = False,
) -> dict[Key, Sampled]:
    """Return all numbers of the step of that number on a batch (x, y) or (x, y, masks), from the state before it.

    `number` may be an array for arrays with a leading axis of steps. The backward pass may be made for some parameters `only`. Where no
    step is shown, it may be `added_by_record`: by a file, which works in float64 whatever its answers are taken in.
    """
    with np.errstate(all="ignore"):
        x, y, *masks = batch
        passes = _Passes(problem, x, y, masks[0] if masks else {}, start, problem.shapes().keys() if only is None else only)
        numbers: dict[Key, Sampled] = {("activations", name): each for name, each in passes.activations.items()}
        numbers |= {("buffers", name): each for name, each in passes.buffers.items()}
        numbers |= {("output", "output"): passes.output, ("loss", "loss"): passes.loss}
        numbers |= {("errors", name): each for name, each in passes.errors.items()}
        further = x.shape[-2] * float(np.finfo(np.float64).eps) if added_by_record else 0.0      # equal steps may all round the same way
        for name, grad in passes.grads.items():
            w = start[name]
            slots = {slot: start[f"{name}.{slot}"] for slot in problem.slots}
            at = np.reshape(number, (-1, *[1] * (len(grad.shape) - 1))) if np.ndim(number) else np.asarray(number)
            delta, after = OPTIMIZERS[problem.optimizer](w, grad, slots, at, problem.lr, problem.update_options(name))
            numbers |= {("grads", name): grad, ("deltas", name): delta, ("params", name): updated(w, delta, further)}
            numbers |= {("state", f"{name}.{slot}"): each for slot, each in after.items()}
    return numbers


def predictions(problem: Problem, x: Array, start: Numbers) -> Sampled:
    """Return the outputs (n, k) in evaluation, for inputs x (n, in)."""
    with np.errstate(all="ignore"):
        return _forward(problem, x, {}, start, training=False)[-1].activation


def carried(problem: Problem) -> dict[str, float]:
    """Return, for each carried array by name, the factor with which its value, and so a gap between two sides, enters the next step."""
    options = problem.optimizer_options
    factors = dict(zip(("exp_avg", "exp_avg_sq"), options.get("betas", ()), strict=False))
    factors |= {"momentum_buffer": options.get("momentum"), "sum": 1.0, **dict.fromkeys(("square_avg", "grad_avg"), options.get("alpha"))}
    slots = {f"{name}.{slot}": factors[slot] for name in problem.shapes() for slot in problem.slots}
    return dict.fromkeys(problem.shapes(), 1.0) | dict.fromkeys(problem.buffer_shapes(), 1 - MOMENTUM) | slots


class _Layer(NamedTuple):
    """A layer's forward pass: its input, its normalisation in training, its activation with the pullback, and dropout's mask."""

    input: Sampled
    normal: Normalized | None
    activation: Sampled
    pullback: Pullback
    mask: Any


class _Passes:
    """The forward and the backward pass, by name as a `StepRecord` shows them."""

    def __init__(self, problem: Problem, x: Array, y: Any, masks: Mapping[str, Any], start: Numbers, only: Collection[str]) -> None:
        layers = list(zip(problem.layers, _forward(problem, x, masks, start), strict=True))
        self.activations = {layer.activation: passed.activation for layer, passed in layers}
        self.output = layers[-1][1].activation
        self.loss, error = LOSSES[problem.loss].of(self.output, y, problem.reduction)
        if problem.accumulate > 1:      # a part's mean counts with its share of the records: two more roundings
            self.loss, error = self.loss.scaled(1.0), error.scaled(1.0)
        self.buffers: dict[str, Sampled] = {}
        errors, grads, left = dict[str, Sampled](), dict[str, Sampled](), set(only)
        for layer, passed in reversed(layers):
            if not left:
                break
            weight, bias, normal = f"{layer.linear}.weight", f"{layer.linear}.bias", passed.normal
            if passed.mask is not None:
                error = dropped(error, passed.mask, problem.dropout)
            delta = passed.pullback(error)                                          # ∂L/∂a ∘ f′(z)
            if normal is not None:
                delta, norm_grads = normal.pullback(delta)
                grads |= {f"{layer.norm}.{name}": grad for name, grad in norm_grads.items()}
            errors[layer.linear] = delta
            if weight in only:
                grads[weight] = weight_gradient(delta, passed.input)
            if bias in only:
                grads[bias] = bias_gradient(delta)
            left -= {weight, bias, f"{layer.norm}.weight", f"{layer.norm}.bias"}
            if left:
                error = input_error(delta, start[weight])
        for layer, passed in layers:
            if passed.normal is not None and problem.normalization == "batch_norm":
                n = x.shape[-2]
                unbiased = passed.normal.variance.scaled(n / (n - 1))
                for statistic, batch in (("running_mean", passed.normal.mean), ("running_var", unbiased)):
                    name = f"{layer.norm}.{statistic}"
                    self.buffers[name] = running(start[name], batch[..., 0, :])
        self.errors = dict(reversed(errors.items()))
        self.grads = {name: grads[name] for name in problem.shapes() if name in grads}


def _forward(problem: Problem, x: Array, masks: Mapping[str, Any], start: Numbers, training: bool = True) -> list[_Layer]:
    precision: Precision = next(iter(start.values())).precision
    a, layers = Sampled.exact(x, precision), []
    for layer in problem.layers:
        z = linear(a, start[f"{layer.linear}.weight"], start.get(f"{layer.linear}.bias"))
        normal = None
        if layer.norm:
            gamma, beta = (start[f"{layer.norm}.{name}"] for name in ("weight", "bias"))
            if training or problem.normalization == "layer_norm":
                normal = normalized(str(problem.normalization), z, gamma, beta)
                z = normal.output
            else:
                z = evaluated(z, gamma, beta, start[f"{layer.norm}.running_mean"], start[f"{layer.norm}.running_var"])
        activation, pullback = activated(layer.function, z)
        mask = masks[layer.dropout] if layer.dropout and training else None
        layers.append(_Layer(a, normal, activation, pullback, mask))
        a = activation if mask is None else dropped(activation, mask, problem.dropout)
    return layers
