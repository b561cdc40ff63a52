"""Mistakes in Adam."""

from functools import partial
from typing import Any, Literal

import numpy as np

from ...formulas.sampled import Sampled
from ..formulas import options_of
from ..graph import At, places
from ..mistake import Mistake
from .optimizers import Slots, option, updated
from .where import by


def _adam(
    at: At, kind: str, first: bool | Literal["product"] = True, second: bool = True, eps: str = "outside", largest: str = ""
) -> tuple[Sampled, Slots]:
    """Return Adam's update with or without either correction, and ε outside the root, inside, or added before the correction; or no root.

    `largest` is "before" or "after" where the largest v so far, before or after its correction, stands for v.
    """
    w, g, kept = at(kind), at(f"{kind}_taken"), at(f"{kind}_kept")
    options, t, lr = options_of(kind, at("options")), int(at("count")), at("lr")
    decay = options["weight_decay"]
    if decay and at.problem.optimizer == "adam":
        g = g + w.scaled(decay)
    (beta1, beta2), small = options["betas"], at.exact(options["eps"], at.run.precision.u * options["eps"])
    m = kept["exp_avg"].scaled(beta1) + g.scaled(1 - beta1)
    v = kept["exp_avg_sq"].scaled(beta2) + (g * g).scaled(1 - beta2)
    top = m.scaled(1 / (1 - (beta1 * t if first == "product" else beta1**t)) if first else 1.0)
    correction = 1 / (1 - beta2**t) if second else 1.0
    slots = {"exp_avg": m, "exp_avg_sq": v}
    if largest:
        v = v if largest == "before" else v.scaled(correction)
        v = slots["largest"] = _larger(v, kept.get("largest"))
        correction = correction if largest == "before" else 1.0
    least = options["eps"] / 2
    if eps == "inside":
        below, least = (v.scaled(correction) + small).root(), float(np.sqrt(options["eps"])) / 2
    elif eps == "no root":
        below = v.scaled(correction) + small
    elif eps == "before":
        below = (v.root() + small).scaled(float(np.sqrt(correction)))
    else:
        below = v.scaled(correction).root() + small
    delta = top.over(below, least).scaled(-lr)
    if decay and at.problem.optimizer == "adamw":
        delta = delta + w.scaled(-lr * decay)
    return delta, slots


def _larger(a: Sampled, b: Sampled | None) -> Sampled:
    return a if b is None else a.like(np.maximum(a.value, b.value), np.maximum(a.error, b.error))


def _counted_for_each(at: At, kind: str, is_backward: bool) -> tuple[Sampled, Slots]:
    """Return the update where t goes up with each parameter, in the order of the layers or from the last back."""
    order = sorted(places(at.problem), key=lambda place: -place[1] if is_backward else place[1])
    return updated(at, kind, count=(at.now.number - 1) * len(order) + order.index((kind, at.layer)) + 1)


_mistake = partial(Mistake, applies=by("adam", "adamw"))


def _update(id: str, sentence: str, actual: str, alone: bool = False, **how: Any) -> Mistake:
    return _mistake(id, sentence, "Δw = −lr m̂ / (√v̂ + ε)", f"Δw = −lr {actual}", {"*_update": partial(_adam, **how)}, alone=alone)


ADAM = (
    _update("adam-no-correction", "Adam's averages are not corrected for their start at 0", "m / (√v + ε)", first=False, second=False),
    _update("adam-no-first-correction", "Adam's first average is not corrected", "m / (√v̂ + ε)", first=False),
    _update("adam-no-second-correction", "Adam's second average is not corrected", "m̂ / (√v + ε)", second=False),
    _update("adam-eps-inside", "Adam's ε is inside the root", "m̂ / √(v̂ + ε)", eps="inside"),
    _update("adam-eps-before-correction", "Adam's ε is added before the correction", "m̂ / ((√v + ε) / √(1 − β₂ᵗ))", eps="before"),
    _mistake("adam-betas-swapped", "β₁ and β₂ are swapped", "m by β₁, v by β₂", "m by β₂, v by β₁",
             option("betas", lambda at, options: options["betas"][::-1])),
    _mistake("adam-step-off", "the step is counted one too far: t starts at 2", "1 − βᵗ", "1 − βᵗ⁺¹",
             {"count": lambda at: at.now.number + 1}),
    _mistake("adam-step-off", "the step's count stays behind by one", "1 − βᵗ", "1 − βᵗ⁻¹", {"count": lambda at: at.now.number - 1}),
    _mistake("adam-step-off", "the step is always counted as the first", "1 − βᵗ", "1 − β", {"count": lambda at: 1}),
    _mistake("velocity-not-kept", "Adam's averages are not kept from step to step", "m, v of all steps", "m, v of this step",
             {"*_kept": lambda at, kind: {slot: at(kind).zeros() for slot in at.problem.slots}}),
    _update("adam-amsgrad", "the largest of Adam's second averages so far stands for the present one: AMSGrad", "m̂ / (√max v̂ + ε)",
            largest="before", alone=True),
    _update("adam-amsgrad", "the largest of Adam's corrected second averages so far stands for the present one: AMSGrad",
            "m̂ / (√max v̂ + ε)", largest="after", alone=True),
    _update("adam-root-missing", "the root is left out of what Adam divides by", "m̂ / (v̂ + ε)", eps="no root", alone=True),
    _mistake("adam-power-missing", "Adam's first average is corrected by β₁ times t, not to the power of t", "1 − β₁ᵗ", "1 − β₁ t",
             {"*_update": partial(_adam, first="product")}, alone=True),
    *(
        _mistake("adam-step-off", f"the step is counted once for each parameter, {order}", "1 − βᵗ", "1 − βᵗ, t of each parameter",
                 {"*_update": partial(_counted_for_each, is_backward=is_backward)}, alone=True)
        for is_backward, order in ((True, "the last layer first"), (False, "the first layer first"))
    ),
)
