"""A set of exercises: a folder with the exercises' files, what they are compared with, and their list, `exercises.toml`.

The list has the set's title, and for each exercise, by its name, its chapter, title and hints, and the function of its reference as
FILE:NAME, or the name of its adapter; one without either is checked as `check FILE` does. There `network` says what the right file was
compared with. A set may have `solutions/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..support.errors import ProblemError

LIST, SOLUTIONS = "exercises.toml", "solutions"
GUIDE = Path(__file__).parent / "guide"
_TEXTS = ("chapter", "title", "reference", "adapter", "network")


@dataclass(frozen=True)
class Exercise:
    """An exercise of a set that lies in `folder`."""

    name: str
    folder: Path
    chapter: str
    title: str
    reference: str | None = None
    adapter: str | None = None
    network: str | None = None
    hints: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file as it is given."""
        return self.folder / f"{self.name}.py"

    @property
    def solution(self) -> Path:
        """The file with the solution, which a set need not have."""
        return self.folder / SOLUTIONS / f"{self.name}.py"

    @property
    def own(self) -> Path:
        """The learner's file, in the current folder."""
        return Path(f"{self.name}.py")


@dataclass(frozen=True)
class ExerciseSet:
    """The exercises of a set, in order."""

    title: str
    exercises: tuple[Exercise, ...]
    folder: Path

    @property
    def option(self) -> str:
        """The option, after a space, that says which set it is; "" for the guide's."""
        return "" if self.folder == GUIDE else f" --set {self.folder}"

    @property
    def chapters(self) -> dict[str, list[Exercise]]:
        """The exercises of each chapter."""
        found: dict[str, list[Exercise]] = {}
        for each in self.exercises:
            found.setdefault(each.chapter, []).append(each)
        return found

    def named(self, name: str) -> Exercise:
        """Return the exercise of that name; raises ProblemError if there is none."""
        for each in self.exercises:
            if each.name == name:
                return each
        names = ", ".join(self.names_near(name))
        raise ProblemError(f"{name!r} is no exercise of {self.title}; expected one of {names}")

    def names_near(self, name: str) -> list[str]:
        """Return the names that are meant perhaps: those of that chapter, chapters and exercises like it, or else all chapters."""
        from difflib import get_close_matches

        names = [*self.chapters, *(each.name for each in self.exercises)]
        return [each.name for each in self.chapters.get(name, [])] or get_close_matches(name, names) or list(self.chapters)

    def started(self) -> list[Exercise]:
        """Return the exercises whose files lie in the current folder."""
        return [each for each in self.exercises if each.own.is_file()]


def exercise_set(folder: str | Path = GUIDE) -> ExerciseSet:
    """Read the set in that folder; raises ProblemError for a list that cannot be read or misses something."""
    import tomllib

    place = Path(folder)
    path = place / LIST
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProblemError(f"{place} is no set of exercises: {path} cannot be read: {error.strerror}; expected its folder") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProblemError(f"{path} is no TOML: {error}; expected a title, and a table for each exercise") from None
    title = found.pop("title", None)
    if not isinstance(title, str) or not found:
        raise ProblemError(f"{path} has {'no title' if found else 'no exercise'}; expected a title, and a table for each exercise")
    return ExerciseSet(title, tuple(_exercise(path, name, entry) for name, entry in found.items()), place)


def _exercise(path: Path, name: str, entry: Any) -> Exercise:
    if not isinstance(entry, dict):
        raise ProblemError(f"{path}: {name} is {entry!r}; expected a table with chapter, title and hints")
    unknown = sorted(set(entry) - {*_TEXTS, "hints"})
    if unknown:
        raise ProblemError(f"{path}: {name} has {', '.join(unknown)}; expected {', '.join(_TEXTS)} and hints")
    texts: dict[str, Any] = {key: entry.get(key) for key in _TEXTS}
    hints = entry.get("hints", [])
    if not name.isidentifier() or not (path.parent / f"{name}.py").is_file():
        raise ProblemError(f"{path}: there is no file {name}.py beside it; expected one for each exercise")
    is_text = all(isinstance(texts[key], str) for key in ("chapter", "title"))
    if not is_text or not all(isinstance(each, str | None) for each in texts.values()):
        raise ProblemError(f"{path}: {name} has {entry!r}; expected texts as {', '.join(_TEXTS)}")
    if not isinstance(hints, list) or not all(isinstance(each, str) for each in hints):
        raise ProblemError(f"{path}: the hints of {name} are {hints!r}; expected a list of texts")
    texts["reference"] = texts["reference"] and str(path.parent / texts["reference"])
    return Exercise(name, path.parent, **texts, hints=tuple(hints))
