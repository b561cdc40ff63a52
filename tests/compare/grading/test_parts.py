"""Attempts that are checked part by part: the same as by `check`, confined, and none that changes its own check."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest

from compare.checking.by_shape import parts_of
from compare.grading.attempts import Carried
from compare.grading.by_parts import confined_parts
from compare.grading.one import Graded, Settings, graded
from compare.grading.score import WEIGHTS, score
from compare.parts.remote import _read
from compare.parts.result import Part, PartsCheck
from compare.parts.shapes import TRAINING, shape_of
from compare.sandbox.limits import Limits
from tests.compare.grading.test_hostile import MISSING
from tests.compare.pages import Page

EXAMPLES = Path(__file__).parents[3] / "examples" / "parts"
RIGHT, WRONG = (EXAMPLES / f"layer_pairs_{kind}.py" for kind in ("right", "wrong_batchnorm"))
FILES = ["array_names_right", "layer_pairs_right", "layer_pairs_wrong_batchnorm"]
FILES += ["functions_right", "functions_wrong_mean", "training_over_time_wrong_later"]
SEED = 5
SMALL = """
import sys
import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""
FORGED = {
    "sys.modules": "sys.modules['compare.parts.judged'].Judged.first = None",
    "from sys import modules": "from sys import modules\n    modules.clear()",
    "import gc": "import gc\n    gc.get_objects()",
    "import the check": "import compare.parts.judged as judged\n    judged.judged = None",
    "a frame": "sys._getframe(1).f_locals",
    "__globals__": "np.dot.__globals__",
    "eval": "eval('1')",
    "importlib": "from importlib import import_module",
}


def of_shape(path: Path) -> str:
    return shape_of(path) or shape_of(path, is_last=True) or TRAINING


def close(value: Any) -> Any:
    return pytest.approx(value, rel=1e-3) if isinstance(value, float) else value


def result(path: Path, confinement: str = "landlock", folder: Path | None = None) -> PartsCheck:
    return confined_parts(path, folder, of_shape(path), SEED, confinement, Limits())


def line(path: Path, **options: Any) -> Graded:
    attempt = Carried(path.name, "1", "file", {"": path.read_bytes()})
    return graded(attempt, Settings(**{"seed": 1, "steps": 2, "confined": False, **options}))


@pytest.mark.sampled(19)
@pytest.mark.parametrize("confinement", [pytest.param(name, marks=missing) for name, missing in MISSING.items()])
@pytest.mark.parametrize("name", FILES)
def test_parts_are_told_the_same_in_confinement(name: str, confinement: str) -> None:
    path = EXAMPLES / f"{name}.py"
    found, expected = result(path, confinement), parts_of(path, of_shape(path), [], SEED)
    for each in fields(PartsCheck):
        if each.name not in ("notes", "printed", "parts"):      # fewer packages are in confinement
            assert getattr(found, each.name) == getattr(expected, each.name), each.name
    for part, other in zip(found.parts, expected.parts, strict=True):
        assert replace(part, first=None) == replace(other, first=None)
        if part.first is not None or other.first is not None:      # some last bits depend on how PyTorch adds
            assert asdict(part)["first"] == {name: close(value) for name, value in asdict(other)["first"].items()}
    assert found.verdict == ("equivalent" if "right" in name else "different")


def test_the_line_says_what_check_says() -> None:
    right, wrong = line(RIGHT).line, line(WRONG).line
    assert (right["verdict"], right["score"], right["stage"], right["lines"], right["reason"]) == ("equivalent", 1.0, None, [], None)
    assert (wrong["verdict"], wrong["stage"], wrong["lines"]) == ("different", "batchnorm_backward", [60])
    assert wrong["score"] == pytest.approx(14 / 15, abs=1e-4)
    assert wrong["reason"].startswith("different: first at batchnorm_backward, dx")
    assert wrong["network"] == "pairs of a forward and a backward function with a cache"
    assert wrong["repeat"].endswith(f"--seed {wrong['seed']}")


def test_what_no_part_speaks_of_is_the_reason_of_a_right_one() -> None:
    found = line(EXAMPLES / "tensor_names_right.py").line
    assert (found["verdict"], found["score"]) == ("equivalent", 1.0)
    assert "the update of b1 is not compared" in found["reason"]


@pytest.mark.slow
def test_a_hint_is_in_the_line_and_the_page_and_no_more() -> None:
    first = line(EXAMPLES / "training_over_time_wrong_later.py", hint=1, reports=True)
    second = line(EXAMPLES / "training_over_time_wrong_later.py", hint=2, reports=True)
    assert (first.line["stage"], first.line["hint"], first.line["lines"]) == ("w_back", None, [])
    assert (second.line["hint"] or "").startswith("w_back")
    assert second.page is not None
    assert "PyTorch's -" not in Page(second.page).words


