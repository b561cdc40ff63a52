"""What a learner has solved: a small file in the learner's folder, with the digest of each file that was solved."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..support.errors import ProblemError
from ..support.output import write_file
from .sets import Exercise, ExerciseSet

RECORD = Path(".backprop-compare.json")      # in the current folder
Progress = Literal["solved", "changed", "started", ""]


@dataclass
class Solved:
    """The solved exercises of a set: by name, the SHA-256 of the file as it was solved."""

    exercises: ExerciseSet
    digests: dict[str, str] = field(default_factory=dict)

    def of(self, exercise: Exercise) -> Progress:
        """Return how far the learner is: "changed" is a file that was solved, and changed since."""
        own = exercise.own
        if exercise.name in self.digests:
            return "solved" if not own.is_file() or _digest(own) == self.digests[exercise.name] else "changed"
        return "started" if own.is_file() else ""

    @property
    def count(self) -> int:
        """How many are solved."""
        return sum(each.name in self.digests for each in self.exercises.exercises)

    def next_of(self, exercises: list[Exercise]) -> Exercise | None:
        """Return the first of them that is not solved."""
        return next((each for each in exercises if each.name not in self.digests), None)

    def add(self, exercise: Exercise, path: Path) -> None:
        """Note that the file at that path solves the exercise."""
        digest = _digest(path)
        if self.digests.get(exercise.name) != digest:
            self.digests[exercise.name] = digest
            everything = {**_read(), self.exercises.title: self.digests}
            write_file(RECORD, json.dumps(everything, indent=2, ensure_ascii=False) + "\n")


def solved(exercises: ExerciseSet) -> Solved:
    """Read what is solved of the set in the current folder; raises ProblemError for a record that cannot be read."""
    return Solved(exercises, dict(_read().get(exercises.title, {})))


def _read() -> dict[str, dict[str, str]]:
    try:
        found = json.loads(RECORD.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ProblemError(f"{RECORD} cannot be read: {error}; expected what `exercises` has written, or no such file") from None
    sets = found.values() if isinstance(found, dict) else [None]
    if not all(isinstance(each, dict) and all(isinstance(text, str) for text in each.values()) for each in sets):
        raise ProblemError(f"{RECORD} has something else than solved exercises; expected what `exercises` has written, or no such file")
    return dict(found)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
