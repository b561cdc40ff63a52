"""Reports of files that are checked part by part, and of notebooks: where it is, why, and no more than a hint says."""

import json
import re
from dataclasses import fields
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from compare.checking.check import check
from compare.checking.result import Check
from compare.cli.main import DIFFERENT, EQUIVALENT, main
from compare.parts.result import PartsCheck
from compare.support.errors import NotEquivalentError
from compare.testing.assertions import assert_equivalent
from tests.compare.pages import Page

EXAMPLES = Path(__file__).parents[3] / "examples"
RIGHT, WRONG = (EXAMPLES / "parts" / f"layer_pairs_{kind}.py" for kind in ("right", "wrong_batchnorm"))
LINE, SOURCE = 60, "dx = (dx_hat - dx_hat.mean(axis=0)) / np.sqrt(var)"
NOTEBOOK = EXAMPLES / "shapes" / "notebook_wrong_missing_slope.ipynb"


@cache
def checked(path: Path) -> PartsCheck:
    result = check(path, seed=1)
    assert isinstance(result, PartsCheck)
    return result


def test_check_from_python_gives_the_fields_of_a_check() -> None:
    right, wrong = checked(RIGHT), checked(WRONG)
    assert all(hasattr(each, name.name) for each in (right, wrong) for name in fields(Check))
    assert (right.verdict, right.first, right.line, right.reason) == ("equivalent", None, None, None)
    assert (wrong.verdict, wrong.line, wrong.source) == ("different", LINE, SOURCE)
    assert wrong.first is not None
    assert (wrong.first.tensor, wrong.first.index) == ("dx", (3, 0))
    assert repr(wrong) == "PartsCheck(layer_pairs_wrong_batchnorm.py: different: first at batchnorm_backward, dx[3, 0])"
    assert check(EXAMPLES / "right_hidden_error.py", seed=1).parts == ()


def test_the_assertion_knows_parts() -> None:
    assert assert_equivalent(RIGHT, seed=1).parts
    with pytest.raises(NotEquivalentError, match=r"different: first at batchnorm_backward, dx\[3, 0\](.|\n)*line 60"):
        assert_equivalent(WRONG, seed=1)


def test_an_adapter_may_be_a_shape_s_name() -> None:
    result = check(EXAMPLES / "parts" / "layer_classes_wrong_kernel.py", adapter="layer_classes", seed=1)
    assert (result.verdict, bool(result.parts)) == ("different", True)


def test_the_page_shows_what_is_wrong_first_with_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["check", str(WRONG), "--seed", "1", "--quiet", "--report", str(page)]) == DIFFERENT
    words = Page(page.read_text()).words
    beside = f"batchnorm_backward layer_pairs_wrong_batchnorm.py line {LINE}"
    assert words.index(beside) < words.index(f"{LINE} {SOURCE}") < words.index("off by 0.086") < words.index("Part by part")
    names = re.findall(r"[✗✓] (\w+) ", words[words.index("Part by part") :])
    assert (names[0], sorted(names)) == ("batchnorm_backward", sorted(part.name for part in checked(WRONG).parts))
    assert main(["check", str(RIGHT), "--seed", "1", "--quiet", "--report", str(page)]) == EQUIVALENT
    words = Page(page.read_text()).words
    assert "✗" not in words
    assert f"line {LINE}" not in words


