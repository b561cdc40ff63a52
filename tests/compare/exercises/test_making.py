"""Making exercises: only of right files, only where a gap is noticed, and no answer in the learner's folder."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compare import CompareError, check
from compare.exercises.checking import checked
from compare.exercises.making import Making, made
from compare.exercises.sets import GUIDE, exercise_set

EXAMPLES = Path(__file__).parent.parent.parent.parent / "examples"
REFERENCE = f"{GUIDE / 'references.py'}:attention_2"


@pytest.fixture
def right(tmp_path: Path) -> Making:
    """Of the contract of `check`, without the function that does most."""
    return Making(EXAMPLES / "right_hidden_error.py", ("trace",), tmp_path / "SET", "lesson", title="The lesson")


@pytest.fixture
def beside(tmp_path: Path) -> Making:
    """Beside a reference."""
    solution = GUIDE / "solutions" / "attention_2.py"
    return Making(solution, ("backward", "of_scores"), tmp_path / "SET", "attention", reference=REFERENCE, hints=('Say "δ".', "Two."))


@pytest.fixture
def parts(tmp_path: Path) -> Making:
    """Layers with caches, which are checked one by one."""
    return Making(EXAMPLES / "parts" / "layer_pairs_right.py", ("batchnorm_backward",), tmp_path / "SET", "layers")


@pytest.fixture
def adapted(tmp_path: Path) -> Making:
    """Of a shape that an adapter maps onto the contract, without a method."""
    return Making(EXAMPLES / "weight_lists_right.py", ("Network.backprop",), tmp_path / "SET", "lists", adapter="weight_lists")


@pytest.fixture
def recognised(tmp_path: Path) -> Making:
    """Of a shape that is recognised when the file runs, and so only when nothing is left out."""
    return Making(EXAMPLES / "weight_lists_right.py", ("Network.backprop", "slope"), tmp_path / "SET", "lists")


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("adapted", "recognised")]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("which", ["right", "beside", "parts", *SLOW])
def test_an_exercise_is_started_checked_and_solved(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    making: Making = request.getfixturevalue(which)
    exercise = made(making)
    assert exercise_set(making.out).exercises == (exercise,)
    assert (exercise.chapter, exercise.hints) == ("SET", making.hints)
    own = tmp_path / "learner.py"
    shutil.copy(exercise.path, own)
    found = checked(exercise, own)
    assert found.verdict == "not written yet"
    assert (found.said or "").partition(":")[0] in [each.rpartition(".")[2] for each in making.left_out]
    shutil.copy(making.solutions / exercise.path.name, own)
    assert checked(exercise, own).verdict == "solved"


def test_the_learners_folder_has_no_answer(right: Making, beside: Making) -> None:
    answers = ("output_error_term @ w2 * hidden", "ds.swapaxes(2, 3) @ q / root")
    for making in (right, beside):
        made(making)
    given = "".join(path.read_text(encoding="utf-8") for path in right.out.rglob("*") if path.is_file() and path.suffix != ".pyc")
    kept = "".join(path.read_text(encoding="utf-8") for path in right.solutions.glob("*.py"))
    for answer in answers:
        assert answer not in given
        assert answer in kept
    assert {path.name for path in right.out.glob("*.*")} == {"exercises.toml", "lesson.py", "attention.py", "attention_reference.py"}


def test_solutions_that_are_put_into_the_set_can_be_asked_for(right: Making) -> None:
    exercise = made(right)
    assert not exercise.solution.is_file()
    right.solutions.rename(right.out / "solutions")
    assert exercise.solution.is_file()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"right": EXAMPLES / "wrong_hidden_error.py"}, "is not right: different; step 1, error term δ1, the hidden layer"),
        ({"reference": REFERENCE}, "is not right: could not run"),
        ({"right": EXAMPLES / "none.py"}, "none.py cannot be read: No such file or directory; expected a Python file"),
        ({"left_out": ("nothing",)}, "has no function nothing"),
        ({"name": "a-b"}, "'a-b' is no name of an exercise; expected a name as of a Python module, by --name"),
        ({"adapter": "none"}, "--adapter is 'none'; expected the name of one that ships: lesson, "),
        ({"reference": "references.py"}, "--reference is 'references.py'; expected FILE.py:NAME"),
    ],
)
def test_what_is_no_exercise_is_refused_and_nothing_is_written(changes: dict[str, Any], said: str, right: Making) -> None:
    with pytest.raises(CompareError) as raised:
        made(replace(right, **changes))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not right.out.exists()
    assert not right.solutions.exists()


def test_a_function_that_nothing_calls_is_no_gap(right: Making, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(right.right.read_text(encoding="utf-8") + "\n\ndef unused(x):\n    return x\n", encoding="utf-8")
    for left_out in (("unused",), ("trace", "unused")):
        with pytest.raises(CompareError, match="is right without unused, too; expected functions that the check comes to"):
            made(replace(right, right=path, left_out=left_out))


def test_a_file_that_needs_another_beside_it_is_refused(right: Making, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import numpy as np\n", encoding="utf-8")
    path = tmp_path / "own.py"
    text = right.right.read_text(encoding="utf-8")
    path.write_text(text.replace("import numpy as np", "from helper import np"), encoding="utf-8")
    with pytest.raises(CompareError, match=r"is not right: .*helper.*expected a file that .* needs no other beside it"):
        made(replace(right, right=path))


def test_nothing_is_replaced(right: Making) -> None:
    made(right)
    before = right.out.joinpath("exercises.toml").read_text(encoding="utf-8")
    with pytest.raises(CompareError, match=r"lesson\.py is there already, and is left as it is; expected another --name or --out"):
        made(right)
    assert right.out.joinpath("exercises.toml").read_text(encoding="utf-8") == before


def test_a_file_that_is_right_for_another_network_is_not_solved(right: Making, tmp_path: Path) -> None:
    exercise = made(right)
    assert exercise.network == "6-2-1 sigmoid, no biases, half_mse, sgd, lr 0.005"
    own = tmp_path / "learner.py"
    solution = (right.solutions / "lesson.py").read_text(encoding="utf-8")
    other = solution.replace("/ len(x)", "").replace("np.mean((output - y) ** 2) / 2", "np.sum((output - y) ** 2) / 2")
    own.write_text(other + '\n\nPROBLEM = {"loss": "half_mse", "reduction": "sum"}\n', encoding="utf-8")
    assert check(own, seed=1).verdict == "equivalent"      # the control
    found = checked(exercise, own)
    assert found.verdict == "different"
    assert found.said == f"it is right for {found.network}; expected {exercise.network}"
