"""Mistakes with a number of their own that nobody can know beforehand: it is measured, or is one of those that people take."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...rounding.arithmetic import Bounded
from ...rounding.rules import OPTIMIZERS as RULES
from ..formulas import Formula, options_of
from ..graph import At, places
from ..measured import Family
from ..mistake import Applies, Where, anywhere
from .where import bends, by, has, has_bias, uses

Formulas = Mapping[str, Formula]
_STRENGTHS = tuple(float(f"{digit}e{power}") for power in (-3, -2, -1, -4, 0, -5) for digit in (1, 5, 2, 3, 4, 6, 7, 8))
_THRESHOLDS = tuple(float(f"{digit}e{power}") for power in (0, -1, 1, -2, -3) for digit in (1, 5, 2, 3, 4, 6, 7, 8))

_LEAST = 1e-300      # of a bound: no number lies between 1 and −1


# A penalty of the weights.


def _penalised(kind: str, stage: str, is_l1: bool, over_n: bool) -> Callable[[float], Formulas]:
    """λ w, or λ sign(w), added to a gradient, or as −λ w to the step, with or without lr."""
    kind_of_stage, _, times = stage.partition(" ")

    def formulas(strength: float) -> Formulas:
        def formula(at: At, kind: str = "weight") -> Bounded:
            w: Bounded = at(kind)
            direction = at.exact(np.sign(w.value)) if is_l1 else w
            factor = strength / (at.records if over_n else 1)
            if kind_of_stage in ("step", "after"):
                factor *= -at("lr") if times else -1.0
            return at.right(f"{kind}_{kind_of_stage}") + direction.scaled(factor)

        return {f"{kind}_{kind_of_stage}": formula}

    return formulas


def _penalties() -> tuple[Family, ...]:
    found = []
    for stage, beside, to, expected, text in (
        ("used", "", "to the gradients", "g = ∂L/∂w", "∂L/∂w + {of}"),
        ("taken", "weight_used", "in the update to the gradients", "g = ∂L/∂w", "∂L/∂w + {of}"),
        ("step lr", "", "to the step", "Δw = −lr ∂L/∂w", "Δw − lr {of}"),
        ("step", "", "to the step, not times lr,", "Δw = −lr ∂L/∂w", "Δw − {of}"),
        ("after lr", "weight_step", "with the step to the weights", "w + Δw", "w + Δw − lr {of}"),
        ("after", "weight_step", "with the step, not times lr, to the weights", "w + Δw", "w + Δw − {of}"),
    ):
        for over_n, is_l1 in ((False, False), (False, True), (True, False)):
            for kind, what in (("weight", "weights"), ("*", "weights and biases")):
                of = "{number}" + ("/n" if over_n else "") + (" sign(w)" if is_l1 else " w")
                found.append(
                    Family(f"penalty-l{1 if is_l1 else 2}",
                           f"a penalty of the {what} that is not asked for, {of}, is added {to} of {{layer}}", expected, text.format(of=of),
                           _penalised(kind, stage, is_l1, over_n), 0.01, "layer", has_bias if kind == "*" else lambda problem, layer: True,
                           among=_STRENGTHS if stage in ("used", "taken") else (), beside=beside)
                )
    return tuple(found)


def _penalty_in_loss(is_l1: bool, with_biases: bool, over_n: bool) -> Callable[[float], Formulas]:
    def formulas(strength: float) -> Formulas:
        def formula(at: At) -> Bounded:
            total = at.right("loss")
            for kind, place in places(at.problem):
                if kind == "weight" or (with_biases and kind == "bias"):
                    flat = at.exact(at.of(place)(kind).value.ravel())
                    terms = at.exact(np.abs(flat.value)) if is_l1 else flat * flat
                    total = total + terms.sum(-1).scaled(strength / (at.records if over_n else 1))
            return total.off_by(at.run.precision.gamma(4) * np.abs(total.value))

        return {"loss": formula}

    return formulas


_LOSS_PENALTIES = tuple(
    Family("loss-penalty", f"the loss has a penalty of the {what} that the gradients do not have", "L",
           f"L + {{number}}{'/n' if over_n else ''} Σ {'|w|' if is_l1 else 'w²'}", _penalty_in_loss(is_l1, with_biases, over_n), 0.01,
           applies=has_bias if with_biases else lambda problem, layer: True)
    for over_n in (False, True)
    for is_l1 in (False, True)
    for with_biases, what in ((False, "weights"), (True, "weights and biases"))
)


# Slopes and thresholds.


def _raised(number: float) -> Formulas:
    def formula(at: At) -> Bounded:
        slope = at.right("slope")
        return slope + at.exact(np.full_like(slope.value, number))

    return {"slope": formula}


def _past(z: Bounded, number: float) -> Bounded:
    """1 where z > number, else 0; either where rounding decides."""
    undecided = (np.abs(z.value - number) <= z.error) & np.greater(z.error, 0)
    return z.like((z.value > number).astype(np.float64), np.where(undecided, 1.0, 0.0))


def _threshold(stages: tuple[str, ...]) -> Callable[[float], Formulas]:
    def formulas(number: float) -> Formulas:
        def activation(at: At) -> Bounded:
            z = at("u")
            return z * _past(z, number)

        def slope(at: At) -> Bounded:
            return _past(at("u"), number)

        return {stage: {"a": activation, "slope": slope}[stage] for stage in stages}

    return formulas


def clipped(a: Bounded, low: float, high: float) -> Bounded:
    """The value kept between the two, and exact where it is beyond by more than its bound."""
    value = np.clip(a.value, low, high)
    is_beyond = (a.value + a.error < low) | (a.value - a.error > high)
    return a.like(value, np.where(is_beyond, 0.0, np.broadcast_to(a.error, value.shape)))


def _clip(stage: str, is_one_sided: bool = False, is_per_record: bool = False) -> Callable[[float], Formulas]:
    def formulas(number: float) -> Formulas:
        def formula(at: At, kind: str = "") -> Bounded:
            most = number / (at.records if is_per_record else 1)
            return clipped(at.right(stage.replace("*", kind)), -np.inf if is_one_sided else -most, most)

        return {stage: formula}

    return formulas


def _capped(with_slope: bool) -> Callable[[float], Formulas]:
    def formulas(number: float) -> Formulas:
        def slope(at: At) -> Bounded:
            past, own = _past(at("u"), number), at.right("slope")
            return at.exact(own.value * (1 - past.value), own.error + past.error)

        cap = _clip("a", is_one_sided=True)(number)
        return {**cap, "slope": slope} if with_slope else cap

    return formulas


def _probabilities_clipped(number: float) -> Formulas:
    return {"a": lambda at: clipped(at.right("a"), number, 1 - number)}


def _by_norm(stage: str, of_all: bool, guard: float) -> Callable[[float], Formulas]:
    """g min(1, c/‖g‖), the norm over all gradients or each one's own; `guard` is added to it, as PyTorch does."""

    def formulas(number: float) -> Formulas:
        def formula(at: At, kind: str) -> Bounded:
            g: Bounded = at.right(kind + stage)
            parts = [at.of(place).right(other + stage) for other, place in places(at.problem)] if of_all else [g]
            squares = [part * part for part in parts]
            values, errors = (np.concatenate([np.ravel(getattr(each, of)) for each in squares]) for of in ("value", "error"))
            norm = at.exact(values, errors).sum(-1).root()
            size, off = float(norm.value) + guard, float(norm.error)
            if size + off < number:
                return g
            scaled = g.scaled(number / size if size > number else 1.0)
            return scaled.off_by(np.abs(scaled.value) * (2 * off / size + at.run.precision.u))

        return {"*" + stage: formula}

    return formulas


