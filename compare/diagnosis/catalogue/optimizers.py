"""Mistakes in momentum and weight decay."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...rounding.arithmetic import Bounded
from ...rounding.rules import OPTIMIZERS as RULES
from ..formulas import Formula, options_of
from ..graph import At
from ..mistake import Applies, Mistake
from .where import both, by, uses

Kept = dict[str, Bounded]


def _changed(change: Callable[[At, dict[str, Any], str], dict[str, Any]]) -> Formula:
    """The update under other options, which may depend on the kind of parameter."""

    def formula(at: At, kind: str) -> tuple[Bounded, Kept]:
        options = at("options")
        return _updated(at, kind, options | change(at, options, kind))

    return formula


def _of_kind(formula: Formula, only: str) -> Formula:
    """The update by that formula of one kind of parameter, and of the others as it should be."""
    return lambda at, kind: formula(at, kind=kind) if kind == only else at.right(f"{kind}_update")


def _updated(at: At, kind: str, options: dict[str, Any], rule: str | None = None) -> tuple[Bounded, Kept]:
    w, g, kept, count = _parts(at, kind)
    update, own = RULES[rule or at.problem.optimizer].update, options_of(kind, options)
    return update(w, g, kept, count, at("lr"), own)


def _parts(at: At, kind: str) -> tuple[Bounded, Bounded, Kept, Any]:
    w, g = at(kind), at(f"{kind}_taken")
    return w, g, at(f"{kind}_kept"), np.asarray(at("count"))


def option(name: str, value: Callable[[At, dict[str, Any]], Any]) -> dict[str, Formula]:
    """The formulas under another value of one option."""
    return {"*_update": _changed(lambda at, options, kind: {name: value(at, options)})}


def _not_kept(at: At, kind: str) -> tuple[Bounded, Kept]:
    """The velocity starts at zero in every step."""
    w, g, kept, _ = _parts(at, kind)
    rule = RULES[at.problem.optimizer]
    return rule.update(w, g, kept, np.asarray(1), at("lr"), _own(at, kind))


def _own(at: At, kind: str) -> dict[str, Any]:
    """The optimiser's options for the parameter."""
    return options_of(kind, at("options"))


def _gradient(at: At, kind: str) -> Bounded:
    """The gradient with its decay: g + λ w."""
    w, g, _, _ = _parts(at, kind)
    decay = _own(at, kind)["weight_decay"]
    return g + w.scaled(decay) if decay else g


def _ahead(at: At, g: Bounded, velocity: Bounded) -> Bounded:
    """What the step is taken by: the velocity, or with Nesterov's look-ahead g + μ v."""
    options = at("options")
    return g + velocity.scaled(options["momentum"]) if options["nesterov"] else velocity


def _stale(at: At, kind: str) -> tuple[Bounded, Kept]:
    """The step is by the velocity from before."""
    _, after = _updated(at, kind, at("options"))
    old = at(f"{kind}_kept")["momentum_buffer"]
    ahead = _ahead(at, _gradient(at, kind), old)
    return ahead.scaled(-at("lr")), after


def _stale_but_the_first(at: At, kind: str) -> tuple[Bounded, Kept]:
    """The step is by the velocity from before, but the first one by its own."""
    return _updated(at, kind, at("options")) if at.before is None else _stale(at, kind)


def _sign_but_look_ahead(at: At, kind: str) -> tuple[Bounded, Kept]:
    """b ← g − μ b, where the look-ahead g + μ b has the right sign."""
    options = at("options")
    after = _updated(at, kind, options | {"momentum": -options["momentum"]})[1]
    ahead = _ahead(at, _gradient(at, kind), after["momentum_buffer"])
    return ahead.scaled(-at("lr")), after


def _lr_inside(at: At, kind: str) -> tuple[Bounded, Kept]:
    """v ← μ v + lr g; Δw = −v."""
    g = _gradient(at, kind).scaled(at("lr"))
    old = at(f"{kind}_kept")["momentum_buffer"]
    velocity = old.scaled(at("options")["momentum"]) + g
    return -_ahead(at, g, velocity), {"momentum_buffer": velocity}


def _averaged(at: At, kind: str) -> tuple[Bounded, Kept]:
    """v ← μ v + (1 − μ) g from the first step on; Δw = −lr v."""
    g, momentum = _gradient(at, kind), at("options")["momentum"]
    old = at(f"{kind}_kept")["momentum_buffer"]
    velocity = old.scaled(momentum) + g.scaled(1 - momentum)
    return _ahead(at, g, velocity).scaled(-at("lr")), {"momentum_buffer": velocity}


def _other_decay(at: At, kind: str) -> tuple[Bounded, Kept]:
    """Coupled for decoupled, and back."""
    options, name = _own(at, kind), at.problem.optimizer
    if name in ("adam", "adamw"):
        return _updated(at, kind, options, "adamw" if name == "adam" else "adam")
    decay = options["weight_decay"]
    delta, after = _updated(at, kind, options | {"weight_decay": 0.0})
    return delta + at(kind).scaled(-at("lr") * decay), after


def _decayed(at: At, kind: str) -> Bounded:
    """∂L/∂w + λ w in the gradient's place."""
    g, w = at.right(f"{kind}_used"), at(kind)
    return g + w.scaled(_own(at, kind)["weight_decay"])


def _decay_without_lr(at: At, kind: str) -> tuple[Bounded, Kept]:
    options = _own(at, kind)
    delta, after = _updated(at, kind, options | {"weight_decay": 0.0})
    return delta + at(kind).scaled(-options["weight_decay"]), after


