"""Mistakes in momentum and weight decay."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded, negative
from ...rounding.rules import OPTIMIZERS as RULES
from ..formulas import Formula, options_of
from ..graph import Run
from ..mistake import Mistake

Kept = dict[str, Bounded]


def _uses(option: str) -> Callable[[Problem, int], bool]:
    return lambda problem, layer: bool(problem.optimizer_options.get(option))


def _is(*names: str) -> Callable[[Problem, int], bool]:
    return lambda problem, layer: problem.optimizer in names


def _both(*conditions: Callable[[Problem, int], bool]) -> Callable[[Problem, int], bool]:
    return lambda problem, layer: all(condition(problem, layer) for condition in conditions)


def _changed(change: Callable[[Run, int, dict[str, Any], str], dict[str, Any]]) -> Formula:
    """The update under other options, which may depend on the kind of parameter."""

    def formula(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Kept]:
        options = run("options", step, layer)
        return _updated(run, step, layer, kind, options | change(run, step, options, kind))

    return formula


def _of_kind(formula: Formula, only: str) -> Formula:
    """The update by that formula of one kind of parameter, and of the others as it should be."""
    return lambda run, step, layer, kind: (
        formula(run, step, layer, kind=kind) if kind == only else run.right(f"{kind}_update", step, layer)
    )


def _updated(run: Run, step: int, layer: int, kind: str, options: dict[str, Any], rule: str | None = None) -> tuple[Bounded, Kept]:
    w, g, kept, count = _parts(run, step, layer, kind)
    update, own = RULES[rule or run.problem.optimizer].update, options_of(kind, options)
    return update(w, g, kept, count, run("lr", step, layer), own, run.precision)


def _parts(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Bounded, Kept, Any]:
    w, g = run(kind, step, layer), run(f"{kind}_taken", step, layer)
    return w, g, run(f"{kind}_kept", step, layer), np.asarray(run("count", step))


def option(name: str, value: Callable[[Run, int, dict[str, Any]], Any]) -> dict[str, Formula]:
    """The formulas under another value of one option."""
    return {"*_update": _changed(lambda run, step, options, kind: {name: value(run, step, options)})}


def _not_kept(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Kept]:
    """The velocity starts at zero in every step."""
    w, g, kept, _ = _parts(run, step, layer, kind)
    rule = RULES[run.problem.optimizer]
    return rule.update(w, g, kept, np.asarray(1), run("lr", step, layer), _own(run, step, layer, kind), run.precision)


def _own(run: Run, step: int, layer: int, kind: str) -> dict[str, Any]:
    """The optimiser's options for the parameter."""
    return options_of(kind, run("options", step, layer))


def _gradient(run: Run, step: int, layer: int, kind: str) -> Bounded:
    """The gradient with its decay: g + λ w."""
    w, g, _, _ = _parts(run, step, layer, kind)
    decay = _own(run, step, layer, kind)["weight_decay"]
    return run.plus(g, run.scaled(w, decay)) if decay else g


def _ahead(run: Run, step: int, layer: int, g: Bounded, velocity: Bounded) -> Bounded:
    """What the step is taken by: the velocity, or with Nesterov's look-ahead g + μ v."""
    options = run("options", step, layer)
    return run.plus(g, run.scaled(velocity, options["momentum"])) if options["nesterov"] else velocity


def _stale(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Kept]:
    """The step is by the velocity from before."""
    _, after = _updated(run, step, layer, kind, run("options", step, layer))
    old = run(f"{kind}_kept", step, layer)["momentum_buffer"]
    ahead = _ahead(run, step, layer, _gradient(run, step, layer, kind), old)
    return run.scaled(ahead, -run("lr", step, layer)), after


def _stale_but_the_first(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Kept]:
    """The step is by the velocity from before, but the first one by its own."""
    if run.steps[step].previous is None:
        return _updated(run, step, layer, kind, run("options", step, layer))
    return _stale(run, step, layer, kind)