# Targets, the loss's derivative, the learning rate.


def _smoothed(halves: bool) -> Callable[[float], Formulas]:
    def formulas(number: float) -> Formulas:
        def formula(at: At) -> Any:
            y, k = at.right("y"), at.problem.sizes[-1]
            wanted = np.eye(k)[y] if np.issubdtype(y.dtype, np.integer) else y.astype(np.float64)
            return (1 - number) * wanted + number / (2 if halves else k)

        return {"y": formula}

    return formulas


def _guarded(form: str) -> Callable[[float], Formulas]:
    """bce's derivative with ε in its denominators: (1 − y)/(1 − p + ε) − y/(p + ε), or (p − y)/(p(1 − p) + ε)."""

    def formulas(number: float) -> Formulas:
        def formula(at: At) -> Bounded:
            p, y, eps = at("output"), at("y").astype(np.float64), at.exact(np.asarray(number))
            rest = 1 - p
            least = max(abs(number) / 2, 1e-300)
            if form == "one":
                above = p - y
                return above.over(p * rest + eps, least)
            one = at.exact(y).over(p + eps, least)
            return at.exact(1 - y).over(rest + eps, least) - one

        return {"term": formula}

    return formulas


def _rate(of: Callable[[float, int], float]) -> Callable[[float], Formulas]:
    return lambda number: {"lr": lambda at: at.now.lr * of(number, at.now.number)}