@pytest.mark.sampled(2)
@pytest.mark.parametrize("level", [1, pytest.param(2, marks=pytest.mark.slow), 3])
def test_a_hint_gives_away_no_number_and_no_line(level: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, suite = tmp_path / "page.html", tmp_path / "suite.xml"
    command = ["check", str(WRONG), "--seed", "1", "--hint", str(level), "--report", str(page), "--junitxml", str(suite), "--github"]
    assert main(command) == DIFFERENT
    assert main([*command, "--json"]) == DIFFERENT
    out, err = capsys.readouterr()
    texts = [out, err, page.read_text(), suite.read_text()]
    assert not [each for text in texts for each in ("-0.22386", f"line {LINE}", f"line={LINE}", "dx_hat.mean") if each in text]
    assert ("dx[3, 0]" in out) == (level >= 2)
    assert "batchnorm_backward" in out


@pytest.mark.slow
def test_a_hint_of_a_part_says_the_factor_last(capsys: pytest.CaptureFixture[str]) -> None:
    said = {}
    for level in (1, 2, 3):
        file = EXAMPLES / "parts" / "engine_wrong_replaced.py"
        assert main(["check", str(file), "--seed", "1", "--hint", str(level), "--json"]) == DIFFERENT
        said[level] = json.loads(capsys.readouterr().out)["hint"]
    assert said[1] == {"stage": "Value: a * b"}
    assert said[2] == {"stage": "Value: a * b", "kind": "gradient of a"}
    assert said[1].keys() < said[2].keys() <= said[3].keys()


def test_junit_has_a_case_for_each_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "suite.xml"
    for file, failures in ((RIGHT, 0), (WRONG, 2)):
        main(["check", str(file), "--seed", "1", "--quiet", "--junitxml", str(path)])
        suite = ElementTree.parse(path).getroot()
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("16", str(failures), "0")
        wrong = [case.get("name") for case in suite if case.find("failure") is not None]
        assert wrong == (["equal to PyTorch", "batchnorm_backward"] if failures else [])


def test_a_part_that_raises_is_an_error_of_its_case(tmp_path: Path) -> None:
    file, path = tmp_path / "layers.py", tmp_path / "suite.xml"
    head = "def relu_backward(dout, cache):"
    file.write_text(RIGHT.read_text().replace(head, f"{head}\n    raise ValueError(7)"))
    main(["check", str(file), "--seed", "1", "--quiet", "--junitxml", str(path)])
    suite = ElementTree.parse(path).getroot()
    raised = [case.get("name") for case in suite if case.find("error") is not None]
    assert raised == ["equal to PyTorch", "relu_backward", "affine_relu_backward"]


def test_steps_change_nothing_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(WRONG), "--seed", "1", "--steps", "3"]) == DIFFERENT
    assert "Note: --steps 3 changes nothing: no part is trained" in capsys.readouterr().out


def test_a_line_of_a_notebook_is_said_by_its_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["check", str(NOTEBOOK), "--seed", "1", "--report", str(page), "--github"]) == DIFFERENT
    out = capsys.readouterr().out
    result = check(NOTEBOOK, seed=1)
    line = result.diagnosis[0].line
    assert line is not None
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    number, within = next(
        (number, at)
        for number, cell in enumerate(cells, start=1)
        for at, each in enumerate("".join(cell["source"]).split("\n"), start=1)
        if cell["cell_type"] == "code" and each.strip() == result.text_of(line)
    )
    place = f"cell {number}, line {within}"
    assert f"see         {NOTEBOOK.name} {place}: {result.text_of(line)}" in out
    assert f"look at {place} of {NOTEBOOK.name}" in out
    words = Page(page.read_text()).words
    assert f"{NOTEBOOK.name} {place}" in words
    assert f"{within} {result.text_of(line)}" in words
    assert f"line {line}" not in out + words
    annotation = next(each for each in out.splitlines() if each.startswith("::error"))
    assert place in annotation
    assert ",line=" not in annotation
    assert main(["check", str(NOTEBOOK), "--seed", "1", "--json"]) == DIFFERENT
    assert json.loads(capsys.readouterr().out)["place"] == place


def test_an_error_in_a_notebook_is_said_by_its_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = [["import numpy as np"], ["def train_step(params, x, y, lr):\n", "    raise ValueError('no idea')"]]
    path = tmp_path / "raising.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": source} for source in cells], "nbformat": 4}))
    main(["check", str(path), "--seed", "1"])
    assert "at raising.ipynb cell 2, line 2: `raise ValueError('no idea')`" in capsys.readouterr().out
