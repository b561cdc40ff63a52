"""The right formulas: each stage of a training step computed from the stages before it, on sampled numbers.

A mistake replaces one of them. Formulas that the lockstep computes too are in `formulas.backpropagation`, which both call. `a`, `z` and δ
are (n, units) for a batch of n records, weights (out, in).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..formulas.backpropagation import activated as activated
from ..formulas.backpropagation import bias_gradient, dropped, input_error, linear, updated, weight_gradient
from ..formulas.losses import LOSSES, numbers
from ..formulas.normalization import normalized
from ..formulas.optimizers import OPTIMIZERS
from ..formulas.sampled import Sampled
from ..formulas.sampled import as_row as as_row
from ..support.arrays import Array

if TYPE_CHECKING:
    from .graph import At

Formula = Callable[..., Any]      # of an `At`; with `kind=` too where one formula serves weights and biases
KINDS = ("weight", "bias", "gamma", "beta")


def is_elementwise(function: str) -> bool:
    """Return whether each unit's activation depends on its own z alone."""
    return "softmax" not in function


def one_hot(at: At) -> Array:
    """Return the targets as numbers (n, k): class indices as 1 for the class and 0 for the others."""
    y = at("y")
    return np.asarray(np.eye(at.problem.sizes[-1])[y] if np.issubdtype(y.dtype, np.integer) else y, dtype=np.float64)


def probabilities(at: At) -> Sampled:
    """Return softmax or sigmoid of the output, the probabilities in a loss of logits   (n, k)."""
    return activated("softmax" if at.problem.loss == "cross_entropy" else "sigmoid", at("output"))[0]


def options_of(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the optimiser's options for that kind of parameter: without weight decay if only weights decay and it is no weight."""
    return {**options, **({"weight_decay": 0.0} if options["decay"] == "weights" and kind != "weight" else {})}


def _dropped(at: At, a: Sampled) -> Sampled:
    """Dropout of a, or of the error on its way back; a itself in a layer without dropout."""
    return dropped(a, at.now.masks[at.layer], at.problem.dropout) if at.own.dropout else a


def _slope(at: At) -> Sampled:
    """f′(z) of an elementwise f   (n, out)."""
    u = at("u")
    return activated(at.function, u)[1](at.exact(np.ones_like(u.value)))


def _delta_u(at: At) -> Sampled:
    """∂L/∂a ∘ f′   (n, out); by the Jacobian for softmax and log_softmax."""
    return at("back") * at("slope") if is_elementwise(at.function) else activated(at.function, at("u"))[1](at("back"))


def _of_kind(kind: str) -> dict[str, Formula]:
    """Return the stages from the gradient to the new parameter, for that kind of parameter."""

    def answered(at: At) -> Sampled:
        """The gradient that is shown beside the update and not used by it, from δ and the input themselves."""
        if kind == "weight":
            return weight_gradient(at("delta"), at("input"))
        return bias_gradient(at("delta")) if kind == "bias" else at(f"{kind}_grad")

    def kept(at: At) -> dict[str, Sampled]:
        """The optimiser's state before the step: mostly zeros at first."""
        if at.before is not None:
            return dict(at.before(f"{kind}_update")[1])
        return {slot: at.exact(np.full(at.parameter(kind).shape, start)) for slot, start in at.problem.slot_starts.items()}

    def update(at: At) -> tuple[Sampled, dict[str, Sampled]]:
        """Δw, and the optimiser's state after the step."""
        update, options = OPTIMIZERS[at.problem.optimizer], options_of(kind, at("options"))
        return update(at(kind), at(f"{kind}_taken"), at(f"{kind}_kept"), np.asarray(at("count")), at("lr"), options)

    def after(at: At) -> Sampled:
        """w + Δw: rounded once, and again for each record if they are added one by one."""
        return updated(at(kind), at(f"{kind}_added"), at(kind).precision.gamma(at.records))

    return {
        f"{kind}_answered": answered,
        f"{kind}_used": lambda at: at(f"{kind}_grad"),                   # the gradient passed to the update
        f"{kind}_taken": lambda at: at(f"{kind}_used"),                  # as the update first changes it
        f"{kind}_kept": kept,
        f"{kind}_update": update,
        f"{kind}_velocity": lambda at: at(f"{kind}_update")[1][at.problem.slots[0]],      # momentum's buffer, or Adam's average
        f"{kind}_step": lambda at: at(f"{kind}_update")[0],              # Δw   (as w)
        f"{kind}_added": lambda at: at(f"{kind}_step"),                  # Δw as it is added to w, after a last change
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
    "z": lambda at: linear(at("input"), at("weight"), at("bias")),       # z = a Wᵀ + b   (n, out)
    "norm": lambda at: normalized(str(at.problem.normalization), at("z"), at("gamma"), at("beta")),      # with its pullback
    "u": lambda at: at("norm").output if at.own.norm else at("z"),       # the activation's input   (n, out)
    "a": lambda at: activated(at.function, at("u"))[0],                  # a = f(u)   (n, out)
    "dropped": lambda at: _dropped(at, at("a")),
    "output": lambda at: at.of(at.depth)("a"),                           # ŷ   (n, k)
    "loss": lambda at: LOSSES[at.problem.loss].of(at("output"), at("y"), at.problem.reduction)[0],      # L, of shape ()
    "probabilities": probabilities,
    "term": lambda at: LOSSES[at.problem.loss].terms(at("output"), numbers(at("y")))[1],      # ∂ℓ/∂ŷ of each term   (n, k)
    "share": lambda at: LOSSES[at.problem.loss].share(len(at("x").value), at.problem.sizes[-1], at.problem.reduction),
    "error": lambda at: at("term").scaled(at("share")),                  # ∂L/∂ŷ   (n, k)
    "back_delta": lambda at: at("delta", 1),
    "back_weight": lambda at: at("weight", 1),
    "back_whole": lambda at: input_error(at("back_delta"), at("back_weight")),      # δ W of the next layer   (n, out)
    "back": lambda at: _dropped(at, at("error") if at.layer == at.depth else at("back_whole")),      # ∂L/∂a   (n, out)
    "slope": _slope,
    "delta_u": _delta_u,
    "norm_back": lambda at: at("norm").pullback(at("delta_u")),          # ∂L/∂z, and the gradients of γ ("weight") and β ("bias")
    "delta": lambda at: at("norm_back")[0] if at.own.norm else at("delta_u"),      # δ = ∂L/∂z   (n, out)
    "grad_delta": lambda at: at("delta"),                                # the factors of the layer's gradients
    "grad_input": lambda at: at("input"),
    "weight_grad": lambda at: weight_gradient(at("grad_delta"), at("grad_input")),      # ∂L/∂W = δᵀ a   (out, in)
    "bias_grad": lambda at: bias_gradient(at("grad_delta")),             # ∂L/∂b = Σₙ δ   (out,)
    "gamma_grad": lambda at: at("norm_back")[1]["weight"],
    "beta_grad": lambda at: at("norm_back")[1]["bias"],
    "lr": lambda at: at.now.lr,
    "options": lambda at: dict(at.problem.optimizer_options),
    "count": lambda at: at.now.number,                                   # the step's number, as the optimiser counts
    "together": lambda at: None,                                         # for a mistake that computes all layers at once
    **{stage: formula for kind in KINDS for stage, formula in _of_kind(kind).items()},
}