def _sign_but_look_ahead(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Kept]:
    """b ← g − μ b, where the look-ahead g + μ b has the right sign."""
    options = run("options", step, layer)
    after = _updated(run, step, layer, kind, options | {"momentum": -options["momentum"]})[1]
    ahead = _ahead(run, step, layer, _gradient(run, step, layer, kind), after["momentum_buffer"])
    return run.scaled(ahead, -run("lr", step, layer)), after


def _lr_inside(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Kept]:
    """v ← μ v + lr g; Δw = −v."""
    g = run.scaled(_gradient(run, step, layer, kind), run("lr", step, layer))
    old = run(f"{kind}_kept", step, layer)["momentum_buffer"]
    velocity = run.plus(run.scaled(old, run("options", step, layer)["momentum"]), g)
    return negative(_ahead(run, step, layer, g, velocity)), {"momentum_buffer": velocity}


def _averaged(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Kept]:
    """v ← μ v + (1 − μ) g from the first step on; Δw = −lr v."""
    g, momentum = _gradient(run, step, layer, kind), run("options", step, layer)["momentum"]
    old = run(f"{kind}_kept", step, layer)["momentum_buffer"]
    velocity = run.plus(run.scaled(old, momentum), run.scaled(g, 1 - momentum))
    return run.scaled(_ahead(run, step, layer, g, velocity), -run("lr", step, layer)), {"momentum_buffer": velocity}


def _other_decay(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Kept]:
    """Coupled for decoupled, and back."""
    options, name = _own(run, step, layer, kind), run.problem.optimizer
    if name in ("adam", "adamw"):
        return _updated(run, step, layer, kind, options, "adamw" if name == "adam" else "adam")
    decay = options["weight_decay"]
    delta, after = _updated(run, step, layer, kind, options | {"weight_decay": 0.0})
    return run.plus(delta, run.scaled(run(kind, step, layer), -run("lr", step, layer) * decay)), after


def _decayed(run: Run, step: int, layer: int, kind: str) -> Bounded:
    """∂L/∂w + λ w in the gradient's place."""
    g, w = run.right(f"{kind}_used", step, layer), run(kind, step, layer)
    return run.plus(g, run.scaled(w, _own(run, step, layer, kind)["weight_decay"]))


def _decay_without_lr(run: Run, step: int, layer: int, kind: str) -> tuple[Bounded, Kept]:
    options = _own(run, step, layer, kind)
    delta, after = _updated(run, step, layer, kind, options | {"weight_decay": 0.0})
    return run.plus(delta, run.scaled(run(kind, step, layer), -options["weight_decay"])), after


def _decay_of(*kinds: str) -> dict[str, Formula]:
    """Weight decay of these kinds of parameters and no others."""

    def change(run: Run, step: int, options: dict[str, Any], kind: str) -> dict[str, Any]:
        return {"decay": "all", "weight_decay": options["weight_decay"] if kind in kinds else 0.0}

    return {"*_update": _changed(change)}


_VELOCITY = "b ← μ b + g; Δw = −lr b"
_MOMENTUM, _DECAY = _uses("momentum"), _uses("weight_decay")


def _decays(which: str, *, bias: bool | None = None, norm: bool | None = None) -> Callable[[Problem, int], bool]:
    """Whether "all" parameters decay, or only the "weights"; with biases or none, with normalisation or none, where that is said."""
    return lambda problem, layer: (
        _DECAY(problem, layer)
        and problem.optimizer_options["decay"] == which
        and bias in (None, problem.bias)
        and norm in (None, problem.normalization is not None)
    )