def _option(name: str, of: Callable[[Any, float], Any]) -> Callable[[float], Formulas]:
    """The update with another value of an option."""

    def formulas(number: float) -> Formulas:
        def formula(at: At, kind: str) -> Any:
            options = options_of(kind, at("options"))
            w, g, kept = at(kind), at(f"{kind}_taken"), at(f"{kind}_kept")
            options = options | {name: of(options[name], number)}
            count, lr = np.asarray(at("count")), at("lr")
            return RULES[at.problem.optimizer].update(w, g, kept, count, lr, options)

        return {"*_update": formula}

    return formulas


_CLIPPED: tuple[tuple[str, str, bool, str, str, Where, Applies, bool, float], ...] = (
    ("gradient-clipped", "*_used", False, "each of the gradients of {layer} is clipped to ±", "g = ∂L/∂w", "layer", anywhere, True, 0.01),
    ("gradient-clipped", "weight_used", False, "the weight gradient of {layer} is clipped to ±", "∂L/∂W", "layer", has_bias, True, 0.01),
    ("gradient-clipped", "bias_used", False, "the bias gradient of {layer} is clipped to ±", "∂L/∂b", "layer", has_bias, True, 0.01),
    ("gradient-clipped", "*_taken", False, "the update clips the gradients of {layer} to ±", "∂L/∂w", "layer", anywhere, True, 0.01),
    ("error-clipped", "delta", False, "δ of {layer} is clipped to ±", "δ = ∂L/∂z", "layer", anywhere, True, 0.01),
    ("error-clipped", "delta", True, "δ of each record of {layer} is clipped to ±", "δ = ∂L/∂z", "layer", anywhere, True, 0.01),
    ("error-clipped", "term", False, "the error is clipped to ±", "∂ℓ/∂ŷ", "once", anywhere, True, 0.01),
    ("error-clipped", "error", False, "the error's part of the mean is clipped to ±", "∂L/∂ŷ", "once", anywhere, True, 0.01),
    ("forward-clipped", "z", False, "z of {layer} is clipped to ±", "z = a Wᵀ + b", "layer", anywhere, False, 0.5),
)
_CLIPS = tuple(
    Family(id, f"{what}{{number}}", expected, f"{expected.partition(' = ')[0]} clipped to ±{{number}}",
           _clip(stage, is_per_record=is_per_record), usual, where, applies, start=1e-6, smooth=smooth, among=_THRESHOLDS,
           beside="weight_used" if stage == "*_taken" else "", least=_LEAST)
    for id, stage, is_per_record, what, expected, where, applies, smooth, usual in _CLIPPED
)

_WHOSE: tuple[tuple[bool, str, Where], ...] = ((True, "the norm of them all", "once"), (False, "the norm of each in {layer}", "layer"))
_NORMS = tuple(
    Family("gradient-clipped-by-norm", f"the gradients are scaled down where {norm} is larger than {{number}}{said}", "g = ∂L/∂w",
           f"g = ∂L/∂w · min(1, {{number}}/{'(‖g‖ + 1e-6)' if guard else '‖g‖'})", _by_norm(stage, of_all, guard), 0.05, where, start=1e-6,
           among=_THRESHOLDS, beside="weight_used" if stage == "_taken" else "", least=_LEAST)
    for stage in ("_used", "_taken")
    for guard, said in ((0.0, ""), (1e-6, ", as PyTorch does"))
    for of_all, norm, where in _WHOSE
)

