"""Checking a learner's file as its exercise says: beside a reference, part by part, or by the contract of `check FILE`."""

from dataclasses import replace
from pathlib import Path

from ..parts.shapes import SHAPES, shape_of
from ..support.errors import CompareError
from .beside_reference import beside_reference
from .blanked import first_gap, functions_in
from .by_contract import by_contract
from .by_parts import by_parts
from .outcome import WRITE, Outcome
from .sets import Exercise


def checked(exercise: Exercise, path: Path) -> Outcome:
    """Check the learner's file at that path; raises CompareError for a reference that cannot be used.

    What the exercise has as it is given says how it is checked, not what has become of it.
    """
    if exercise.reference is not None:
        return beside_reference(exercise, exercise.reference, path)
    found = Outcome(exercise.name, str(path), "not written yet", hints=exercise.hints)
    missing = _missing(exercise.path, path)
    if missing is not None:      # without it, what is left may well be right
        return replace(found, said=f"{missing}, which the exercise has, and {path.name} does not define")
    shape = shape_of(exercise.path) if exercise.adapter is None else exercise.adapter
    try:
        return by_parts(exercise, shape, path) if shape is not None and shape in SHAPES else by_contract(exercise, path)
    except CompareError as error:      # perhaps a network that cannot be recognised as long as there are gaps
        gap = first_gap(path.read_text(encoding="utf-8", errors="replace"))
        if gap is None:
            return replace(found, verdict="could not run", said=str(error))
        return replace(found, said=gap.task.removeprefix(WRITE), line=gap.line)


def _missing(given: Path, path: Path) -> str | None:
    """Return the first function that the file as given has and the learner's has not; None if there is none, or the file is no Python."""
    try:
        wanted, own = (functions_in(each.read_text(encoding="utf-8")) for each in (given, path))
    except (OSError, SyntaxError, ValueError):      # which the check says
        return None
    return next((name for name in wanted if name not in own), None)
