"""A learner's file beside the reference of its exercise: any module, trained for some steps."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..lockstep.difference import ComparedStep, Difference, shares
from ..lockstep.of_module import STEPS_BESIDE_MODULE, train_beside_module
from ..lockstep.result import Comparison, hardly_moved
from ..problem.of_module import ModuleProblem
from ..sides.interface import Key
from ..sides.module import ModuleSide
from ..support.errors import CompareError
from ..support.output import printable, printable_lines
from ..userfile.candidate import offered, problem_in
from ..userfile.process import Process
from .outcome import SEED, WRITE, Mark, Outcome, Verdict
from .sets import Exercise

_NAMED = {
    "activations": "output of {}",
    "buffers": "buffer {}",
    "errors": "gradient at {}",
    "grads": "gradient of {}",
    "state": "state {}",
    "deltas": "step of {}",
    "params": "{} after the step",
}
_SHOWN = ("activations", "output", "loss", "errors", "grads")      # the phases that are stages of their own; what follows is the training
_TRAINING = f"training, {STEPS_BESIDE_MODULE} steps"


def beside_reference(exercise: Exercise, reference: str, path: Path) -> Outcome:
    """Check the file; raises CompareError for a reference that cannot be used, or a path without a file."""
    problem = problem_in(reference, str(exercise.path))
    process, found = Process(SEED), Outcome(exercise.name, str(path), "could not run", hints=exercise.hints)
    try:
        with process.running(path), offered(path, problem) as candidate:
            comparison = train_beside_module(candidate, problem, keep=(1,))
    except (CompareError, SystemExit) as error:
        cause = _cause(error)
        verdict, said = _said(cause)
        line, source = _line_of(cause, path)
        stages: list[tuple[str, Mark]] = [(_named(key), "open") for key in _own_stages(problem)]
        found = replace(found, verdict=verdict, stages=(*stages, (_TRAINING, "open")), said=said, line=line, source=source)
    else:
        first, unmoved = comparison.first_divergence, comparison.unmoved
        found = replace(found, verdict="different" if first is not None or unmoved else "solved", stages=tuple(_marked(comparison)))
        found = replace(found, **{"said": hardly_moved(unmoved) if unmoved else None, **_first_wrong(first)})
    return replace(found, printed=printable_lines(process.sink.text))


def _first_wrong(found: Difference | None) -> dict[str, Any]:
    if found is None:
        return {}
    index = f", index {list(found.index)}" if found.index and found.phase != "loss" else ""      # the loss is one number
    where = f"step {found.step}, {_named((found.phase, found.tensor))}{index}"
    return {"where": where, "yours": found.actual, "expected": found.expected, **({"said": found.reason} if found.reason else {})}


def _own_stages(problem: ModuleProblem) -> list[Key]:
    """Return what a function `gradients` shows: the loss, and the gradients from the last layer on."""
    numbers = ModuleSide(problem, plain=True).numbers(1, problem.batch(1))
    return [key for key in numbers if key[0] == "loss"] + [key for key in reversed(numbers) if key[0] == "grads"]


def _marked(comparison: Comparison) -> Iterator[tuple[str, Mark]]:
    """Yield the stages of the step that differs, or of the first, and the whole training."""
    found = comparison.first_divergence
    kept: ComparedStep | None = comparison.kept.get(found.step if found is not None else 1)
    is_named = False
    for key, actual, expected, allowed in kept.tensors() if kept is not None else ():
        is_first = found is not None and key == (found.phase, found.tensor)
        is_named |= is_first
        if key[0] in _SHOWN or is_first:
            is_right = bool((shares(actual, expected, allowed) <= 1).all())
            yield _named(key), "wrong" if is_first else "agrees" if is_right else "differs"
    if found is not None and not is_named:
        yield _named((found.phase, found.tensor)), "wrong"
    yield _TRAINING, "agrees" if found is None else "open"


def _named(key: Key) -> str:
    return _NAMED.get(key[0], key[0]).format(key[1])


def _cause(error: BaseException) -> BaseException:
    """Return the error that the file itself raised, if the error was made from one."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _said(cause: BaseException) -> tuple[Verdict, str]:
    first = cause.msg if isinstance(cause, SyntaxError) else (str(cause).splitlines() or [""])[0].strip()
    if isinstance(cause, NotImplementedError):
        return "not written yet", printable(first.removeprefix(WRITE)) or "a function that raises NotImplementedError"
    return "could not run", printable(first if isinstance(cause, CompareError) else f"{type(cause).__name__}: {first}")


def _line_of(error: BaseException, path: Path) -> tuple[int | None, str | None]:
    """Return the last line of the file that the error went through, and its text."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) == path.resolve():
        return error.lineno, printable((error.text or "").strip()) or None
    frames = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename) == path.resolve()]
    return (frames[-1].lineno, printable(frames[-1].line or "") or None) if frames else (None, None)