OPTIMIZERS = (
    Mistake(
        "momentum-sign",
        "momentum has the wrong sign",
        _VELOCITY,
        "b ← −μ b + g",
        option("momentum", lambda run, step, options: -options["momentum"]),
        applies=_MOMENTUM,
    ),
    Mistake(
        "momentum-sign",
        "momentum has the wrong sign, but for Nesterov's look-ahead",
        _VELOCITY,
        "b ← −μ b + g",
        {"*_update": _sign_but_look_ahead},
        applies=_uses("nesterov"),
    ),
    Mistake(
        "momentum-damped",
        "the gradient is damped by 1 − μ, where it should not be",
        _VELOCITY,
        "b ← μ b + (1 − μ) g, from b = g on",
        option("dampening", lambda run, step, options: options["momentum"]),
        applies=_MOMENTUM,
    ),
    Mistake(
        "momentum-damped",
        "the velocity is a moving average, where it should not be",
        _VELOCITY,
        "b ← μ b + (1 − μ) g, from b = 0 on",
        {"*_update": _averaged},
        applies=_MOMENTUM,
    ),
    Mistake(
        "momentum-undamped",
        "the gradient is not damped",
        "b ← μ b + (1 − dampening) g",
        "b ← μ b + g",
        option("dampening", lambda run, step, options: 0.0),
        applies=_both(_MOMENTUM, _uses("dampening")),
    ),
    Mistake(
        "velocity-not-kept",
        "the velocity is not kept from step to step",
        _VELOCITY,
        "Δw = −lr g",
        {"*_update": _not_kept},
        applies=_MOMENTUM,
    ),
    Mistake(
        "velocity-not-kept",
        "{layer} has no momentum: its velocity is not kept",
        _VELOCITY,
        "Δw = −lr g",
        {"*_update": _not_kept},
        "layer",
        _MOMENTUM,
        alone=True,
    ),
    *(
        Mistake(
            "momentum-damped",
            f"the gradients of the {what} alone are damped by 1 − μ",
            _VELOCITY,
            f"b ← μ b + (1 − μ) g, from {start} on",
            {"*_update": _of_kind(formula, kind)},
            applies=lambda problem, layer: _MOMENTUM(problem, layer) and problem.bias,
            alone=True,
        )
        for kind, what in (("bias", "biases"), ("weight", "weights"))
        for start, formula in (
            ("b = g", _changed(lambda run, step, options, kind: {"dampening": options["momentum"]})),
            ("b = 0", _averaged),
        )
    ),
    Mistake(
        "velocity-stale",
        "the step is taken by the velocity from before it was updated",
        _VELOCITY,
        "Δw = −lr b, then b ← μ b + g",
        {"*_update": _stale},
        applies=_MOMENTUM,
    ),
    Mistake(
        "velocity-stale",
        "each step but the first is taken by the velocity from before it was updated",
        _VELOCITY,
        "Δw = −lr b, then b ← μ b + g",
        {"*_update": _stale_but_the_first},
        applies=_MOMENTUM,
    ),
    Mistake(
        "lr-in-velocity",
        "the learning rate is inside the velocity, which matters when it changes",
        _VELOCITY,
        "v ← μ v + lr g; Δw = −v",
        {"*_update": _lr_inside},
        applies=_MOMENTUM,
    ),
    Mistake(
        "nesterov-missing",
        "Nesterov's look-ahead is missing",
        "Δw = −lr (g + μ b)",
        "Δw = −lr b",
        option("nesterov", lambda run, step, options: False),
        applies=_uses("nesterov"),
    ),
    Mistake(
        "nesterov-extra",
        "Nesterov's look-ahead is taken, where plain momentum should be",
        "Δw = −lr b",
        "Δw = −lr (g + μ b)",
        option("nesterov", lambda run, step, options: True),
        applies=lambda problem, layer: _MOMENTUM(problem, layer) and not _uses("nesterov")(problem, layer),
    ),
    Mistake(
        "decay-missing", "weight decay is left out", "g + λ w", "g", option("weight_decay", lambda run, step, options: 0.0), applies=_DECAY
    ),
    Mistake(
        "decay-sign",
        "weight decay has the wrong sign",
        "g + λ w",
        "g − λ w",
        option("weight_decay", lambda run, step, options: -options["weight_decay"]),
        applies=_DECAY,
    ),
    Mistake(
        "decay-over-n",
        "weight decay is divided by the number of records",
        "g + λ w",
        "g + λ/n w",
        option("weight_decay", lambda run, step, options: options["weight_decay"] / run("x", step).value.shape[0]),
        applies=_DECAY,
    ),
    Mistake(
        "decay-doubled",
        "weight decay counts twice: λ for λ/2",
        "g + λ w",
        "g + 2λ w",
        option("weight_decay", lambda run, step, options: 2 * options["weight_decay"]),
        applies=_DECAY,
    ),
    Mistake(
        "decay-halved",
        "weight decay counts half: λ/2 for λ",
        "g + λ w",
        "g + λ/2 w",
        option("weight_decay", lambda run, step, options: options["weight_decay"] / 2),
        applies=_DECAY,
    ),
    Mistake(
        "decay-on-weights-only",
        'the weights alone are decayed; where that is meant, "decay": "weights" says so',
        "g + λ w, of every parameter",
        "g + λ w, of weights alone",
        _decay_of("weight"),
        applies=lambda problem, layer: _decays("all", bias=True)(problem, layer) or _decays("all", norm=True)(problem, layer),
    ),
    Mistake(
        "decay-on-weights-only",
        "the biases are not decayed, but γ and β are",
        "g + λ w, of every parameter",
        "g + λ w, of all but biases",
        _decay_of("weight", "gamma", "beta"),
        applies=_decays("all", bias=True, norm=True),
    ),
    *(
        Mistake(
            "decay-on-biases-too",
            f"{what} decay too, and only the weights should",
            "g + λ w, of weights alone",
            actual,
            _decay_of("weight", *kinds),
            applies=_decays("weights", bias=bias, norm=norm),
        )
        for what, actual, kinds, bias, norm in (
            ("the biases", "g + λ w, of biases too", ("bias",), True, None),
            ("γ and β", "g + λ w, of γ and β too", ("gamma", "beta"), None, True),
            ("the biases, γ and β", "g + λ w, of every parameter", ("bias", "gamma", "beta"), True, True),
        )
    ),
    Mistake(
        "decay-on-biases-only",
        "the weights are not decayed, and the biases are",
        "g + λ w",
        "g + λ w, of biases alone",
        _decay_of("bias", "gamma", "beta"),
        applies=lambda problem, layer: _DECAY(problem, layer) and problem.bias,
    ),
    Mistake(
        "decay-missing", "{layer} is not decayed", "g + λ w", "g", option("weight_decay", lambda run, step, options: 0.0), "layer", _DECAY
    ),
    Mistake(
        "decay-in-gradients",
        "the gradients have the weight decay in them, which the update adds",
        "∂L/∂w",
        "∂L/∂w + λ w",
        {"*_used": _decayed},
        applies=_DECAY,
    ),
    Mistake(
        "decay-decoupled",
        "weight decay is decoupled from the gradient",
        "g ← g + λ w",
        "Δw = −lr λ w − lr …",
        {"*_update": _other_decay},
        applies=_both(_DECAY, lambda problem, layer: problem.optimizer != "adamw"),
    ),
    Mistake(
        "decay-coupled",
        "weight decay is added to the gradient, where it should be decoupled",
        "Δw = −lr λ w − lr …",
        "g ← g + λ w",
        {"*_update": _other_decay},
        applies=_both(_DECAY, _is("adamw")),
    ),
    Mistake(
        "decay-without-lr",
        "weight decay is not multiplied by the learning rate",
        "Δw = −lr (g + λ w)",
        "Δw = −lr g − λ w",
        {"*_update": _decay_without_lr},
        applies=_DECAY,
    ),
)
