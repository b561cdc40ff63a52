"""Mistakes in momentum and weight decay."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...formulas.optimizers import OPTIMIZERS as RULES
from ...formulas.sampled import Sampled
from ..formulas import Formula, options_of
from ..graph import At
from ..mistake import Applies, Mistake
from .where import both, by, has_bias, has_velocity, unless, uses

Slots = dict[str, Sampled]      # what the optimiser keeps of a parameter, by name
Options = dict[str, Any]


def updated(
    at: At, kind: str, options: Options | None = None, *, rule: str | None = None, count: int | None = None
) -> tuple[Sampled, Slots]:
    """Return the right Δw and slots, or those under other options, by another optimiser's rule, or at another number of the step."""
    own = options_of(kind, at("options") if options is None else options)
    number = np.asarray(at("count") if count is None else count)
    return RULES[rule or at.problem.optimizer](at(kind), at(f"{kind}_taken"), at(f"{kind}_kept"), number, at("lr"), own)


def option(name: str, value: Callable[[At, Options], Any]) -> dict[str, Formula]:
    """Return the formulas under another value of one option."""
    return {"*_update": lambda at, kind: updated(at, kind, at("options") | {name: value(at, at("options"))})}


def _of_kind(at: At, kind: str, formula: Formula, only: str) -> tuple[Sampled, Slots]:
    """Return the update by that formula for one kind of parameter, and the right one for the others."""
    return formula(at, kind=kind) if kind == only else at.right(f"{kind}_update")


def _gradient(at: At, kind: str) -> Sampled:
    """Return the gradient with its decay, g + λ w."""
    g, w, decay = at(f"{kind}_taken"), at(kind), options_of(kind, at("options"))["weight_decay"]
    return g + w.scaled(decay) if decay else g


def _decayed(at: At, kind: str) -> Sampled:
    """Return ∂L/∂w + λ w."""
    return at.right(f"{kind}_used") + at(kind).scaled(options_of(kind, at("options"))["weight_decay"])


def _ahead(at: At, g: Sampled, velocity: Sampled) -> Sampled:
    """Return what lr multiplies: the velocity b, or with Nesterov's look-ahead g + μ b."""
    options = at("options")
    return g + velocity.scaled(options["momentum"]) if options["nesterov"] else velocity


def step_by(at: At, kind: str, velocity: Sampled) -> Sampled:
    """Return Δw by that velocity, with Nesterov's look-ahead if it is asked for."""
    return _ahead(at, _gradient(at, kind), velocity).scaled(-at("lr"))


def _old(at: At, kind: str) -> Sampled:
    """Return the velocity after the step before."""
    return at(f"{kind}_kept")["momentum_buffer"]


def _stale(at: At, kind: str) -> tuple[Sampled, Slots]:
    """Return the step by the old velocity, and the new one."""
    return step_by(at, kind, _old(at, kind)), updated(at, kind)[1]


def _stale_but_the_first(at: At, kind: str) -> tuple[Sampled, Slots]:
    """Return the same but for the first step, which is right."""
    return updated(at, kind) if at.before is None else _stale(at, kind)


def _sign_but_look_ahead(at: At, kind: str) -> tuple[Sampled, Slots]:
    """Return the update by b ← g − μ b, where the look-ahead g + μ b has the right sign."""
    options = at("options")
    after = updated(at, kind, options | {"momentum": -options["momentum"]})[1]
    return step_by(at, kind, after["momentum_buffer"]), after


def _lr_inside(at: At, kind: str) -> tuple[Sampled, Slots]:
    """Return the update by v ← μ v + lr g; Δw = −v."""
    g = _gradient(at, kind).scaled(at("lr"))
    velocity = _old(at, kind).scaled(at("options")["momentum"]) + g
    return -_ahead(at, g, velocity), {"momentum_buffer": velocity}


def _averaged(at: At, kind: str) -> tuple[Sampled, Slots]:
    """Return the update by v ← μ v + (1 − μ) g from the first step on; Δw = −lr v."""
    momentum = at("options")["momentum"]
    velocity = _old(at, kind).scaled(momentum) + _gradient(at, kind).scaled(1 - momentum)
    return step_by(at, kind, velocity), {"momentum_buffer": velocity}


