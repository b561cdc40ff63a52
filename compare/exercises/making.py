"""Making an exercise from a right file: functions are left out, and what is needed to check it goes into a set.

The set's folder is for learners. Solutions lie in another folder beside it, which becomes its `solutions/` if learners may look at them.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..parts.shapes import SHAPES
from ..support.errors import ProblemError
from ..support.output import write_file
from ..userfile.shapes import NAMES
from .blanked import blanked, first_line
from .checking import checked
from .outcome import Outcome
from .sets import LIST, Exercise, exercise_set

_MOST_TITLE = 60      # characters of a docstring that is taken for a title


@dataclass(frozen=True)
class Making:
    """What a teacher asks for: the right file, the functions to leave out, and where the exercise goes."""

    right: Path
    left_out: tuple[str, ...]
    out: Path
    name: str
    title: str | None = None
    chapter: str | None = None
    reference: str | None = None
    adapter: str | None = None
    hints: tuple[str, ...] = ()

    @property
    def solutions(self) -> Path:
        """The folder of the solutions."""
        return self.out.with_name(f"{self.out.name}-solutions")

    def check_new(self) -> None:
        """Raise ProblemError where the exercise would replace something, or its name is none."""
        if not self.name.isidentifier():
            raise ProblemError(f"{self.name!r} is no name of an exercise; expected a name as of a Python module, by --name")
        for path in (self.out / f"{self.name}.py", self.out / self.reference_file, self.solutions / f"{self.name}.py"):
            if path.exists():
                raise ProblemError(f"{path} is there already, and is left as it is; expected another --name or --out")

    @property
    def reference_file(self) -> str:
        """The name of the copy of the reference's file."""
        return f"{self.name}_reference.py"


def made(making: Making) -> Exercise:
    """Write the exercise, and return it; raises ProblemError, and writes nothing, unless the right file is right and each gap noticed."""
    if (making.out / LIST).exists():
        exercise_set(making.out)
    making.check_new()
    if making.adapter not in (None, *NAMES, *SHAPES):
        raise ProblemError(f"--adapter is {making.adapter!r}; expected the name of one that ships: {', '.join((*NAMES, *SHAPES))}")
    text = _read(making.right)
    given = blanked(text, making.left_out, str(making.right))
    files = {f"{making.name}.py": given}
    if making.reference is not None:
        path, colon, function = making.reference.rpartition(":")
        if not colon or not function.isidentifier():
            raise ProblemError(f"--reference is {making.reference!r}; expected FILE.py:NAME, with the name of a function without arguments")
        files[making.reference_file] = _read(Path(path))
    with TemporaryDirectory() as folder:
        network = _check(making, text, files, Path(folder))
    _write(making, text, files, network)
    return exercise_set(making.out).named(making.name)


def _check(making: Making, text: str, files: dict[str, str], folder: Path) -> str:
    """Check the right file, and that it is not right without each of the functions, in a folder that has what the set will have.

    Returns the network that it was compared with, or "".
    """
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    reference = making.reference and f"{folder / making.reference_file}:{making.reference.rpartition(':')[2]}"
    exercise = Exercise(making.name, folder, making.name, making.name, reference, making.adapter)
    found = _checked(exercise, text)
    if found.verdict != "solved":
        why = "; ".join(filter(None, (found.verdict, found.where, found.said)))
        raise ProblemError(f"{making.right} is not right: {why}; expected a file that checks as equivalent, and needs no other beside it")
    for name in making.left_out:
        if _checked(exercise, blanked(text, [name], str(making.right))).verdict == "solved":
            raise ProblemError(f"{making.right} is right without {name}, too; expected functions that the check comes to")
    if _checked(exercise, files[f"{making.name}.py"]).verdict == "solved":
        raise ProblemError(f"{making.right} is right without {', '.join(making.left_out)}, too; expected functions that the check comes to")
    return found.network


def _checked(exercise: Exercise, text: str) -> Outcome:
    """Check a learner's file with that text."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{exercise.name}.py"
        path.write_text(text, encoding="utf-8")
        found = checked(exercise, path)
    return replace(found, said=found.said and found.said.replace(f"{folder}/", ""))


def _write(making: Making, text: str, files: dict[str, str], network: str) -> None:
    """Write the files of the exercise, and at last its entry in the list."""
    try:
        for folder in (making.out, making.solutions):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProblemError(f"{making.out} cannot be made: {error.strerror}; expected a folder for the set") from None
    for name, content in files.items():
        write_file(making.out / name, content)
    write_file(making.solutions / f"{making.name}.py", text)
    path = making.out / LIST
    before = path.read_text(encoding="utf-8") if path.exists() else f"title = {_toml(making.out.resolve().name)}\n"
    write_file(path, f"{before.rstrip()}\n\n{_entry(making, text, network)}")


def _entry(making: Making, text: str, network: str) -> str:
    """Return the exercise's table in the list of its set, as TOML."""
    texts = {"chapter": making.chapter or making.out.resolve().name, "title": making.title or _short(first_line(text)) or making.name}
    if making.reference is not None:
        texts["reference"] = f"{making.reference_file}:{making.reference.rpartition(':')[2]}"
    texts |= {name: value for name, value in (("adapter", making.adapter), ("network", network)) if value}
    hints = [f"hints = [{', '.join(map(_toml, making.hints))}]"] if making.hints else []
    return "\n".join([f"[{making.name}]", *(f"{key} = {_toml(value)}" for key, value in texts.items()), *hints]) + "\n"


def _short(title: str) -> str:
    return title if len(title) <= _MOST_TITLE else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ProblemError(f"{path} cannot be read: {why}; expected a Python file") from None


def _toml(text: str) -> str:
    """Return the text as a string of TOML, whose escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)