def _decay_of(*kinds: str) -> dict[str, Formula]:
    """Weight decay of these kinds of parameters and no others."""

    def change(at: At, options: dict[str, Any], kind: str) -> dict[str, Any]:
        return {"decay": "all", "weight_decay": options["weight_decay"] if kind in kinds else 0.0}

    return {"*_update": _changed(change)}


_VELOCITY = "b ← μ b + g; Δw = −lr b"
_MOMENTUM, _DECAY = uses("momentum"), uses("weight_decay")


def _decays(which: str, *, bias: bool | None = None, norm: bool | None = None) -> Applies:
    """Whether "all" parameters decay, or only the "weights"; with biases or none, with normalisation or none, where that is said."""
    return lambda problem, layer: (
        _DECAY(problem, layer)
        and problem.optimizer_options["decay"] == which
        and bias in (None, problem.bias)
        and norm in (None, problem.normalization is not None)
    )



OPTIMIZERS = (
    Mistake("momentum-sign", "momentum has the wrong sign", _VELOCITY, "b ← −μ b + g",
            option("momentum", lambda at, options: -options["momentum"]), applies=_MOMENTUM),
    Mistake("momentum-sign", "momentum has the wrong sign, but for Nesterov's look-ahead", _VELOCITY, "b ← −μ b + g",
            {"*_update": _sign_but_look_ahead}, applies=uses("nesterov")),
    Mistake("momentum-damped", "the gradient is damped by 1 − μ, where it should not be", _VELOCITY, "b ← μ b + (1 − μ) g, from b = g on",
            option("dampening", lambda at, options: options["momentum"]), applies=_MOMENTUM),
    Mistake("momentum-damped", "the velocity is a moving average, where it should not be", _VELOCITY, "b ← μ b + (1 − μ) g, from b = 0 on",
            {"*_update": _averaged}, applies=_MOMENTUM),
    Mistake("momentum-undamped", "the gradient is not damped", "b ← μ b + (1 − dampening) g", "b ← μ b + g",
            option("dampening", lambda at, options: 0.0), applies=both(_MOMENTUM, uses("dampening"))),
    Mistake("velocity-not-kept", "the velocity is not kept from step to step", _VELOCITY, "Δw = −lr g", {"*_update": _not_kept},
            applies=_MOMENTUM),
    Mistake("velocity-not-kept", "{layer} has no momentum: its velocity is not kept", _VELOCITY, "Δw = −lr g", {"*_update": _not_kept},
            "layer", _MOMENTUM, alone=True),
    *(
        Mistake("momentum-damped", f"the gradients of the {what} alone are damped by 1 − μ", _VELOCITY,
                f"b ← μ b + (1 − μ) g, from {start} on", {"*_update": _of_kind(formula, kind)},
                applies=lambda problem, layer: _MOMENTUM(problem, layer) and problem.bias, alone=True)
        for kind, what in (("bias", "biases"), ("weight", "weights"))
        for start, formula in (
            ("b = g", _changed(lambda at, options, kind: {"dampening": options["momentum"]})),
            ("b = 0", _averaged),
        )
    ),
    Mistake("velocity-stale", "the step is taken by the velocity from before it was updated", _VELOCITY, "Δw = −lr b, then b ← μ b + g",
            {"*_update": _stale}, applies=_MOMENTUM),
    Mistake("velocity-stale", "each step but the first is taken by the velocity from before it was updated", _VELOCITY,
            "Δw = −lr b, then b ← μ b + g", {"*_update": _stale_but_the_first}, applies=_MOMENTUM),
    Mistake("lr-in-velocity", "the learning rate is inside the velocity, which matters when it changes", _VELOCITY,
            "v ← μ v + lr g; Δw = −v", {"*_update": _lr_inside}, applies=_MOMENTUM),
    Mistake("nesterov-missing", "Nesterov's look-ahead is missing", "Δw = −lr (g + μ b)", "Δw = −lr b",
            option("nesterov", lambda at, options: False), applies=uses("nesterov")),
    Mistake("nesterov-extra", "Nesterov's look-ahead is taken, where plain momentum should be", "Δw = −lr b", "Δw = −lr (g + μ b)",
            option("nesterov", lambda at, options: True),
            applies=lambda problem, layer: _MOMENTUM(problem, layer) and not uses("nesterov")(problem, layer)),
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
            _decay_of("bias", "gamma", "beta"), applies=lambda problem, layer: _DECAY(problem, layer) and problem.bias),
    Mistake("decay-missing", "{layer} is not decayed", "g + λ w", "g", option("weight_decay", lambda at, options: 0.0), "layer", _DECAY),
    Mistake("decay-in-gradients", "the gradients have the weight decay in them, which the update adds", "∂L/∂w", "∂L/∂w + λ w",
            {"*_used": _decayed}, applies=_DECAY),
    Mistake("decay-decoupled", "weight decay is decoupled from the gradient", "g ← g + λ w", "Δw = −lr λ w − lr …",
            {"*_update": _other_decay}, applies=both(_DECAY, lambda problem, layer: problem.optimizer != "adamw")),
    Mistake("decay-coupled", "weight decay is added to the gradient, where it should be decoupled", "Δw = −lr λ w − lr …", "g ← g + λ w",
            {"*_update": _other_decay}, applies=both(_DECAY, by("adamw"))),
    Mistake("decay-without-lr", "weight decay is not multiplied by the learning rate", "Δw = −lr (g + λ w)", "Δw = −lr g − λ w",
            {"*_update": _decay_without_lr}, applies=_DECAY),
)