def test_an_attempt_goes_by_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "ann.py"
    path.write_text(SMALL.replace("    x, w, b = cache\n", "    raise ValueError(1)\n"))
    found = line(path)
    assert found.line["verdict"] == "could not run"
    assert "at ann.py line 11" in found.line["reason"]
    assert found.line["score"] == 0.5


def test_a_fixed_problem_is_no_file_s_without_a_network() -> None:
    found = line(RIGHT, problem={"sizes": (6, 2, 1)}).line
    assert (found["verdict"], found["score"]) == ("could not run", 0.0)
    assert "sizes cannot be given for a file that is checked part by part" in found["reason"]


@pytest.mark.parametrize("how", FORGED)
def test_what_reaches_for_its_own_check_is_not_run(how: str, tmp_path: Path) -> None:
    path = tmp_path / "attempt.py"
    path.write_text(SMALL.replace("    x, w, b = cache\n", f"    {FORGED[how]}\n    x, w, b = cache\n"))
    found = result(path)
    assert (found.verdict, found.parts) == ("could not run", ())
    assert "by which it could change its own check" in (found.failure or "")


def test_so_is_a_folder_with_such_a_file(tmp_path: Path) -> None:
    (tmp_path / "attempt.py").write_text(SMALL)
    (tmp_path / "beside.py").write_text("import gc\n")
    assert "beside.py uses gc" in (result(tmp_path / "attempt.py", folder=tmp_path).failure or "")


@pytest.mark.slow
@MISSING["landlock"]
def test_what_only_imports_sys_is_run(tmp_path: Path) -> None:
    """The control."""
    path = tmp_path / "attempt.py"
    path.write_text(SMALL)
    assert result(path).verdict == "equivalent"


@pytest.mark.slow
@MISSING["landlock"]
def test_one_that_never_ends_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "attempt.py"
    path.write_text(SMALL.replace("    x, w, b = cache\n", "    while True: pass\n"))
    found = confined_parts(path, None, "layer_pairs", SEED, "landlock", Limits(answer=1.0))
    assert "it did not answer within 5 s" in (found.failure or "")


WRONG_ANSWERS: dict[str, Any] = {
    "no mark": {"mark": "perfect"},
    "no count": {"compared": -1},
    "a text as a count": {"compared": "12"},
    "no lines": {"lines": [1]},
    "no difference": {"first": {"phase": "outputs"}},
}


def said(**change: Any) -> str:
    found = asdict(PartsCheck("layers.py", "layer_pairs", "pairs", SEED, text="x\n"))
    return json.dumps({**found, "parts": [{**asdict(Part("f", "agrees", compared=3)), **change}]})


def test_every_field_of_an_answer_is_read_as_that_field() -> None:
    part = Part("f", "wrong", "beside", 3, None, "on", (1, 2), 3, "why", "reason", "caveat", "file")
    said_of_it = (("note",), "printed", "failure", 4, RIGHT.read_text(), {}, ("left",), ("but",), ("g",), "it")
    check = PartsCheck(RIGHT.name, "layer_pairs", "pairs", SEED, (part,), *said_of_it)
    assert all(getattr(each, field.name) != field.default for each in (part, check) for field in fields(each) if field.name != "first")
    assert _read(json.dumps(asdict(check)), RIGHT, "layer_pairs", SEED) == check


@pytest.mark.parametrize("what", WRONG_ANSWERS)
def test_an_answer_that_no_check_gives_is_refused(what: str) -> None:
    assert _read(said(), RIGHT, "layer_pairs", SEED).verdict == "equivalent"
    with pytest.raises((ValueError, TypeError, KeyError, IndexError)):
        _read(said(**WRONG_ANSWERS[what]), RIGHT, "layer_pairs", SEED)


def test_texts_of_an_answer_are_made_printable_and_files_are_those_beside() -> None:
    found = _read(said(name="\x1b[2J=1", file="../../etc/passwd"), RIGHT, "layer_pairs", SEED)
    assert "\x1b" not in found.parts[0].name
    assert found.texts == {}
    assert found.text.startswith(RIGHT.read_text()[:20])


def test_the_score_is_the_share_of_the_parts() -> None:
    check = parts_of(WRONG, "layer_pairs", [], SEED)
    assert score(check, WEIGHTS) == pytest.approx(14 / 15, abs=1e-4)
    some = tuple(replace(part, mark="unclear") if part.name == "softmax_loss" else part for part in check.parts)
    assert score(replace(check, parts=some), WEIGHTS) == score(check, WEIGHTS)
    missing = tuple(replace(part, mark="not compared") if part.name == "softmax_loss" else part for part in check.parts)
    assert score(replace(check, parts=missing), WEIGHTS) == pytest.approx(13 / 15, abs=1e-4)
    assert score(replace(check, parts=(), failure="it raised"), WEIGHTS) == 0
