"""Checking a learner's file as its exercise says: beside a reference, part by part, or by the contract of `check FILE`."""

from pathlib import Path

from ..parts.shapes import SHAPES, shape_of
from .beside_reference import beside_reference
from .blanked import functions_in
from .by_contract import by_contract
from .by_parts import by_parts
from .outcome import Outcome
from .sets import Exercise


def checked(exercise: Exercise, path: Path) -> Outcome:
    """Check the learner's file at that path; raises CompareError for a file or a reference that cannot be used.

    What the exercise has as it is given says how it is checked, not what has become of it.
    """
    if exercise.reference is not None:
        return beside_reference(exercise, exercise.reference, path)
    missing = _missing(exercise.path, path)
    if missing is not None:      # without it, what is left may well be right
        said = f"{missing}, which the exercise has, and {path.name} does not define"
        return Outcome(exercise.name, str(path), "not written yet", said=said, hints=exercise.hints)
    shape = shape_of(exercise.path) if exercise.adapter is None else exercise.adapter
    return by_parts(exercise, shape, path) if shape is not None and shape in SHAPES else by_contract(exercise, path)


def _missing(given: Path, path: Path) -> str | None:
    """Return the first function that the file as given has and the learner's has not; None if there is none, or the file is no Python."""
    try:
        wanted, own = (functions_in(each.read_text(encoding="utf-8")) for each in (given, path))
    except (OSError, SyntaxError, ValueError):      # which the check says
        return None
    return next((name for name in wanted if name not in own), None)
