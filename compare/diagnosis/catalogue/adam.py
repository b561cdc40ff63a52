"""Mistakes in Adam."""

from typing import Literal

import numpy as np

from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded
from ...rounding.rules import OPTIMIZERS as RULES
from ..formulas import Formula, options_of
from ..graph import At, places
from ..mistake import Mistake
from .optimizers import option

Kept = dict[str, Bounded]
Correction = bool | Literal["product"]


def _is_adam(problem: Problem, layer: int) -> bool:
    return problem.optimizer in ("adam", "adamw")


def _adam(first: Correction = True, second: bool = True, eps: str = "outside", largest: str = "") -> Formula:
    """Adam with or without either correction, and ε outside the root, inside, or added before the correction; or with no root.

    `largest` is "before" or "after" where the largest v so far, before or after its correction, stands for v.
    """

    def formula(at: At, kind: str) -> tuple[Bounded, Kept]:
        w, g = at(kind), at(f"{kind}_taken")
        kept, options, t = at(f"{kind}_kept"), options_of(kind, at("options")), int(at("count"))
        decay, lr = options["weight_decay"], at("lr")
        if decay and at.problem.optimizer == "adam":
            g = g + w.scaled(decay)
        (beta1, beta2), small = options["betas"], at.exact(options["eps"], at.run.precision.u * options["eps"])
        m = kept["exp_avg"].scaled(beta1) + g.scaled(1 - beta1)
        v = kept["exp_avg_sq"].scaled(beta2) + (g * g).scaled(1 - beta2)
        top = m.scaled(1 / (1 - (beta1 * t if first == "product" else beta1**t)) if first else 1.0)
        correction = 1 / (1 - beta2**t) if second else 1.0
        state = {"exp_avg": m, "exp_avg_sq": v}
        if largest:
            v = v if largest == "before" else v.scaled(correction)
            v = state["largest"] = _larger(v, kept.get("largest"))
            correction = correction if largest == "before" else 1.0
        if eps == "inside":
            below, least = (v.scaled(correction) + small).root(), float(np.sqrt(options["eps"])) / 2
        elif eps == "no root":
            below, least = v.scaled(correction) + small, options["eps"] / 2
        elif eps == "before":
            below, least = (v.root() + small).scaled(float(np.sqrt(correction))), options["eps"] / 2
        else:
            below, least = v.scaled(correction).root() + small, options["eps"] / 2
        delta = top.over(below, least).scaled(-lr)
        if decay and at.problem.optimizer == "adamw":
            delta = delta + w.scaled(-lr * decay)
        return delta, state

    return formula


def _counted(by: int) -> Formula:
    return lambda at: at.now.number + by


def _larger(a: Bounded, b: Bounded | None) -> Bounded:
    return a if b is None else a.like(np.maximum(a.value, b.value), np.maximum(a.error, b.error))


def _counted_for_each(is_backward: bool) -> Formula:
    """The update where t goes up with each parameter, in the order of the layers or from the last back."""

    def formula(at: At, kind: str) -> tuple[Bounded, Kept]:
        every = list(places(at.problem))
        order = [place for back in range(at.depth, 0, -1) for place in every if place[1] == back] if is_backward else every
        count = (at.now.number - 1) * len(order) + order.index((kind, at.layer)) + 1
        w, g, kept = at(kind), at(f"{kind}_taken"), at(f"{kind}_kept")
        rule, options = RULES[at.problem.optimizer], options_of(kind, at("options"))
        return rule.update(w, g, kept, np.asarray(count), at("lr"), options)

    return formula


_ADAM = "Δw = −lr m̂ / (√v̂ + ε)"

ADAM = (
    Mistake("adam-no-correction", "Adam's averages are not corrected for their start at 0", _ADAM, "Δw = −lr m / (√v + ε)",
            {"*_update": _adam(False, False)}, applies=_is_adam),
    Mistake("adam-no-first-correction", "Adam's first average is not corrected", _ADAM, "Δw = −lr m / (√v̂ + ε)",
            {"*_update": _adam(False, True)}, applies=_is_adam),
    Mistake("adam-no-second-correction", "Adam's second average is not corrected", _ADAM, "Δw = −lr m̂ / (√v + ε)",
            {"*_update": _adam(True, False)}, applies=_is_adam),
    Mistake("adam-eps-inside", "Adam's ε is inside the root", _ADAM, "Δw = −lr m̂ / √(v̂ + ε)", {"*_update": _adam(True, True, "inside")},
            applies=_is_adam),
    Mistake("adam-eps-before-correction", "Adam's ε is added before the correction", _ADAM, "Δw = −lr m̂ / ((√v + ε) / √(1 − β₂ᵗ))",
            {"*_update": _adam(True, True, "before")}, applies=_is_adam),
    Mistake("adam-betas-swapped", "β₁ and β₂ are swapped", "m by β₁, v by β₂", "m by β₂, v by β₁",
            option("betas", lambda at, options: options["betas"][::-1]), applies=_is_adam),
    Mistake("adam-step-off", "the step is counted one too far: t starts at 2", "1 − βᵗ", "1 − βᵗ⁺¹", {"count": _counted(1)},
            applies=_is_adam),
    Mistake("adam-step-off", "the step's count stays behind by one", "1 − βᵗ", "1 − βᵗ⁻¹", {"count": _counted(-1)}, applies=_is_adam),
    Mistake("adam-step-off", "the step is always counted as the first", "1 − βᵗ", "1 − β", {"count": lambda at: 1}, applies=_is_adam),
    Mistake("velocity-not-kept", "Adam's averages are not kept from step to step", "m, v of all steps", "m, v of this step",
            {"*_kept": lambda at, kind: {slot: at(kind).zeros() for slot in at.problem.slots}}, applies=_is_adam),
    Mistake("adam-amsgrad", "the largest of Adam's second averages so far stands for the present one: AMSGrad", _ADAM,
            "Δw = −lr m̂ / (√max v̂ + ε)", {"*_update": _adam(largest="before")}, applies=_is_adam, alone=True),
    Mistake("adam-amsgrad", "the largest of Adam's corrected second averages so far stands for the present one: AMSGrad", _ADAM,
            "Δw = −lr m̂ / (√max v̂ + ε)", {"*_update": _adam(largest="after")}, applies=_is_adam, alone=True),
    Mistake("adam-root-missing", "the root is left out of what Adam divides by", _ADAM, "Δw = −lr m̂ / (v̂ + ε)",
            {"*_update": _adam(eps="no root")}, applies=_is_adam, alone=True),
    Mistake("adam-power-missing", "Adam's first average is corrected by β₁ times t, not to the power of t", "1 − β₁ᵗ", "1 − β₁ t",
            {"*_update": _adam(first="product")}, applies=_is_adam, alone=True),
    *(
        Mistake("adam-step-off", f"the step is counted once for each parameter, {order}", "1 − βᵗ", "1 − βᵗ, t of each parameter",
                {"*_update": _counted_for_each(is_backward)}, applies=_is_adam, alone=True)
        for is_backward, order in ((True, "the last layer first"), (False, "the first layer first"))
    ),
)
