"""The right formulas: each stage of a step of training from the stages before it, in rounding's arithmetic.

`a`, `z` and δ are (n, units) for a batch of n records, weights (out, in).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..rounding.arithmetic import Bounded, transposed
from ..rounding.rules import LOSSES, OPTIMIZERS
from ..rounding.rules.normalization import Normalized, normalized
from ..support.arrays import Array

if TYPE_CHECKING:
    from .graph import Run

Formula = Callable[..., Any]  # of (run, step, layer), and of kind= where it stands for weights and biases alike
KINDS = ("weight", "bias", "gamma", "beta")


def as_row(a: Bounded) -> Bounded:
    """One number for each unit (units,) as a row (1, units), for every record."""
    return Bounded(a.value[None, :], np.broadcast_to(a.error, a.value.shape)[None, :])


def _x(run: Run, step: int, layer: int) -> Bounded:
    return Bounded(run.steps[step].x.astype(np.float64))


def _y(run: Run, step: int, layer: int) -> Array:
    return run.steps[step].y


def _weight(run: Run, step: int, layer: int) -> Bounded:
    return run.parameter("weight", step, layer)


def _bias(run: Run, step: int, layer: int) -> Bounded | None:
    return run.parameter("bias", step, layer) if run.problem.bias else None


def _input(run: Run, step: int, layer: int) -> Bounded:
    """The layer's input: x, or the activation before it."""
    value: Bounded = run("x", step) if layer == 1 else run("dropped", step, layer - 1)
    return value


def _z(run: Run, step: int, layer: int) -> Bounded:
    """z = a Wᵀ + b   (n, out)."""
    bias = run("bias", step, layer)
    row = None if bias is None else as_row(bias)
    return run.product(run("input", step, layer), transposed(run("weight", step, layer)), row)


def _gamma(run: Run, step: int, layer: int) -> Bounded:
    return run.parameter("gamma", step, layer)


def _beta(run: Run, step: int, layer: int) -> Bounded:
    return run.parameter("beta", step, layer)


def _norm(run: Run, step: int, layer: int) -> Normalized:
    """γ (z − μ)/√(v + ε) + β, with its way back."""
    gamma, beta = as_row(run("gamma", step, layer)), as_row(run("beta", step, layer))
    return normalized(str(run.problem.normalization), run("z", step, layer), gamma, beta, run.precision)


def _u(run: Run, step: int, layer: int) -> Bounded:
    """What the activation gets: z, normalised where the layer has that   (n, out)."""
    value: Bounded = run("norm", step, layer).output if run.problem.layers[layer - 1].norm else run("z", step, layer)
    return value


def _a(run: Run, step: int, layer: int) -> Bounded:
    """a = f(z)   (n, out)."""
    return run.activated(run.function(layer), run("u", step, layer))[0]


def dropped(run: Run, step: int, layer: int, a: Bounded) -> Bounded:
    """a ∘ m/(1 − p)."""
    mask = run.steps[step].masks[layer]
    return run.scaled(Bounded(a.value * mask, a.error * mask), 1 / (1 - run.problem.dropout))


def _dropped(run: Run, step: int, layer: int) -> Bounded:
    """What the next layer gets of the activation, after dropout   (n, out)."""
    a: Bounded = run("a", step, layer)
    return dropped(run, step, layer, a) if run.problem.layers[layer - 1].dropout else a


def _output(run: Run, step: int, layer: int) -> Bounded:
    """ŷ, the last layer's activation   (n, k)."""
    value: Bounded = run("a", step, run.depth)
    return value


def _loss(run: Run, step: int, layer: int) -> Bounded:
    """L, reduced as the problem says; of shape ()."""
    return LOSSES[run.problem.loss].bounds(run("output", step), run("y", step), run.precision, run.problem.reduction)[0]


def _probabilities(run: Run, step: int, layer: int) -> Bounded:
    """What a loss of logits makes of them: softmax, or sigmoid   (n, k)."""
    return run.activated("softmax" if run.problem.loss == "cross_entropy" else "sigmoid", run("output", step))[0]


def _term(run: Run, step: int, layer: int) -> Bounded:
    """∂ℓ/∂ŷ of each term of the loss   (n, k)."""
    y = run("y", step)
    y = y if np.issubdtype(y.dtype, np.integer) else y.astype(np.float64)
    return LOSSES[run.problem.loss].terms(run("output", step), y, run.precision)[1]


def _share(run: Run, step: int, layer: int) -> float:
    """What each term counts with in the loss: 1 over their number for the mean, 1 for the sum."""
    if run.problem.reduction == "sum":
        return 1.0
    n, k = int(run("x", step).value.shape[0]), run.problem.sizes[-1]
    return 1 / (n * k if LOSSES[run.problem.loss].over == "elements" else n)


