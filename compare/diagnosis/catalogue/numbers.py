"""Mistakes with a number of their own, which is measured or one of the usual ones; each formula gets it as `number`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...formulas.sampled import Sampled
from ..formulas import Formula
from ..graph import At, places
from ..measured import Family
from ..mistake import Applies, Where, anywhere
from .optimizers import step_by, updated
from .slopes import past
from .where import bends, by, has, has_bias, has_velocity, loss_is, uses

_STRENGTHS = tuple(float(f"{digit}e{power}") for power in (-3, -2, -1, -4, 0, -5) for digit in (1, 5, 2, 3, 4, 6, 7, 8))
_THRESHOLDS = tuple(float(f"{digit}e{power}") for power in (0, -1, 1, -2, -3) for digit in (1, 5, 2, 3, 4, 6, 7, 8))

_LEAST = 1e-300      # of a bound: no number lies between 1 and −1


# A penalty of the weights.


def _penalised(at: At, number: float, stage: str, times_lr: bool, is_l1: bool, over_n: bool, kind: str = "weight") -> Sampled:
    """Return a gradient plus λ w, or λ sign(w); or a step or new weights less that, with or without lr."""
    w: Sampled = at(kind)
    direction = at.exact(np.sign(w.value)) if is_l1 else w
    factor = number / (at.records if over_n else 1)
    if stage in ("step", "after"):
        factor *= -at("lr") if times_lr else -1.0
    return at.right(f"{kind}_{stage}") + direction.scaled(factor)


_PENALTIES = tuple(
    Family(f"penalty-l{1 if is_l1 else 2}", f"a penalty of the {what} that is not asked for, {of}, is added {to} of {{layer}}", expected,
           actual + of, {f"{kind}_{stage}": partial(_penalised, stage=stage, times_lr=times_lr, is_l1=is_l1, over_n=over_n)}, 0.01,
           "layer", applies, among=_STRENGTHS if stage in ("used", "taken") else (), beside=beside)
    for stage, times_lr, beside, to, expected, actual in (
        ("used", False, "", "to the gradients", "g = ∂L/∂w", "∂L/∂w + "),
        ("taken", False, "weight_used", "in the update to the gradients", "g = ∂L/∂w", "∂L/∂w + "),
        ("step", True, "", "to the step", "Δw = −lr ∂L/∂w", "Δw − lr "),
        ("step", False, "", "to the step, not times lr,", "Δw = −lr ∂L/∂w", "Δw − "),
        ("after", True, "weight_step", "with the step to the weights", "w + Δw", "w + Δw − lr "),
        ("after", False, "weight_step", "with the step, not times lr, to the weights", "w + Δw", "w + Δw − "),
    )
    for over_n, is_l1, of in ((False, False, "{number} w"), (False, True, "{number} sign(w)"), (True, False, "{number}/n w"))
    for kind, what, applies in (("weight", "weights", anywhere), ("*", "weights and biases", has_bias))
)


def _loss_penalised(at: At, number: float, kinds: tuple[str, ...], is_l1: bool, over_n: bool) -> Sampled:
    """Return the loss plus λ Σ w², or λ Σ |w|, of these kinds of parameters."""
    total = at.right("loss")
    for kind, layer in places(at.problem):
        if kind in kinds:
            flat = at.exact(at.of(layer)(kind).value.ravel())
            terms = at.exact(np.abs(flat.value)) if is_l1 else flat * flat
            total = total + terms.sum(-1).scaled(number / (at.records if over_n else 1))
    return total.off_by(at.run.precision.gamma(4) * np.abs(total.value))


_LOSS_PENALTIES = tuple(
    Family("loss-penalty", f"the loss has a penalty of the {what} that the gradients do not have", "L",
           f"L + {{number}}{'/n' if over_n else ''} Σ {'|w|' if is_l1 else 'w²'}",
           {"loss": partial(_loss_penalised, kinds=kinds, is_l1=is_l1, over_n=over_n)}, 0.01, applies=applies)
    for over_n in (False, True)
    for is_l1 in (False, True)
    for kinds, what, applies in ((("weight",), "weights", anywhere), (("weight", "bias"), "weights and biases", has_bias))
)


# Slopes and thresholds.


def _raised(at: At, number: float) -> Sampled:
    slope = at.right("slope")
    return slope + at.exact(np.full_like(slope.value, number))


def _clipped(at: At, number: float, stage: str, low: float = -1.0, is_per_record: bool = False, kind: str = "") -> Sampled:
    """Return the stage clipped to low · number and number, or to their n-th part."""
    most = number / (at.records if is_per_record else 1)
    return _between(at.right(stage.replace("*", kind)), low * most, most)


def _between(a: Sampled, low: float, high: float) -> Sampled:
    """Return the value clipped to low and high, exact where it is beyond by more than its bound."""
    value = np.clip(a.value, low, high)
    is_beyond = (a.value + a.error < low) | (a.value - a.error > high)
    return a.like(value, np.where(is_beyond, 0.0, np.broadcast_to(a.error, value.shape)))


def _capped_slope(at: At, number: float) -> Sampled:
    is_past, slope = past(at("u"), number), at.right("slope")
    return at.exact(slope.value * (1 - is_past.value), slope.error + is_past.error)


def _by_norm(at: At, kind: str, number: float, stage: str, of_all: bool, guard: float) -> Sampled:
    """Return g min(1, c/‖g‖), the norm over all gradients or each one's own; `guard` is added to it, as PyTorch does."""
    g: Sampled = at.right(kind + stage)
    parts = [at.of(place).right(other + stage) for other, place in places(at.problem)] if of_all else [g]
    squares = [part * part for part in parts]
    values, errors = (np.concatenate([np.ravel(getattr(each, of)) for each in squares]) for of in ("value", "error"))
    norm = at.exact(values, errors).sum(-1).root()
    size, off = float(norm.value) + guard, float(norm.error)
    if size + off < number:
        return g
    scaled = g.scaled(number / size if size > number else 1.0)
    return scaled.off_by(np.abs(scaled.value) * (2 * off / size + at.run.precision.u))


