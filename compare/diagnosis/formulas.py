"""The right formulas: each stage of a step of training from the stages before it, in rounding's arithmetic.

`a`, `z` and δ are (n, units) for a batch of n records, weights (out, in).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..rounding.arithmetic import Bounded
from ..rounding.rules import ACTIVATIONS, LOSSES, OPTIMIZERS
from ..rounding.rules.normalization import Normalized, normalized
from ..support.arrays import Array

if TYPE_CHECKING:
    from .graph import At

Formula = Callable[..., Any]      # of where it stands, and of kind= where it stands for weights and biases alike
KINDS = ("weight", "bias", "gamma", "beta")


def activated(function: str, z: Bounded) -> tuple[Bounded, Callable[[Bounded], Bounded]]:
    """f(z), and the way back ∂L/∂a ↦ ∂L/∂z."""
    return ACTIVATIONS[function].bounds(z)


def is_elementwise(function: str) -> bool:
    """Whether each unit's activation depends on its own z alone."""
    return "softmax" not in function


def as_row(a: Bounded) -> Bounded:
    """One number for each unit (units,) as a row (1, units), for every record."""
    return a[None, :]


def dropped(at: At, a: Bounded) -> Bounded:
    """a ∘ m/(1 − p)."""
    return a.masked(at.now.masks[at.layer]).scaled(1 / (1 - at.problem.dropout))


def one_hot(at: At) -> Array:
    """The targets as numbers (n, k), class indices as 1 for the class and 0."""
    y = at("y")
    return np.asarray(np.eye(at.problem.sizes[-1])[y] if np.issubdtype(y.dtype, np.integer) else y, dtype=np.float64)


def probabilities(at: At) -> Bounded:
    """What a loss of logits makes of them: softmax, or sigmoid   (n, k)."""
    return activated("softmax" if at.problem.loss == "cross_entropy" else "sigmoid", at("output"))[0]