def _decoupled(at: At, kind: str, times_lr: bool) -> tuple[Sampled, Slots]:
    """Return the update without weight decay, less lr λ w, or λ w."""
    decay = options_of(kind, at("options"))["weight_decay"]
    delta, after = updated(at, kind, at("options") | {"weight_decay": 0.0})
    return delta + at(kind).scaled(-at("lr") * decay if times_lr else -decay), after


def _other_decay(at: At, kind: str) -> tuple[Sampled, Slots]:
    """Return the update with decoupled weight decay in place of coupled, or the other way round."""
    other = {"adam": "adamw", "adamw": "adam"}.get(at.problem.optimizer)
    return updated(at, kind, rule=other) if other else _decoupled(at, kind, times_lr=True)


def _decay_of(*kinds: str) -> dict[str, Formula]:
    """Return the formulas with weight decay of these kinds of parameters and no others."""

    def formula(at: At, kind: str) -> tuple[Sampled, Slots]:
        options = at("options")
        return updated(at, kind, options | {"decay": "all", "weight_decay": options["weight_decay"] if kind in kinds else 0.0})

    return {"*_update": formula}


_VELOCITY = "b ← μ b + g; Δw = −lr b"
_MOMENTUM, _NESTEROV, _DECAY = has_velocity, uses("nesterov"), uses("weight_decay")


def _decays(which: str, *, bias: bool | None = None, norm: bool | None = None) -> Applies:
    """Return the condition that "all" parameters decay, or only the "weights", with or without biases and normalisation (None: either)."""
    return lambda problem, layer: (
        _DECAY(problem, layer)
        and problem.optimizer_options["decay"] == which
        and bias in (None, problem.bias)
        and norm in (None, problem.normalization is not None)
    )


_WITHOUT_VELOCITY: dict[str, Formula] = {"*_update": partial(updated, count=1)}      # in the first step b = g
_DAMPED = option("dampening", lambda at, options: options["momentum"])

