"""A momentum that a recognised file takes or keeps: the file is checked with it at 0, and at another value, in the forms in use."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..diagnosis.probes import Probe
from ..problem.from_dict import declared_problem
from ..problem.problem import Problem
from ..support.arrays import Array
from ..userfile.conventions import ContractError
from ..userfile.file import AttemptError
from ..userfile.interface import Recognised
from .examination import Examination
from .readings import convention_of, is_close, probe_of, right_step
from .result import Check

MOMENTUM = 0.9
_STEPS = 10
_SPOKEN_OF = re.compile(r"^[^#\n]*(momentum|velocit)", re.IGNORECASE | re.MULTILINE)
_AT_0 = re.compile(r"(?!.*decay).* is set to 0: it is not compared", re.IGNORECASE)


@dataclass(frozen=True)
class Form:
    """A form of momentum: `step(v, g, lr, number)` returns the next velocity and Δw; `options` are PyTorch's, if it has the form."""

    said: str
    step: Callable[[Array, Array, float, int], tuple[Array, Array]]
    options: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Moved:
    """A step of the file, the right gradients where it was made, and its learning rate."""

    step: Mapping[str, Array]
    gradients: Mapping[str, Array]
    lr: float


def _form(said: str, velocity: Callable[..., Array], moved: Callable[..., Array], options: Mapping[str, Any] | None = None) -> Form:
    def step(v: Array, g: Array, lr: float, number: int) -> tuple[Array, Array]:
        v = velocity(v, g, lr)
        return v, moved(v, g, lr, number)

    return Form(said, step, options)


_MU = MOMENTUM
FORMS = (
    _form("v = μv + g, w −= ηv", lambda v, g, lr: _MU * v + g, lambda v, g, lr, t: -lr * v, {"momentum": _MU}),
    _form("v = μv − ηg, w += v", lambda v, g, lr: _MU * v - lr * g, lambda v, g, lr, t: v),
    _form("v = μv + (1 − μ)g, w −= ηv", lambda v, g, lr: _MU * v + (1 - _MU) * g, lambda v, g, lr, t: -lr * v),
    _form(
        "v = μv + (1 − μ)g, w −= ηv / (1 − μᵗ)", lambda v, g, lr: _MU * v + (1 - _MU) * g, lambda v, g, lr, t: -lr * v / (1 - _MU**t)
    ),
    _form(
        "Nesterov's, v = μv + g, w −= η(g + μv)", lambda v, g, lr: _MU * v + g, lambda v, g, lr, t: -lr * (g + _MU * v),
        {"momentum": _MU, "nesterov": True},
    ),
    _form("Nesterov's, v = μv − ηg, w += μv − ηg", lambda v, g, lr: _MU * v - lr * g, lambda v, g, lr, t: _MU * v - lr * g),
)      # fmt: skip


def with_momentum(attempt: Recognised, declared: Mapping[str, Any], check: Check, seed: int) -> Check:
    """Return the check, or that of the file with its momentum where it has none of the forms; and a note of what was done."""
    problem = declared_problem(declared)
    if "train_step" not in attempt.functions or declared.get("momentum"):
        return check
    other = attempt.with_options({"momentum": str(MOMENTUM)})
    probe = probe_of(attempt, declared)
    without, moved = (_moves(each, problem, probe) for each in (attempt, other))
    if without is None or moved is None:
        return check
    if all(is_close(moved[i].step[name], without[i].step[name]) for i in range(len(moved)) for name in problem.shapes()):
        is_said = any(_AT_0.fullmatch(note) for note in check.notes)
        unseen = "it speaks of momentum, and no argument or attribute was found that sets it: momentum is not compared"
        return replace(check, notes=(*check.notes, unseen)) if _SPOKEN_OF.search(attempt.text) and not is_said else check
    notes = tuple(note for note in check.notes if not _AT_0.fullmatch(note))
    form, following = max(((each, _following(moved, each, problem)) for each in FORMS), key=lambda each: len(each[1]))
    is_whole = len(following) == len(problem.shapes())
    if is_whole and form.options is None:
        return replace(check, notes=(*notes, f"it agrees with its momentum at {MOMENTUM:g}, too: {form.said}"))
    given = {**declared, **(form.options or FORMS[0].options or {})}
    tested = Examination(other, declared_problem(given), seed, _STEPS, is_lenient=True).result()
    if tested.verdict == "equivalent" and is_whole:
        return replace(check, notes=(*notes, f"it agrees with its momentum at {MOMENTUM:g}, too, as PyTorch's: {form.said}"))
    said = f"{form.said}, as do {', '.join(following)} alone" if following else f"{FORMS[0].said}, or another form in use"
    differs = f"it agrees without its momentum, and not with its momentum at {MOMENTUM:g}: not all parameters follow {said}"
    return replace(tested, notes=(*(note for note in tested.notes if not _AT_0.fullmatch(note)), differs))


def _moves(attempt: Recognised, problem: Problem, probe: Probe) -> list[Moved] | None:
    """Return the file's steps on the probe's batches, each from where the one before ended; None where it raises."""
    convention, fresh, params, moves = convention_of(attempt), attempt.fresh(), probe.parameters, list[Moved]()
    for batch, lr in zip(probe.batches, probe.lrs, strict=True):
        given = convention.parameters_in(problem, params), *map(convention.records_in, batch)
        try:
            after = convention.parameters_out(problem, fresh.call("train_step", *given, lr), "the new parameters")
        except (AttemptError, ContractError):
            return None
        right = right_step(problem, Probe((batch,), (lr,), params))
        moves.append(Moved({name: after[name] - params[name] for name in after}, {name: -step for name, step in right.items()}, lr))
        params = after
    return moves


def _following(moved: Sequence[Moved], form: Form, problem: Problem) -> list[str]:
    """Return the parameters whose steps are the form's, by the right gradients at the file's own parameters."""
    following = list(problem.shapes())
    velocities: dict[str, Array] = {name: np.zeros(shape) for name, shape in problem.shapes().items()}
    for number, each in enumerate(moved, start=1):
        for name, gradient in each.gradients.items():
            velocities[name], expected = form.step(velocities[name], gradient, each.lr, number)
            if name in following and not is_close(each.step[name], expected):
                following.remove(name)
    return following
