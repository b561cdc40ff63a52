"""How far a file has come: its stages, the first wrong number, what is to be written, and never more than was asked."""

import math
import shutil
from pathlib import Path

import pytest

from compare import check
from compare.exercises.checking import checked
from compare.exercises.outcome import Outcome
from compare.exercises.sets import Exercise, exercise_set

from .learner import RIGHT, WRONG, write

EXAMPLES = Path(__file__).parent.parent.parent.parent / "examples"
STAGES = ("loss", *(f"gradient of {name}" for name in ("out_proj.bias", "out_proj.weight", "in_proj_bias", "in_proj_weight")))


def of(body: str, folder: Path) -> Outcome:
    path = folder / "attention_1.py"
    write(path, body)
    return checked(exercise_set().named("attention_1"), path)


def test_as_it_is_given_nothing_is_green_and_it_says_what_to_write(tmp_path: Path) -> None:
    shutil.copy(exercise_set().named("attention_1").path, path := tmp_path / "attention_1.py")
    found = checked(exercise_set().named("attention_1"), path)
    assert found.verdict == "not written yet"
    assert found.stages == (*((name, "open") for name in STAGES), ("training, 20 steps", "open"))
    assert (found.said or "").startswith("of_scores: ∂L/∂S by its two terms")
    assert found.line == 20


def test_half_right_is_half_green_with_the_first_wrong_number(tmp_path: Path) -> None:
    found = of(WRONG, tmp_path)
    assert found.verdict == "different"
    assert [mark for _, mark in found.stages] == ["agrees", "agrees", "agrees", "wrong", "differs", "open"]
    assert (found.where or "").startswith("step 1, gradient of in_proj_bias, index [")
    assert found.yours is not None
    assert found.yours != found.expected


def test_right_is_green_to_the_end(tmp_path: Path) -> None:
    found = of(RIGHT, tmp_path)
    assert found.verdict == "solved"
    assert {mark for _, mark in found.stages} == {"agrees"}


def test_what_only_a_later_step_finds_is_wrong_too(tmp_path: Path) -> None:
    path = tmp_path / "embedding_2.py"
    body = "e, n = np.exp(z), np.arange(len(y)); p = e / e.sum(1, keepdims=True); loss = -np.log(p[n, y]).mean(); p[n, y] -= 1; "
    write(path, body + "return loss, p / len(y)")
    found = checked(exercise_set().named("embedding_2"), path)
    assert found.verdict == "different"
    assert found.where == "step 2, loss"
    assert found.yours is not None
    assert not math.isfinite(found.yours)


@pytest.mark.parametrize(
    ("body", "said", "source"),
    [
        ("return p @ dp[0, 0, 0]", "ValueError: ", "return p @ dp[0, 0, 0]"),
        ("return (p", "SyntaxError: '(' was never closed", "return (p"),
        ("return nothing", "NameError: name 'nothing' is not defined", "return nothing"),
        ("raise SystemExit(3)", "SystemExit: 3", "raise SystemExit(3)"),
    ],
)
def test_what_raises_is_said_in_one_line_with_its_place(body: str, said: str, source: str, tmp_path: Path) -> None:
    found = of(body, tmp_path)
    assert found.verdict == "could not run"
    assert (found.said or "").startswith(said)
    assert "\n" not in (found.said or "")
    assert (found.line, found.source) == (20, source)


def test_what_it_prints_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert of(f"print(p.shape); {WRONG}", tmp_path).printed == "(3, 4, 4)\n"
    assert capsys.readouterr().out == ""


def contract(name: str, folder: Path) -> Outcome:
    path = folder / "mine.py"
    shutil.copy(EXAMPLES / name, path)
    return checked(Exercise("mine", folder, "own", "Mine"), path)


def test_a_file_of_the_contract_has_its_stages_too(tmp_path: Path) -> None:
    found = contract("right_hidden_error.py", tmp_path)
    assert found.verdict == "solved"
    assert {mark for _, mark in found.stages} == {"agrees"}


def test_the_mistake_is_only_in_the_last_hint(tmp_path: Path) -> None:
    found = contract("wrong_hidden_error.py", tmp_path)
    assert found.verdict == "different"
    assert ("error term δ1, the hidden layer", "wrong") in found.stages
    assert (found.where or "").startswith("step 1, error term δ1")
    assert [("f′ is left out" in hint) for hint in found.hints] == [False, False, True]
    assert found.said is None


def test_a_function_of_the_contract_that_is_left_out_is_not_written_yet(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    text = (EXAMPLES / "right_hidden_error.py").read_text(encoding="utf-8")
    raises = '    raise NotImplementedError("write trace: all of it")\n'
    path.write_text(text.replace("    hidden_error_term =", raises + "    hidden_error_term ="))
    found = checked(Exercise("mine", tmp_path, "own", "Mine"), path)
    assert (found.verdict, found.said) == ("not written yet", "trace: all of it")
    assert found.line is not None


def part_by_part(text: str, folder: Path) -> Outcome:
    for name, content in (("given", "".join(PARTS)), ("mine", text)):
        (folder / f"{name}.py").write_text(content, encoding="utf-8")
    return checked(Exercise("given", folder, "own", "Given"), folder / "mine.py")


PARTS = (
    "import numpy as np\n\n\ndef affine_forward(x, w, b):\n    return x.reshape(len(x), -1) @ w + b, (x, w)\n\n\n",
    "def affine_backward(dout, cache):\n    x, w = cache\n    dx = (dout @ w.T).reshape(x.shape)\n",
    "    return dx, x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)\n",
)


def test_parts_turn_green_one_by_one(tmp_path: Path) -> None:
    start = "".join(PARTS[:2])
    found = part_by_part(start + '    raise NotImplementedError("write affine_backward: all three")\n', tmp_path)
    assert (found.verdict, found.said) == ("not written yet", "affine_backward: all three")
    assert found.stages == (("affine_forward", "agrees"), ("affine_backward", "open"))
    found = part_by_part(start + PARTS[2].replace("dout.sum(axis=0)", "dout.mean(axis=0)"), tmp_path)
    assert (found.verdict, found.stages[1]) == ("different", ("affine_backward", "wrong"))
    assert (found.where or "").startswith("affine_backward, db[")
    assert found.hints[0] == "affine_backward"
    found = part_by_part(start + "    return dx, nothing\n", tmp_path)
    assert (found.verdict, found.stages[1]) == ("could not run", ("affine_backward", "failed"))
    assert "NameError: name 'nothing' is not defined" in (found.said or "")
    assert part_by_part(start + PARTS[2], tmp_path).verdict == "solved"


@pytest.mark.parametrize("text", ["x = 1\n", PARTS[0]])
def test_a_part_that_is_deleted_is_not_right(text: str, tmp_path: Path) -> None:
    found = part_by_part(text, tmp_path)
    assert found.verdict == "not written yet"
    assert (found.said or "").endswith(", which the exercise has, and mine.py does not define")


def test_a_function_of_the_contract_that_is_missing_is_not_right(tmp_path: Path) -> None:
    """What is left, the new weights, is right by itself."""
    shutil.copy(EXAMPLES / "right_hidden_error.py", given := tmp_path / "given.py")
    (tmp_path / "mine.py").write_text(given.read_text(encoding="utf-8").replace("trace(", "own("), encoding="utf-8")
    assert check(tmp_path / "mine.py", seed=1).verdict == "equivalent"      # the control
    found = checked(Exercise("given", tmp_path, "own", "Given"), tmp_path / "mine.py")
    assert (found.verdict, found.said) == ("not written yet", "trace, which the exercise has, and mine.py does not define")
