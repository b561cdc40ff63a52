"""The step of a class, or its gradients: the methods after which the parameters have changed, or that return as many arrays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..calls import Layout, arrays_in, roles_of
from ..network import Network, assigned
from ..places import places
from ..settings import made_plain, set_penalty, set_rate
from ..spellings import BACK, LOSS, STEP, UPDATE, rank, ranked
from .calls import Calls, ways
from .trial import Trial

_MOST = 8      # methods of unknown names, of which each two are tried as a way back and an update


def find_step(trial: Trial, layouts: Sequence[Layout], forward: str | None) -> str | None:
    """Set the network's step by the first calls that change the parameters, and return their names; None where none do."""
    about = trial.about
    before = about.parameters(trial.fresh())
    for sequence in _sequences(trial, forward):
        for calls in (each for each in ways(sequence, layouts, forward, in_pairs=True) if each.fits(trial.y)):
            step, rows = stepper(about, calls), calls.rows
            try:
                after = about.parameters(step(trial.fresh(rows), trial.x[rows], trial.y[rows], 0.5))
                if [array.shape for array in after] != [array.shape for array in before]:
                    continue
            except Exception:
                continue
            is_changed = any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
            is_other = (calls.is_index and _regresses(trial, step, rows)) or _has_no_targets(trial, calls, after)
            if is_changed and all(np.isfinite(array).all() for array in after) and not is_other:
                about.step, about.is_index, about.is_single = step, calls.is_index, not calls.layout.is_whole
                about.plan["step"] = calls
                return ", ".join(sequence)
    return None


def find_gradients(trial: Trial, layouts: Sequence[Layout], forward: str | None, names: Sequence[str]) -> str | None:
    """Set the network's gradients by the first method that returns them, or keeps them in the object, and return its name."""
    about = trial.about
    for name in names:
        possible = ways([name], layouts, forward if forward != name else None, in_pairs=False)
        for calls in (each for each in possible if each.fits(trial.y)):
            back, rows = backer(about, calls), calls.rows
            try:
                found = back(trial.fresh(rows), trial.x[rows], trial.y[rows])
            except Exception:
                continue
            if found is not None:
                about.back, about.is_index, about.is_single = back, calls.is_index, not calls.layout.is_whole
                about.plan["back"] = calls
                return name
    return None


def _regresses(trial: Trial, step: Any, rows: slice) -> bool:
    """Return whether the step takes class numbers for numbers: from class to class it changes by the same."""
    about, x = trial.about, trial.x[rows]
    if (k := about.sizes[-1]) < 3:
        return False
    try:
        steps = [about.parameters(step(trial.fresh(rows), x, np.eye(k)[np.full(len(x), each)], 0.5)) for each in range(3)]
    except Exception:      # it counts the classes of a batch
        return False
    if all(np.array_equal(a, b) for a, b in zip(*steps[:2], strict=True)):
        return False
    return all(np.allclose(c - b, b - a, rtol=1e-9, atol=1e-12) for a, b, c in zip(*steps, strict=True))


def _has_no_targets(trial: Trial, calls: Calls, after: Sequence[Any]) -> bool:
    """Return whether the step takes no targets, and is the same whatever they are, as an autoencoder's, which has them from its records."""
    rows, root = calls.rows, trial.fresh(calls.rows)
    taking = [name for name in calls.names if rank(name, LOSS) < 0]
    if calls.is_paired or {"y", "pairs"} & {what for name in taking for what in roles_of(getattr(root, name)).values()}:
        return False

    def ends(y: Any) -> list[Any]:
        own = replace(trial, y=y)
        found: list[Any] = trial.about.parameters(stepper(trial.about, calls)(own.fresh(rows), own.x[rows], own.y[rows], 0.5))
        return found

    is_random = any(not np.array_equal(a, b) for a, b in zip(ends(trial.y), after, strict=True))
    return is_random or all(np.array_equal(a, b) for a, b in zip(ends(1 - trial.y), after, strict=True))


def likely_gradients(trial: Trial, forward: str | None) -> list[str]:
    """Return the methods that may return gradients, the likeliest first."""
    if "step" in trial.options:
        return trial.options["step"].split(",")[:1]
    return list(dict.fromkeys([*_backs(trial, forward), *_steps(trial, forward), *_others(trial, forward)]))


def _sequences(trial: Trial, forward: str | None) -> Iterator[list[str]]:
    """Yield the methods that may make a step: one alone, or a way back and an update."""
    if "step" in trial.options:
        yield trial.options["step"].split(",")
        return
    yield from ([each] for each in _steps(trial, forward))
    updates, others = ranked(trial.names, UPDATE), _others(trial, forward)
    yield from ([one, other] for one in _backs(trial, forward) for other in updates if one != other)
    yield from ([each] for each in others)
    yield from ([one, other] for one in others for other in others if one != other and len(others) < _MOST)


def _steps(trial: Trial, forward: str | None) -> list[str]:
    return [name for name in ranked(trial.names, STEP) if name != forward]


def _backs(trial: Trial, forward: str | None) -> list[str]:
    return [name for name in ranked(trial.names, BACK) if name != forward or rank(name, LOSS) >= 0]


def _others(trial: Trial, forward: str | None) -> list[str]:
    return [name for name in trial.others if name != forward and rank(name, STEP) < 0]


def stepper(about: Network, calls: Calls) -> Callable[..., Any]:
    """Return a step by these calls: a function of the root, records, targets and a rate, that returns the root after it."""

    def step(root: Any, x: Any, y: Any, lr: float) -> Any:
        owners = set_rate(root, about.module, lr)
        set_penalty(root, about.strength(len(x)))
        about.note_plain(made_plain(root, about.plan.get("momentum", 0.0)))
        calls.made(about, root, x, y, lr)
        about.note_rate([name for name, owner in owners.items() if getattr(owner, name) != lr])
        return root

    return step


def backer(about: Network, calls: Calls) -> Callable[..., Any]:
    """Return the gradients by these calls: a function of the root, records and targets; it returns None where there are none."""

    def back(root: Any, x: Any, y: Any) -> Any:
        before = {id(array) for _, array in places(root)}
        set_penalty(root, about.strength(len(x)))
        answer = calls.made(about, root, x, y, 1.0)
        about.note_loss(answer)
        found = assigned(arrays_in(answer), about.shapes(), about.layers)
        if found is None:      # kept in the object
            kept = [array for place, array in places(root) if id(array) not in before]
            found = assigned(kept, about.shapes(), about.layers)
        return found

    return back
