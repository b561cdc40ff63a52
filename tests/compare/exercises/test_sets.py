"""Sets of exercises: what their list says, and what is refused."""

from pathlib import Path

import pytest

from compare import CompareError
from compare.exercises.sets import GUIDE, exercise_set

ONE = 'title = "a set"\n[one]\nchapter = "first"\ntitle = "One"\n'


def a_set(folder: Path, text: str) -> Path:
    (folder / "exercises.toml").write_text(text, encoding="utf-8")
    (folder / "one.py").touch()
    return folder


def test_the_guide_has_eighteen_with_three_hints_each() -> None:
    found = exercise_set()
    assert (len(found.exercises), found.folder, found.option) == (18, GUIDE, "")
    assert {len(each.hints) for each in found.exercises} == {3}
    assert all(each.solution.is_file() and each.reference for each in found.exercises)


def test_a_set_of_ones_own_needs_a_chapter_and_a_title(tmp_path: Path) -> None:
    found = exercise_set(a_set(tmp_path, ONE))
    (one,) = found.exercises
    assert (found.title, one.name, one.reference, one.hints) == ("a set", "one", None, ())
    assert found.option == f" --set {tmp_path}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "is no TOML: "),
        ("[one]\n", "has no title; expected a title, and a table for each exercise"),
        ('title = "a set"\n', "has no exercise; expected a title"),
        ('title = "a set"\none = 1\n', "one is 1; expected a table"),
        (ONE.replace("one", "two"), "there is no file two.py beside it"),
        (ONE.replace("[one]", '["../one"]'), "there is no file ../one.py beside it"),
        (ONE + 'hint = "x"\n', "one has hint; expected chapter, title, reference, adapter, network and hints"),
        (ONE + 'hints = "x"\n', "the hints of one are 'x'; expected a list of texts"),
        (ONE.replace('"first"', "1"), "expected texts as chapter, title, reference, adapter, network"),
    ],
)
def test_a_list_that_is_wrong_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CompareError) as raised:
        exercise_set(a_set(tmp_path, text))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_without_a_list_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(CompareError, match="is no set of exercises"):
        exercise_set(tmp_path)


@pytest.mark.parametrize(
    ("name", "near"),
    [("atention", "attention"), ("attention_9", "attention_3"), ("attention", "attention_1"), ("anything", "convolution, normalization")],
)
def test_an_unknown_name_is_answered_with_those_that_are_near(name: str, near: str) -> None:
    with pytest.raises(CompareError, match=near):
        exercise_set().named(name)
