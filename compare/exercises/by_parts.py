"""A learner's file that is checked part by part: a stage for each function, class or rule."""

from pathlib import Path

from ..parts.check import check_parts
from ..parts.result import Part, PartsCheck
from .outcome import SEED, Mark, Outcome, Verdict, not_written
from .sets import Exercise

_MARKS: dict[str, Mark] = {"agrees": "agrees", "wrong": "wrong", "unclear": "differs", "could not run": "failed", "not compared": "skipped"}

_VERDICTS: dict[str, Verdict] = {"equivalent": "solved", "could not run": "could not run"}      # all others are "different"


def by_parts(exercise: Exercise, shape: str, path: Path) -> Outcome:
    """Check the file, which has that shape; raises CompareError for a file that cannot be used."""
    found = check_parts(path, shape, SEED)
    part, first = found.worst, found.first
    reason = found.failure or (part.reason if part else None)
    task = None if first else not_written(reason, found.name)
    line = found.at if part is None else part.line
    return Outcome(
        exercise.name,
        str(path),
        _VERDICTS.get(found.verdict, "different") if task is None else "not written yet",
        tuple((each.name, _mark(each, found)) for each in found.parts),
        where=f"{part.name}, {part.tensor}" if part and first else None,
        yours=first.actual if first else None,
        expected=first.expected if first else None,
        said=task or reason or (first.reason if first else None),
        line=line,
        source=found.text_of(line) if line else None,
        hints=exercise.hints or (tuple(filter(None, (part.name, part.why))) if part and first else ()),
        printed=found.printed,
    )


def _mark(part: Part, found: PartsCheck) -> Mark:
    return "open" if not_written(part.reason, found.name) is not None else _MARKS[part.mark]
