"""The examples, as anyone would check them: one command, no option."""

import json
from pathlib import Path

import pytest

from compare.cli.main import DIFFERENT, EQUIVALENT, UNUSABLE, main
from compare.parts.shapes import SHAPES
from compare.userfile.shapes import PARTS

from .checking import EXAMPLES

FILES = sorted(EXAMPLES.glob("*.py"))


@pytest.mark.sampled(9)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_one_command_gives_the_verdict(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["check", str(path), "--seed", "3", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (code, result["verdict"]) == ((EQUIVALENT, "equivalent") if "_right" in path.stem else (DIFFERENT, "different"))
    assert result["parts"]
    assert result["adapter"] in SHAPES
    assert (result["first_divergence"] is None) == ("_right" in path.stem)


def test_there_is_a_right_and_a_wrong_file_of_each_shape() -> None:
    kinds = {path.stem.partition("_right")[0] for path in FILES if "_right" in path.stem}
    assert all(any(path.stem.startswith(f"{kind}_wrong") for path in FILES) for kind in kinds)


def test_the_names_of_shapes_are_known_where_adapters_are() -> None:
    assert set(PARTS) == set(SHAPES)


def test_the_report_says_where_why_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLES / "update_rules_wrong_correction.py"
    assert main(["check", str(path), "--seed", "3"]) == DIFFERENT
    out = capsys.readouterr().out
    assert "as --adapter update_rules" in out
    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["where", "why", "do"]
    assert main(["check", str(path), "--seed", "3", "--quiet"]) == DIFFERENT
    assert capsys.readouterr().out.startswith("different: first at adam, w after step 1")


def test_what_such_a_file_does_not_take_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLES / "update_rules_right.py"
    assert main(["check", str(path), "--sizes", "3,2,1"]) == UNUSABLE
    assert "sizes cannot be given for a file that is checked part by part" in capsys.readouterr().err
    assert main(["check", str(path), "--adapter", "engine"]) == UNUSABLE
    assert "has no part of the shape engine" in capsys.readouterr().err