OPTIMIZERS = (
    Mistake("momentum-sign", "momentum has the wrong sign", _VELOCITY, "b ← −μ b + g",
            option("momentum", lambda at, options: -options["momentum"]), applies=_MOMENTUM),
    Mistake("momentum-sign", "momentum has the wrong sign, but for Nesterov's look-ahead", _VELOCITY, "b ← −μ b + g",
            {"*_update": _sign_but_look_ahead}, applies=_NESTEROV),
    Mistake("momentum-damped", "the gradient is damped by 1 − μ, where it should not be", _VELOCITY, "b ← μ b + (1 − μ) g, from b = g on",
            _DAMPED, applies=_MOMENTUM),
    Mistake("momentum-damped", "the velocity is a moving average, where it should not be", _VELOCITY, "b ← μ b + (1 − μ) g, from b = 0 on",
            {"*_update": _averaged}, applies=_MOMENTUM),
    Mistake("momentum-undamped", "the gradient is not damped", "b ← μ b + (1 − dampening) g", "b ← μ b + g",
            option("dampening", lambda at, options: 0.0), applies=both(_MOMENTUM, uses("dampening"))),
    Mistake("velocity-not-kept", "the velocity is not kept from step to step", _VELOCITY, "Δw = −lr g", _WITHOUT_VELOCITY,
            applies=_MOMENTUM),
    Mistake("velocity-not-kept", "{layer} has no momentum: its velocity is not kept", _VELOCITY, "Δw = −lr g", _WITHOUT_VELOCITY,
            "layer", _MOMENTUM, alone=True),
    *(
        Mistake("momentum-damped", f"the gradients of the {what} alone are damped by 1 − μ", _VELOCITY,
                f"b ← μ b + (1 − μ) g, from {start} on", {"*_update": partial(_of_kind, formula=formula, only=only)},
                applies=both(_MOMENTUM, has_bias), alone=True)
        for only, what in (("bias", "biases"), ("weight", "weights"))
        for start, formula in (("b = g", _DAMPED["*_update"]), ("b = 0", _averaged))
    ),
    Mistake("velocity-stale", "the step is taken by the velocity from before it was updated", _VELOCITY, "Δw = −lr b, then b ← μ b + g",
            {"*_update": _stale}, applies=both(_MOMENTUM, unless(_NESTEROV))),      # with it, that is Nesterov's look-ahead left out
    Mistake("velocity-stale", "each step but the first is taken by the velocity from before it was updated", _VELOCITY,
            "Δw = −lr b, then b ← μ b + g", {"*_update": _stale_but_the_first}, applies=_MOMENTUM),
    Mistake("lr-in-velocity", "the learning rate is inside the velocity, which matters when it changes", _VELOCITY,
            "v ← μ v + lr g; Δw = −v", {"*_update": _lr_inside}, applies=_MOMENTUM),
    Mistake("nesterov-missing", "Nesterov's look-ahead is missing", "Δw = −lr (g + μ b)", "Δw = −lr b",
            option("nesterov", lambda at, options: False), applies=_NESTEROV),
    Mistake("nesterov-extra", "Nesterov's look-ahead is taken, where plain momentum should be", "Δw = −lr b", "Δw = −lr (g + μ b)",
            option("nesterov", lambda at, options: True), applies=both(_MOMENTUM, unless(_NESTEROV))),
    Mistake("decay-missing", "weight decay is left out", "g + λ w", "g", option("weight_decay", lambda at, options: 0.0), applies=_DECAY),
    Mistake("decay-sign", "weight decay has the wrong sign", "g + λ w", "g − λ w",
            option("weight_decay", lambda at, options: -options["weight_decay"]), applies=_DECAY),
    Mistake("decay-over-n", "weight decay is divided by the number of records", "g + λ w", "g + λ/n w",
            option("weight_decay", lambda at, options: options["weight_decay"] / at("x").value.shape[0]), applies=_DECAY),
    Mistake("decay-doubled", "weight decay counts twice: λ for λ/2", "g + λ w", "g + 2λ w",
            option("weight_decay", lambda at, options: 2 * options["weight_decay"]), applies=_DECAY),
    Mistake("decay-halved", "weight decay counts half: λ/2 for λ", "g + λ w", "g + λ/2 w",
            option("weight_decay", lambda at, options: options["weight_decay"] / 2), applies=_DECAY),
    Mistake("decay-on-weights-only", 'the weights alone are decayed; where that is meant, "decay": "weights" says so',
            "g + λ w, of every parameter", "g + λ w, of weights alone", _decay_of("weight"),
            applies=lambda problem, layer: _decays("all", bias=True)(problem, layer) or _decays("all", norm=True)(problem, layer)),
    Mistake("decay-on-weights-only", "the biases are not decayed, but γ and β are", "g + λ w, of every parameter",
            "g + λ w, of all but biases", _decay_of("weight", "gamma", "beta"), applies=_decays("all", bias=True, norm=True)),
    *(
        Mistake("decay-on-biases-too", f"{what} decay too, and only the weights should", "g + λ w, of weights alone", actual,
                _decay_of("weight", *kinds), applies=_decays("weights", bias=bias, norm=norm))
        for what, actual, kinds, bias, norm in (
            ("the biases", "g + λ w, of biases too", ("bias",), True, None),
            ("γ and β", "g + λ w, of γ and β too", ("gamma", "beta"), None, True),
            ("the biases, γ and β", "g + λ w, of every parameter", ("bias", "gamma", "beta"), True, True),
        )
    ),
    Mistake("decay-on-biases-only", "the weights are not decayed, and the biases are", "g + λ w", "g + λ w, of biases alone",
            _decay_of("bias", "gamma", "beta"), applies=both(_DECAY, has_bias)),
    Mistake("decay-missing", "{layer} is not decayed", "g + λ w", "g", option("weight_decay", lambda at, options: 0.0), "layer", _DECAY),
    Mistake("decay-in-gradients", "the gradients have the weight decay in them, which the update adds", "∂L/∂w", "∂L/∂w + λ w",
            {"*_used": _decayed}, applies=_DECAY),
    Mistake("decay-decoupled", "weight decay is decoupled from the gradient", "g ← g + λ w", "Δw = −lr λ w − lr …",
            {"*_update": _other_decay}, applies=both(_DECAY, unless(by("adamw")))),
    Mistake("decay-coupled", "weight decay is added to the gradient, where it should be decoupled", "Δw = −lr λ w − lr …", "g ← g + λ w",
            {"*_update": _other_decay}, applies=both(_DECAY, by("adamw"))),
    Mistake("decay-without-lr", "weight decay is not multiplied by the learning rate", "Δw = −lr (g + λ w)", "Δw = −lr g − λ w",
            {"*_update": partial(_decoupled, times_lr=False)}, applies=_DECAY),
)