def _error(run: Run, step: int, layer: int) -> Bounded:
    """∂L/∂ŷ   (n, k)."""
    return run.scaled(run("term", step), run("share", step))


def _back_delta(run: Run, step: int, layer: int) -> Bounded:
    """The error term that is sent back to the layer: the next layer's δ."""
    value: Bounded = run("delta", step, layer + 1)
    return value


def _back_weight(run: Run, step: int, layer: int) -> Bounded:
    """The weights by which it is sent back: the next layer's."""
    value: Bounded = run("weight", step, layer + 1)
    return value


def _back_whole(run: Run, step: int, layer: int) -> Bounded:
    """δ W of the next layer: the error at what that layer gets   (n, out)."""
    return run.product(run("back_delta", step, layer), run("back_weight", step, layer))


def _back(run: Run, step: int, layer: int) -> Bounded:
    """∂L/∂a: δ W of the next layer, through dropout, or ∂L/∂ŷ   (n, out)."""
    error: Bounded = run("error", step) if layer == run.depth else run("back_whole", step, layer)
    return dropped(run, step, layer, error) if run.problem.layers[layer - 1].dropout else error


def _slope(run: Run, step: int, layer: int) -> Bounded:
    """f′(z) of an elementwise f   (n, out)."""
    u = run("u", step, layer)
    return run.activated(run.function(layer), u)[1](Bounded(np.ones_like(u.value)))


def _delta_u(run: Run, step: int, layer: int) -> Bounded:
    """∂L/∂a ∘ f′   (n, out), or by the Jacobian of a softmax."""
    if is_elementwise(run.function(layer)):
        return run.times(run("back", step, layer), run("slope", step, layer))
    return run.activated(run.function(layer), run("u", step, layer))[1](run("back", step, layer))


def _norm_back(run: Run, step: int, layer: int) -> tuple[Bounded, Mapping[str, Bounded]]:
    """∂L/∂z through normalisation, and the gradients of γ ("weight") and β ("bias")."""
    back: tuple[Bounded, Mapping[str, Bounded]] = run("norm", step, layer).pullback(run("delta_u", step, layer))
    return back


def _delta(run: Run, step: int, layer: int) -> Bounded:
    """δ = ∂L/∂z = ∂L/∂a ∘ f′(z)   (n, out), through normalisation where the layer has that."""
    value: Bounded = run("norm_back", step, layer)[0] if run.problem.layers[layer - 1].norm else run("delta_u", step, layer)
    return value


def _gamma_grad(run: Run, step: int, layer: int) -> Bounded:
    """∂L/∂γ   (out,)."""
    value: Bounded = run("norm_back", step, layer)[1]["weight"]
    return value


def _beta_grad(run: Run, step: int, layer: int) -> Bounded:
    """∂L/∂β   (out,)."""
    value: Bounded = run("norm_back", step, layer)[1]["bias"]
    return value


def _grad_delta(run: Run, step: int, layer: int) -> Bounded:
    """The error term that the layer's gradients are made of."""
    value: Bounded = run("delta", step, layer)
    return value


def _grad_input(run: Run, step: int, layer: int) -> Bounded:
    """The input that the layer's weight gradient is made of."""
    value: Bounded = run("input", step, layer)
    return value


def _weight_grad(run: Run, step: int, layer: int) -> Bounded:
    """∂L/∂W = δᵀ a   (out, in)."""
    return run.product(transposed(run("grad_delta", step, layer)), run("grad_input", step, layer))


def _bias_grad(run: Run, step: int, layer: int) -> Bounded:
    """∂L/∂b = Σₙ δ   (out,)."""
    return run.total(run("grad_delta", step, layer))


def _lr(run: Run, step: int, layer: int) -> float:
    return run.steps[step].lr


def _options(run: Run, step: int, layer: int) -> dict[str, Any]:
    """The optimiser's options."""
    return dict(run.problem.optimizer_options)