def options_of(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The optimiser's options for that kind of parameter: where only weights decay, others have no weight decay."""
    return {**options, **({"weight_decay": 0.0} if options["decay"] == "weights" and kind != "weight" else {})}


def _z(at: At) -> Bounded:
    """z = a Wᵀ + b   (n, out)."""
    bias = at("bias")
    return at("input").matmul(at("weight").T, None if bias is None else as_row(bias))


def _norm(at: At) -> Normalized:
    """γ (z − μ)/√(v + ε) + β, with its way back."""
    return normalized(str(at.problem.normalization), at("z"), as_row(at("gamma")), as_row(at("beta")))


def _loss(at: At) -> Bounded:
    """L, reduced as the problem says; of shape ()."""
    return LOSSES[at.problem.loss].bounds(at("output"), at("y"), at.problem.reduction)[0]


def _term(at: At) -> Bounded:
    """∂ℓ/∂ŷ of each term of the loss   (n, k)."""
    y = at("y")
    return LOSSES[at.problem.loss].terms(at("output"), y if np.issubdtype(y.dtype, np.integer) else y.astype(np.float64))[1]


def _share(at: At) -> float:
    """What each term counts with in the loss: 1 over their number for the mean, 1 for the sum."""
    if at.problem.reduction == "sum":
        return 1.0
    n = len(at("x").value)
    return 1 / (n * at.problem.sizes[-1] if LOSSES[at.problem.loss].over == "elements" else n)


def _back(at: At) -> Bounded:
    """∂L/∂a: δ W of the next layer, through dropout, or ∂L/∂ŷ   (n, out)."""
    error = at("error") if at.layer == at.depth else at("back_whole")
    return dropped(at, error) if at.own.dropout else error


def _slope(at: At) -> Bounded:
    """f′(z) of an elementwise f   (n, out)."""
    u = at("u")
    return activated(at.function, u)[1](at.exact(np.ones_like(u.value)))


def _delta_u(at: At) -> Bounded:
    """∂L/∂a ∘ f′   (n, out), or by the Jacobian of a softmax."""
    return at("back") * at("slope") if is_elementwise(at.function) else activated(at.function, at("u"))[1](at("back"))


def _of_kind(kind: str) -> dict[str, Formula]:
    """The stages from a gradient to the new parameter, of weights or of biases."""

    def answered(at: At) -> Bounded:
        """The gradient that is worked out beside the step, and not for it: from δ and the input themselves."""
        if kind == "weight":
            return at("delta").T @ at("input")
        return at("delta").sum(-2) if kind == "bias" else at(f"{kind}_grad")

    def kept(at: At) -> dict[str, Bounded]:
        """What the optimiser has kept: zeros at first."""
        before = at.before
        if before is not None:
            return before(f"{kind}_update")[1]
        zeros = np.zeros(at.now.before[at.run.name(kind, at.layer)].shape)
        return {slot: at.exact(zeros, zeros) for slot in at.problem.slots}

    def update(at: At) -> tuple[Bounded, dict[str, Bounded]]:
        """Δw, and what the optimiser keeps."""
        rule, options = OPTIMIZERS[at.problem.optimizer], options_of(kind, at("options"))
        return rule.update(at(kind), at(f"{kind}_taken"), at(f"{kind}_kept"), np.asarray(at("count")), at("lr"), options)

    def after(at: At) -> Bounded:
        """w + Δw: rounded once, again where a decay is taken from the weight first, and again for each record that is added by itself."""
        w, move = at(kind), at(f"{kind}_added")
        roundings = OPTIMIZERS[at.problem.optimizer].roundings - 1 + at.records
        return (w + move).off_by(w.precision.gamma(roundings) * (w.at_most() + move.at_most()))

    return {
        f"{kind}_answered": answered,
        f"{kind}_used": lambda at: at(f"{kind}_grad"),                   # what the update gets,
        f"{kind}_taken": lambda at: at(f"{kind}_used"),                  # and takes, to which it may do something first
        f"{kind}_kept": kept,
        f"{kind}_update": update,
        f"{kind}_velocity": lambda at: at(f"{kind}_update")[1][at.problem.slots[0]],      # momentum's buffer, or Adam's average
        f"{kind}_step": lambda at: at(f"{kind}_update")[0],              # Δw   (as w),
        f"{kind}_added": lambda at: at(f"{kind}_step"),                  # as it is added to w, to which something may be done last
        f"{kind}_after": after,
    }


RIGHT: dict[str, Formula] = {
    "x": lambda at: at.exact(at.now.x),
    "y": lambda at: at.now.y,
    "weight": lambda at: at.parameter("weight"),
    "bias": lambda at: at.parameter("bias") if at.problem.bias else None,
    "gamma": lambda at: at.parameter("gamma"),
    "beta": lambda at: at.parameter("beta"),
    "input": lambda at: at("x") if at.layer == 1 else at("dropped", -1),
    "z": _z,
    "norm": _norm,
    "u": lambda at: at("norm").output if at.own.norm else at("z"),       # what the activation gets   (n, out)
    "a": lambda at: activated(at.function, at("u"))[0],                  # a = f(z)   (n, out)
    "dropped": lambda at: dropped(at, at("a")) if at.own.dropout else at("a"),
    "output": lambda at: at.of(at.depth)("a"),                           # ŷ   (n, k)
    "loss": _loss,
    "probabilities": probabilities,
    "term": _term,
    "share": _share,
    "error": lambda at: at("term").scaled(at("share")),                  # ∂L/∂ŷ   (n, k)
    "back_delta": lambda at: at("delta", 1),
    "back_weight": lambda at: at("weight", 1),
    "back_whole": lambda at: at("back_delta") @ at("back_weight"),       # δ W of the next layer   (n, out)
    "back": _back,
    "slope": _slope,
    "delta_u": _delta_u,
    "norm_back": lambda at: at("norm").pullback(at("delta_u")),          # ∂L/∂z, and the gradients of γ ("weight") and β ("bias")
    "delta": lambda at: at("norm_back")[0] if at.own.norm else at("delta_u"),      # δ = ∂L/∂z   (n, out)
    "grad_delta": lambda at: at("delta"),                                # what the layer's gradients are made of
    "grad_input": lambda at: at("input"),
    "weight_grad": lambda at: at("grad_delta").T @ at("grad_input"),     # ∂L/∂W = δᵀ a   (out, in)
    "bias_grad": lambda at: at("grad_delta").sum(-2),                    # ∂L/∂b = Σₙ δ   (out,)
    "gamma_grad": lambda at: at("norm_back")[1]["weight"],
    "beta_grad": lambda at: at("norm_back")[1]["bias"],
    "lr": lambda at: at.now.lr,
    "options": lambda at: dict(at.problem.optimizer_options),
    "count": lambda at: at.now.number,                                   # the step's number, as the optimiser counts
    "together": lambda at: None,                                         # what a wrong formula makes of all layers at once
    **{stage: formula for kind in KINDS for stage, formula in _of_kind(kind).items()},
}