def _clip(id: str, what: str, expected: str, stage: str, where: Where = "layer", applies: Applies = anywhere, **how: Any) -> Family:
    return Family(id, f"{what} clipped to ±{{number}}", expected, f"{expected.partition(' = ')[0]} clipped to ±{{number}}",
                  {stage: partial(_clipped, stage=stage, **how)}, 0.01, where, applies, start=1e-6, among=_THRESHOLDS, least=_LEAST)


_WHOSE: tuple[tuple[bool, str, Where], ...] = ((True, "the norm of them all", "once"), (False, "the norm of each in {layer}", "layer"))
_NORMS = tuple(
    Family("gradient-clipped-by-norm", f"the gradients are scaled down where {norm} is larger than {{number}}{said}", "g = ∂L/∂w",
           f"g = ∂L/∂w · min(1, {{number}}/{'(‖g‖ + 1e-6)' if guard else '‖g‖'})",
           {"*" + stage: partial(_by_norm, stage=stage, of_all=of_all, guard=guard)}, 0.05, where, start=1e-6,
           among=_THRESHOLDS, beside="weight_used" if stage == "_taken" else "", least=_LEAST)
    for stage in ("_used", "_taken")
    for guard, said in ((0.0, ""), (1e-6, ", as PyTorch does"))
    for of_all, norm, where in _WHOSE
)
_THRESHOLD: dict[str, Formula] = {
    "a": lambda at, number: at("u") * past(at("u"), number),
    "slope": lambda at, number: past(at("u"), number),
}
_CAP: dict[str, Formula] = {"a": partial(_clipped, stage="a", low=-np.inf)}


# Targets, the loss's derivative, the learning rate, the optimiser's options.


def _smoothed(at: At, number: float, halves: bool) -> Any:
    y, k = at.right("y"), at.problem.sizes[-1]
    wanted = np.eye(k)[y] if np.issubdtype(y.dtype, np.integer) else y.astype(np.float64)
    return (1 - number) * wanted + number / (2 if halves else k)


def _guarded(at: At, number: float) -> Sampled:
    """Return bce's derivative with ε in its denominators, (1 − y)/(1 − p + ε) − y/(p + ε)   (n, k)."""
    p, y, eps, least = _parts_of_bce(at, number)
    return at.exact(1 - y).over(1 - p + eps, least) - at.exact(y).over(p + eps, least)


def _guarded_once(at: At, number: float) -> Sampled:
    """Return bce's derivative with ε in its one denominator, (p − y)/(p(1 − p) + ε)   (n, k)."""
    p, y, eps, least = _parts_of_bce(at, number)
    return (p - y).over(p * (1 - p) + eps, least)


def _parts_of_bce(at: At, number: float) -> tuple[Sampled, Any, Sampled, float]:
    return at("output"), at("y").astype(np.float64), at.exact(np.asarray(number)), max(abs(number) / 2, 1e-300)


