"""`exercises`: the list, starting, checking and the solution, as a learner types them."""

import json
from pathlib import Path

import pytest

from compare.cli.main import DIFFERENT, EQUIVALENT, UNUSABLE, main
from tests.compare.exercises.learner import RIGHT, WRONG, write

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture(autouse=True)
def learners_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["exercises", *arguments])
    return code, *capsys.readouterr()


def test_they_are_listed_by_chapter_and_what_is_solved_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys)
    assert code == EQUIVALENT
    assert out.startswith("Exercises of the guide: 0 of 18 solved\nconvolution\n    convolution_1    The gradient of the kernel\n")
    assert out.endswith("Begin:  backprop-compare exercises start convolution_1\n")
    said(capsys, "start", "attention")
    assert "  · attention_1      The error at the scores        begun\n" in said(capsys)[1]
    write(Path("attention_1.py"), RIGHT)
    said(capsys, "check", "attention_1")
    assert "  ✓ attention_1      The error at the scores        solved\n" in said(capsys)[1]


def test_start_never_overwrites(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "start", "attention_2")[0] == EQUIVALENT
    Path("attention_2.py").write_text("mine")
    code, out, error = said(capsys, "start", "attention_2")
    assert (code, out, error.count("\n")) == (UNUSABLE, "", 1)
    assert "attention_2.py is here already" in error
    assert Path("attention_2.py").read_text() == "mine"


def test_start_with_a_chapter_is_the_next_that_is_not_solved(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "start", "attention")
    write(Path("attention_1.py"), RIGHT)
    assert said(capsys, "check", "--quiet") == (EQUIVALENT, "attention_1: solved\n", "")
    said(capsys, "start", "attention")
    assert Path("attention_2.py").is_file()


def test_a_chapter_that_is_solved_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".backprop-compare.json").write_text(json.dumps({"the guide": dict.fromkeys(("attention_1", "attention_2", "attention_3"), "x")}))
    code, _, error = said(capsys, "start", "attention")
    assert code == UNUSABLE
    assert "all exercises of attention are solved" in error


def test_check_goes_from_not_written_to_solved(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "start", "attention_1")
    code, out, _ = said(capsys, "check", "attention_1")
    assert code == DIFFERENT
    assert "NOT WRITTEN YET: of_scores: ∂L/∂S by its two terms" in out
    assert out.endswith("Hints:  --hint 1, of 3\n")
    write(Path("attention_1.py"), WRONG)
    code, out, _ = said(capsys, "check", "attention_1.py")
    assert code == DIFFERENT
    assert out.startswith("✓ loss                         agrees\n")
    assert "✗ gradient of in_proj_bias     wrong here\n" in out
    write(Path("attention_1.py"), RIGHT)
    code, out, _ = said(capsys, "check")
    assert code == EQUIVALENT
    assert "SOLVED: attention_1\n  1 of 18 are solved\n" in out


def test_hints_come_on_request_and_no_more_than_asked(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "start", "attention_1")
    assert "\nhint " not in said(capsys, "check")[1]
    out = said(capsys, "check", "--hint", "2")[1]
    assert out.count("\nhint ") == 2
    assert "A test without PyTorch" not in out
    (hint,) = json.loads(said(capsys, "check", "--json", "--hint", "1")[1])["hints"]
    assert hint == "Which weights does one score change? There are two terms."
    assert json.loads(said(capsys, "check", "--json")[1])["hints"] == []


def test_the_solution_is_printed_when_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "solution", "attention_1")
    assert code == EQUIVALENT
    assert "keepdims=True))" in out
    Path("attention_1.py").write_text(out)
    assert said(capsys, "check", "attention_1")[0] == EQUIVALENT


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("check",), "no exercise of the guide is in this folder; expected one, as by: backprop-compare exercises start convolution_1"),
        (("check", "attention_1"), "attention_1.py is not there; expected it, as by: backprop-compare exercises start attention_1"),
        (("check", "other.py"), "'other' is no exercise of the guide"),
        (("start", "../x"), "'../x' is no exercise of the guide"),
        (("solution", "atention_1"), "'atention_1' is no exercise of the guide; expected one of attention_1"),
        (("--set", "."), ". is no set of exercises"),
    ],
)
def test_what_cannot_be_used_is_one_line(arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = said(capsys, *arguments)
    assert (code, out, error.count("\n")) == (UNUSABLE, "", 1)
    assert expected in error


def test_a_teacher_makes_a_set_and_a_learner_works_through_it(capsys: pytest.CaptureFixture[str]) -> None:
    right = ROOT / "examples" / "right_hidden_error.py"
    options = ("--leave-out", "trace", "--out", "SET", "--name", "lesson", "--hint", "Begin at the end.")
    code, out, error = said(capsys, "make", str(right), *options)
    assert (code, error) == (EQUIVALENT, "")
    assert "Learners: backprop-compare exercises --set SET start lesson\n" in out
    assert "Exercises of SET: 0 of 1 solved\nSET\n    lesson  lesson\n" in said(capsys, "--set", "SET")[1]
    assert said(capsys, "--set", "SET", "start", "SET")[0] == EQUIVALENT
    code, out, _ = said(capsys, "check", "--set", "SET", "--hint", "1")
    assert code == DIFFERENT
    assert "NOT WRITTEN YET: trace: Every number of the step by its name" in out
    assert "hint 1  Begin at the end.\n" in out
    assert "is not there; expected the solution" in said(capsys, "--set", "SET", "solution", "lesson")[2]
    Path("lesson.py").write_text(right.read_text(encoding="utf-8"), encoding="utf-8")
    assert "SOLVED: lesson\n  1 of 1 are solved\n" in said(capsys, "--set", "SET", "check")[1]
    assert "0 of 18 solved" in said(capsys)[1]


@pytest.mark.parametrize("names", ["", "a,", "a,a"])
def test_a_list_of_names_that_is_none_is_refused(names: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["exercises", "make", "right.py", "--out", "SET", "--leave-out", names])
    assert "is no list of names; expected each once, with commas between" in capsys.readouterr().err


def test_a_name_alone_is_told_the_command_that_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("start", "check"):
        with pytest.raises(SystemExit, match="2"):
            main(["exercises", "attention_1"])
        assert f"did you mean: backprop-compare exercises {command} attention_1?" in capsys.readouterr().err
        said(capsys, command, "attention_1")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("pass", "None, as of a function without a return"),
        ("return delta", "of shape [4, 3, 3, 5]"),
        ("return np.full(3, 'a')", "dtype <U1"),
    ],
)
def test_a_try_that_returns_no_gradient_is_told_what_it_returned(body: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "start", "convolution_1")
    path = Path("convolution_1.py")
    before, _, rest = path.read_text(encoding="utf-8").partition("    raise NotImplementedError(")
    path.write_text(f"{before}    {body}\n{rest[rest.index('    )') + 6 :]}", encoding="utf-8")
    out = said(capsys, "check")[1]
    assert "COULD NOT RUN: the gradient of weight is " in out
    assert f"{what}; expected numbers of shape [3, 2, 3, 2]\n" in out
