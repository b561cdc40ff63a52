"""The exercises of the guide: each says what is to be written, and its solution is checked as equal."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from compare.cli.main import DIFFERENT, EQUIVALENT, UNUSABLE, main
from compare.exercises.sets import exercise_set

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "compare" / "exercises" / "guide"
GUIDE = exercise_set()
NAMES = sorted(path.stem for path in (FOLDER / "solutions").glob("*.py"))

PLANTED = """


def _spoiled(found):
    if isinstance(found, dict):
        return {{name: _spoiled(each) for name, each in found.items()}}
    return tuple(map(_spoiled, found)) if isinstance(found, (tuple, list)) else found * (1 + 1e-6)


_right = {name}


def {name}(*given, **named):
    return _spoiled(_right(*given, **named))
"""


def checked(path: Path) -> int:
    """The exit code of the check of that file against the reference of its name."""
    return main(["check", str(path), "--reference", f"{FOLDER / 'references.py'}:{path.stem}", "--steps", "3"])


def functions(path: Path) -> dict[str, str]:
    """The file's code by the names of its functions, without comments; what is in none of them, but for the title, is under ""."""
    title, *rest = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(title, ast.Expr)
    found: dict[str, Any] = {each.name: each for each in rest if isinstance(each, ast.FunctionDef)}
    found[""] = ast.Module([each for each in rest if each not in found.values()], [])
    return {name: ast.unparse(each) for name, each in found.items()}


def left_out(name: str) -> str:
    """The one function that the exercise and its solution do not have in common."""
    given, solved = functions(FOLDER / f"{name}.py"), functions(FOLDER / "solutions" / f"{name}.py")
    assert given.keys() == solved.keys()
    (function,) = (each for each in given if given[each] != solved[each])
    return function


def test_every_exercise_has_a_solution() -> None:
    assert NAMES
    assert sorted(path.stem for path in FOLDER.glob("*_[0-9].py")) == NAMES
    assert sorted(each.name for each in GUIDE.exercises) == NAMES


def test_they_stand_in_the_order_of_the_guide() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8").splitlines()
    assert list(GUIDE.chapters) == [line for line in index if line in GUIDE.chapters]
    for chapter, exercises in GUIDE.chapters.items():
        assert [each.name for each in exercises] == [f"{chapter}_{n}" for n in range(1, len(exercises) + 1)]


@pytest.mark.parametrize("chapter", GUIDE.chapters)
def test_a_chapter_gives_the_hints_that_the_command_gives(chapter: str) -> None:
    page = (ROOT / "docs" / f"{chapter}.md").read_text(encoding="utf-8")
    section = page.partition("\n## Exercises\n")[2].partition("\n## ")[0]
    hints = re.findall(r"^(?:- |\d\. )(.*)", section, re.MULTILINE)
    assert hints == [hint for each in GUIDE.chapters[chapter] for hint in each.hints]
    for number, each in enumerate(GUIDE.chapters[chapter], start=1):
        assert f"**{number}. {each.title}" in section.replace("**" + f"{number}. [", f"**{number}. ")


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_says_how_it_is_checked(name: str) -> None:
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert f"    backprop-compare exercises check {name}\n" in text


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_as_it_is_given_is_refused_and_says_what_is_to_be_written(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(FOLDER / f"{name}.py") == UNUSABLE
    out, said = capsys.readouterr()
    assert out == ""
    assert said.count("\n") == 1
    assert f"gradients is not written yet: write {left_out(name)}: " in said


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", NAMES)
def test_its_solution_is_equal(name: str) -> None:
    assert checked(FOLDER / "solutions" / f"{name}.py") == EQUIVALENT


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", NAMES)
def test_a_solution_that_is_a_millionth_off_is_not(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.py"
    text = (FOLDER / "solutions" / f"{name}.py").read_text(encoding="utf-8")
    path.write_text(text + PLANTED.format(name=left_out(name)), encoding="utf-8")
    assert checked(path) == DIFFERENT