def _rate(at: At, number: float, of: Callable[[float, int], float]) -> float:
    return at.now.lr * of(number, at.now.number)


def _option(name: str, of: Callable[[Any, float], Any] = lambda value, number: number) -> dict[str, Formula]:
    """Return the formula of the update with another value of an option."""
    return {"*_update": lambda at, kind, number: updated(at, kind, at("options") | {name: of(at("options")[name], number)})}


def _clipped_velocity(at: At, kind: str, number: float) -> Any:
    """Return the step by the clipped velocity, which is kept."""
    velocity = _between(updated(at, kind)[1]["momentum_buffer"], -number, number)
    return step_by(at, kind, velocity), {"momentum_buffer": velocity}


WITH_NUMBERS: dict[str, tuple[Family, ...]] = {
    "the derivative of an activation": (
        Family("slope-raised", "f′ of {layer} has {number} added to it: flat spots are left out", "δ = ∂L/∂a ∘ f′(z)",
               "δ = ∂L/∂a ∘ (f′(z) + {number})", {"slope": _raised}, 0.1, "layer", bends, among=(0.1, 0.01, 0.05), least=1e-4),
    ),
    "the gradient of a weight": (
        _clip("gradient-clipped", "each of the gradients of {layer} is", "g = ∂L/∂w", "*_used"),
        _clip("gradient-clipped", "the weight gradient of {layer} is", "∂L/∂W", "weight_used", applies=has_bias),
        _clip("gradient-clipped", "the bias gradient of {layer} is", "∂L/∂b", "bias_used", applies=has_bias),
        Family("gradient-clipped", "the update clips the gradients of {layer} to ±{number}", "∂L/∂w", "∂L/∂w clipped to ±{number}",
               {"*_taken": partial(_clipped, stage="*_taken")}, 0.01, "layer", start=1e-6, among=_THRESHOLDS, beside="weight_used",
               least=_LEAST),
        *_NORMS,
    ),
    "the error, at the output or on its way back": (
        _clip("error-clipped", "δ of {layer} is", "δ = ∂L/∂z", "delta"),
        _clip("error-clipped", "δ of each record of {layer} is", "δ = ∂L/∂z", "delta", is_per_record=True),
        _clip("error-clipped", "the derivative of the loss, ∂ℓ/∂ŷ, is", "∂ℓ/∂ŷ", "term", "once"),
        _clip("error-clipped", "the derivative of the mean loss, ∂L/∂ŷ, is", "∂L/∂ŷ", "error", "once"),
        *(
            Family("bce-guarded", "the derivative of the loss has {number} added to what it is divided by", "∂ℓ/∂p = (p − y)/(p(1 − p))",
                   f"∂ℓ/∂p = {actual}", {"term": formula}, 1e-3, applies=loss_is("bce"), start=1e-7,
                   among=(1e-8, 1e-7, 1e-5, 1e-3, 1e-9, 1e-10, 1e-12, 1e-15))
            for actual, formula in (
                ("(1 − y)/(1 − p + {number}) − y/(p + {number})", _guarded),
                ("(p − y)/(p(1 − p) + {number})", _guarded_once),
            )
        ),
        Family("targets-smoothed", "the targets are smoothed by {number}, which is not asked for", "y", "(1 − {number}) y + {number}/k",
               {"y": partial(_smoothed, halves=False)}, 0.1, applies=lambda problem, layer: problem.sizes[-1] > 1,
               among=(0.1, 0.05, 0.2, 0.01)),
        Family("targets-smoothed", "the targets are smoothed by {number}, which is not asked for", "y", "(1 − {number}) y + {number}/2",
               {"y": partial(_smoothed, halves=True)}, 0.1, applies=lambda problem, layer: problem.sizes[-1] != 2,
               among=(0.1, 0.05, 0.2, 0.01)),
    ),
    "the forward pass": (
        Family("forward-clipped", "z of {layer} is clipped to ±{number}", "z = a Wᵀ + b", "z clipped to ±{number}",
               {"z": partial(_clipped, stage="z")}, 0.5, "layer", start=1e-6, smooth=False, among=_THRESHOLDS, least=_LEAST),
        Family("forward-clipped", "z of {layer} is clipped above {number}", "z = a Wᵀ + b", "z = min(a Wᵀ + b, {number})",
               {"z": partial(_clipped, stage="z", low=-np.inf)}, 1.0, "layer", start=1e-6, smooth=False, among=_THRESHOLDS),
        Family("forward-clipped", "the output is kept between {number} and 1 − {number}", "p = f(z)",
               "p = clip(f(z), {number}, 1 − {number})", {"a": lambda at, number: _between(at.right("a"), number, 1 - number)}, 0.1,
               "output", has("sigmoid", "softmax"), smooth=False, among=(0.01, 0.05, 0.1, 0.001), least=_LEAST),
        *(
            Family("relu-threshold", "the threshold of relu in {layer} is not 0, but about {number}" + where, "a = z [z > 0]",
                   "a = z [z > {number}]", {stage: _THRESHOLD[stage] for stage in stages}, 0.1, "layer", has("relu"), smooth=False,
                   among=(0.1, 0.5, 1.0, 0.01, 0.2, 0.05, -0.1, -0.5, -1.0, -0.01, 0.001))
            for stages, where in ((("a", "slope"), ""), (("slope",), ", on the way back"), (("a",), ", on the way forward"))
        ),
        *(
            Family("relu-capped", "the activation of {layer} is capped at {number}" + where, "a = max(z, 0)",
                   "a = min(max(z, 0), {number})", formulas, 1.0, "layer", has("relu", "leaky_relu"), smooth=False,
                   among=(6.0, 1.0, 5.0, 2.0, 3.0, 4.0, 0.5))
            for formulas, where in (({**_CAP, "slope": _capped_slope}, ""), (_CAP, ", and its slope is not"))
        ),
    ),
    "the loss, its value or the derivative of a term": _LOSS_PENALTIES,
    "the optimiser": (
        Family("decay-other", "weight decay of {layer} is {number}, which is not what is asked for", "g + λ w", "g + {number} w",
               _option("weight_decay"), 0.02, "layer", uses("weight_decay"), among=_STRENGTHS),
        Family("velocity-clipped", "the velocity of {layer} is clipped to ±{number}", "b ← μ b + g", "b ← μ b + g clipped to ±{number}",
               {"*_update": _clipped_velocity}, 0.01, "layer", has_velocity, start=1e-6, among=_THRESHOLDS, least=_LEAST),
        Family("momentum-other", "momentum is {number}, which is not what is asked for", "b ← μ b + g", "b ← {number} b + g",
               _option("momentum"), 0.5, applies=has_velocity, among=(0.9, 0.99, 0.5, 0.8, 0.95)),
        *(
            Family("adam-beta-other", f"Adam's {name} is {{number}}, which is not what is asked for", name, f"{name} = {{number}}",
                   _option("betas", of), 0.95, applies=by("adam", "adamw"), start=0.5, among=(0.99, 0.9, 0.95, 0.98, 0.9999, 0.999, 0.5))
            for name, of in (
                ("β₂", lambda betas, number: (betas[0], number)),
                ("β₁", lambda betas, number: (number, betas[1])),
            )
        ),
        Family("adam-eps-other", "Adam's ε is {number}, which is not what is asked for", "Δw = −lr m̂ / (√v̂ + ε)",
               "Δw = −lr m̂ / (√v̂ + {number})", _option("eps"), 1e-3, applies=by("adam", "adamw"),
               smooth=False, among=(1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1e-9, 1e-10, 1e-12)),
    ),
    "the update: what the gradients are multiplied by and added to": (
        *_PENALTIES,
        *(
            Family("lr-decays", "the learning rate decays by itself, step by step", "lr", actual, {"lr": partial(_rate, of=of)}, usual,
                   "all", start=start)
            for actual, of, usual, start in (
                ("lr / (1 + {number} (t − 1))", lambda number, t: 1 / (1 + number * (t - 1)), 0.1, 1e-3),
                ("lr / (1 + {number} t)", lambda number, t: 1 / (1 + number * t), 0.1, 1e-3),
                ("lr · {number}^(t − 1)", lambda number, t: number ** (t - 1), 0.9, 0.5),
                ("lr · {number}^t", lambda number, t: number**t, 0.9, 0.5),
                ("lr e^(−{number} (t − 1))", lambda number, t: float(np.exp(-number * (t - 1))), 0.1, 1e-3),
                ("lr e^(−{number} t)", lambda number, t: float(np.exp(-number * t)), 0.1, 1e-3),
            )
        ),
    ),
}

FAMILIES: tuple[Family, ...] = tuple(family for families in WITH_NUMBERS.values() for family in families)