def options_of(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The optimiser's options for that kind of parameter: where only weights decay, others have no weight decay."""
    return {**options, **({"weight_decay": 0.0} if options["decay"] == "weights" and kind != "weight" else {})}


def _count(run: Run, step: int, layer: int) -> int:
    """The step's number, as the optimiser counts."""
    return run.steps[step].number


def _together(run: Run, step: int, layer: int) -> None:
    """What a wrong formula makes of all layers at once; the right ones need none."""


def is_elementwise(function: str) -> bool:
    """Whether each unit's activation depends on its own z alone."""
    return "softmax" not in function


def _of_kind(kind: str) -> dict[str, Formula]:
    """The stages from a gradient to the new parameter, of weights or of biases."""

    def answered(run: Run, step: int, layer: int) -> Bounded:
        """The gradient that is worked out beside the step, and not for it: from δ and the input themselves."""
        if kind == "weight":
            return run.product(transposed(run("delta", step, layer)), run("input", step, layer))
        value: Bounded = run.total(run("delta", step, layer)) if kind == "bias" else run(f"{kind}_grad", step, layer)
        return value

    def used(run: Run, step: int, layer: int) -> Bounded:
        """The gradient that the update gets."""
        value: Bounded = run(f"{kind}_grad", step, layer)
        return value

    def taken(run: Run, step: int, layer: int) -> Bounded:
        """The same as the update takes it, which may do something to it first."""
        value: Bounded = run(f"{kind}_used", step, layer)
        return value

    def kept(run: Run, step: int, layer: int) -> dict[str, Bounded]:
        """What the optimiser has kept: zeros at first."""
        previous = run.steps[step].previous
        if previous is None:
            zeros = np.zeros(run.steps[step].before[run.name(kind, layer)].shape)
            return {slot: Bounded(zeros, zeros) for slot in run.problem.slots}
        state: dict[str, Bounded] = run(f"{kind}_update", previous, layer)[1]
        return state

    def update(run: Run, step: int, layer: int) -> tuple[Bounded, dict[str, Bounded]]:
        """Δw, and what the optimiser keeps."""
        rule = OPTIMIZERS[run.problem.optimizer]
        count = np.asarray(run("count", step))
        gradient, state = run(f"{kind}_taken", step, layer), run(f"{kind}_kept", step, layer)
        options = options_of(kind, run("options", step, layer))
        return rule.update(run(kind, step, layer), gradient, state, count, run("lr", step, layer), options, run.precision)

    def move(run: Run, step: int, layer: int) -> Bounded:
        """Δw   (as w)."""
        value: Bounded = run(f"{kind}_update", step, layer)[0]
        return value

    def added(run: Run, step: int, layer: int) -> Bounded:
        """The same as it is added to w, which may do something to it last."""
        value: Bounded = run(f"{kind}_step", step, layer)
        return value

    def after(run: Run, step: int, layer: int) -> Bounded:
        """w + Δw: rounded once, again where a decay is taken from the weight first, and again for each record that is added by itself."""
        w, move = run(kind, step, layer), run(f"{kind}_added", step, layer)
        summed = run.plus(w, move)
        roundings = OPTIMIZERS[run.problem.optimizer].roundings - 1 + len(run.steps[step].x)
        return Bounded(summed.value, summed.error + run.precision.gamma(roundings) * (w.at_most() + move.at_most()))

    def velocity(run: Run, step: int, layer: int) -> Bounded:
        """What the optimiser keeps first of all: momentum's buffer, or Adam's average of gradients."""
        state: dict[str, Bounded] = run(f"{kind}_update", step, layer)[1]
        return state[run.problem.slots[0]]

    return {
        f"{kind}_answered": answered,
        f"{kind}_used": used,
        f"{kind}_taken": taken,
        f"{kind}_kept": kept,
        f"{kind}_update": update,
        f"{kind}_velocity": velocity,
        f"{kind}_step": move,
        f"{kind}_added": added,
        f"{kind}_after": after,
    }


RIGHT: dict[str, Formula] = {
    "x": _x,
    "y": _y,
    "weight": _weight,
    "bias": _bias,
    "input": _input,
    "z": _z,
    "gamma": _gamma,
    "beta": _beta,
    "norm": _norm,
    "u": _u,
    "a": _a,
    "dropped": _dropped,
    "output": _output,
    "loss": _loss,
    "probabilities": _probabilities,
    "term": _term,
    "share": _share,
    "error": _error,
    "back_delta": _back_delta,
    "back_weight": _back_weight,
    "back_whole": _back_whole,
    "back": _back,
    "slope": _slope,
    "delta_u": _delta_u,
    "norm_back": _norm_back,
    "delta": _delta,
    "grad_delta": _grad_delta,
    "grad_input": _grad_input,
    "weight_grad": _weight_grad,
    "bias_grad": _bias_grad,
    "gamma_grad": _gamma_grad,
    "beta_grad": _beta_grad,
    "lr": _lr,
    "options": _options,
    "count": _count,
    "together": _together,
    **{stage: formula for kind in KINDS for stage, formula in _of_kind(kind).items()},
}