WITH_NUMBERS: dict[str, tuple[Family, ...]] = {
    "the derivative of an activation": (
        Family("slope-raised", "f′ of {layer} has {number} added to it: flat spots are left out", "δ = ∂L/∂a ∘ f′(z)",
               "δ = ∂L/∂a ∘ (f′(z) + {number})", _raised, 0.1, "layer", bends, among=(0.1, 0.01, 0.05), least=1e-4),
    ),
    "the gradient of a weight": (*_CLIPS[:4], *_NORMS),
    "the error, at the output or on its way back": (
        *_CLIPS[4:8],
        *(
            Family("bce-guarded", "the derivative of the loss has {number} added to what it is divided by", "∂ℓ/∂p = (p − y)/(p(1 − p))",
                   actual, _guarded(form), 1e-3, applies=lambda problem, layer: problem.loss == "bce", start=1e-7,
                   among=(1e-8, 1e-7, 1e-5, 1e-3, 1e-9, 1e-10, 1e-12, 1e-15))
            for form, actual in (
                ("two", "∂ℓ/∂p = (1 − y)/(1 − p + {number}) − y/(p + {number})"),
                ("one", "∂ℓ/∂p = (p − y)/(p(1 − p) + {number})"),
            )
        ),
        *(
            Family(
                "targets-smoothed",
                "the targets are smoothed by {number}, which is not asked for",
                "y",
                "(1 − {number}) y + {number}/" + ("2" if halves else "k"),
                _smoothed(halves),
                0.1,
                applies=lambda problem, layer, halves=halves: problem.sizes[-1] != 2 if halves else problem.sizes[-1] > 1,  # type: ignore[misc]
                among=(0.1, 0.05, 0.2, 0.01),
            )
            for halves in (False, True)
        ),
    ),
    "the forward pass": (
        *_CLIPS[8:],
        Family("forward-clipped", "z of {layer} is clipped above {number}", "z = a Wᵀ + b", "z = min(a Wᵀ + b, {number})",
               _clip("z", is_one_sided=True), 1.0, "layer", start=1e-6, smooth=False, among=_THRESHOLDS),
        Family("forward-clipped", "the output is kept between {number} and 1 − {number}", "p = f(z)",
               "p = clip(f(z), {number}, 1 − {number})", _probabilities_clipped, 0.1, "output",
               lambda problem, layer: problem.layers[layer - 1].function in ("sigmoid", "softmax"), smooth=False,
               among=(0.01, 0.05, 0.1, 0.001), least=_LEAST),
        *(
            Family("relu-threshold", "the threshold of relu in {layer} is not 0, but about {number}" + where, "a = z [z > 0]",
                   "a = z [z > {number}]", _threshold(stages), 0.1, "layer", has("relu"), smooth=False,
                   among=(0.1, 0.5, 1.0, 0.01, 0.2, 0.05, -0.1, -0.5, -1.0, -0.01, 0.001))
            for stages, where in ((("a", "slope"), ""), (("slope",), ", on the way back"), (("a",), ", on the way forward"))
        ),
        *(
            Family("relu-capped", "the activation of {layer} is capped at {number}" + where, "a = max(z, 0)",
                   "a = min(max(z, 0), {number})", _capped(with_slope), 1.0, "layer", has("relu", "leaky_relu"), smooth=False,
                   among=(6.0, 1.0, 5.0, 2.0, 3.0, 4.0, 0.5))
            for with_slope, where in ((True, ""), (False, ", and its slope is not"))
        ),
    ),
    "the loss, its value or the derivative of a term": _LOSS_PENALTIES,
    "the optimiser": (
        Family("decay-other", "weight decay is {number}, which is not what is asked for", "g + λ w", "g + {number} w",
               _option("weight_decay", lambda value, number: number), 0.02, applies=uses("weight_decay"), among=_STRENGTHS),
        Family("momentum-other", "momentum is {number}, which is not what is asked for", "b ← μ b + g", "b ← {number} b + g",
               _option("momentum", lambda value, number: number), 0.5, applies=uses("momentum"), among=(0.9, 0.99, 0.5, 0.8, 0.95)),
        *(
            Family("adam-beta-other", f"Adam's {name} is {{number}}, which is not what is asked for", name, f"{name} = {{number}}",
                   _option("betas", of), 0.95, applies=by("adam", "adamw"), start=0.5, among=(0.99, 0.9, 0.95, 0.98, 0.9999, 0.999, 0.5))
            for name, of in (
                ("β₂", lambda betas, number: (betas[0], number)),
                ("β₁", lambda betas, number: (number, betas[1])),
            )
        ),
        Family("adam-eps-other", "Adam's ε is {number}, which is not what is asked for", "Δw = −lr m̂ / (√v̂ + ε)",
               "Δw = −lr m̂ / (√v̂ + {number})", _option("eps", lambda eps, number: number), 1e-3, applies=by("adam", "adamw"),
               smooth=False, among=(1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1e-9, 1e-10, 1e-12)),
    ),
    "the update: what the gradients are multiplied by and added to": (
        *_penalties(),
        *(
            Family("lr-decays", "the learning rate decays by itself, step by step", "lr", actual, _rate(of), usual, "all", start=start)
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
