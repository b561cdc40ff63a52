"""What is solved is kept in the learner's folder, by the digest of the file."""

from pathlib import Path

import pytest

from compare import CompareError
from compare.exercises.progress import RECORD, solved
from compare.exercises.sets import exercise_set


@pytest.fixture(autouse=True)
def learners_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_goes_from_begun_to_solved_to_changed() -> None:
    exercise = exercise_set().named("attention_1")
    assert solved(exercise_set()).of(exercise) == ""
    exercise.own.write_text("1\n")
    assert solved(exercise_set()).of(exercise) == "started"
    solved(exercise_set()).add(exercise, exercise.own)
    found = solved(exercise_set())
    assert (found.of(exercise), found.count) == ("solved", 1)
    exercise.own.write_text("2\n")
    assert solved(exercise_set()).of(exercise) == "changed"
    exercise.own.unlink()
    assert solved(exercise_set()).of(exercise) == "solved"


def test_the_next_one_is_the_first_that_is_not_solved() -> None:
    exercises = exercise_set()
    found = solved(exercises)
    chapter = exercises.chapters["attention"]
    assert found.next_of(chapter) == chapter[0]
    for each in chapter:
        each.own.write_text("1\n")
        found.add(each, each.own)
    assert found.next_of(chapter) is None


def test_another_sets_record_stays() -> None:
    RECORD.write_text('{"another": {"one": "abc"}}')
    exercise = exercise_set().named("attention_1")
    exercise.own.write_text("1\n")
    solved(exercise_set()).add(exercise, exercise.own)
    assert '"one": "abc"' in RECORD.read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"the guide": 1}', '{"the guide": {"attention_1": 1}}'])
def test_a_record_that_is_something_else_is_refused(text: str) -> None:
    RECORD.write_text(text)
    with pytest.raises(CompareError, match=r"^\.backprop-compare\.json .*expected what `exercises` has written, or no such file$"):
        solved(exercise_set())
