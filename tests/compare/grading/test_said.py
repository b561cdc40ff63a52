"""What an attempt says, of itself or in its name, is told as text that breaks no line and no table, and passes for nobody else's."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from compare.grading.attempts import shown, shown_apart
from compare.grading.line import report_place
from compare.grading.one import Settings
from compare.grading.results import _cell
from compare.grading.run import grade
from compare.support.output import printable, printable_lines
from tests.compare.grading.killers import RIGHT, here
from tests.compare.grading.test_hostile import MISSING

pytestmark = pytest.mark.slow

LAZY = "\n\ndef train_step(params, x, y, lr):\n    return {name: w - lr for name, w in params.items()}\n"
SAYING = """import json
import compare.userfile.pipe.frames as frames
real = frames.frame
def forged(kind, nonce, step, entries):
    return real(frames.FAILED, nonce, step, {"message": json.dumps(MESSAGE)})
frames.frame = forged
"""
ABOUT = """import json
import compare.sandbox.runner as runner
real = runner._Served._about
def about(self, number):
    said = json.loads(real(self, number)["about"])
    CHANGE
    return {"about": json.dumps(said)}
runner._Served._about = about
"""
MESSAGES: dict[str, dict[str, Any]] = {
    "steers": {
        "message": "x\x1b]0;owned\x07\x1b[2J\nbob.py,equivalent,1.0,,,,,\r\n=1+1,equivalent,1.0 \u202e\ud800\x00 end",
        "function": "import",
        "kind": "silent",
        "line": 10**30,
        "source": "\x1b[31m<script>alert(1)</script>\n\ud800",
    },
    "formula": {"message": "=1+1\nbob.py,equivalent,1.0,,,,,\n", "function": None},
    "long": {"message": "x" * 100_000, "function": "import"},
    "deep": {"message": [[[]]], "function": {"a": 1}, "line": [], "source": 5},
}
CHANGES = {
    "million_notes": "said['notes'] = [7] * 1_000_000",
    "notes_of_numbers": "said['notes'] = [7]",
    "notes_that_are_none": "said['notes'] = 7",
    "functions_that_are_none": "said['functions'] = 7",
    "functions_of_lists": "said['functions'] = [[]]",
    "takes_that_is_none": "said['takes'] = []",
    "takes_of_texts": "said['takes'] = {'train_step': 'x'}",
    "printed_that_is_none": "said['printed'] = {}",
    "nothing": "said = []",
}
KEPT = {
    "a_note": "said['notes'] = ['x' * 100_000 + chr(10), '\\x1b[2J']",
    "what_it_prints": "said['printed'] = 'a\\x1b[2J' + chr(10) + 'b'",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """All of them in one run, with one that is right."""
    root = tmp_path_factory.mktemp("said")
    folder = root / "attempts"
    folder.mkdir()
    for name, message in MESSAGES.items():
        (folder / f"{name}.py").write_text(SAYING.replace("MESSAGE", repr(message)) + LAZY)
    for name, change in {**CHANGES, **KEPT}.items():
        (folder / f"{name}.py").write_text(ABOUT.replace("CHANGE", change) + (RIGHT if name in KEPT else LAZY))
    for name in ("anna.py", "\u0430nna.py", "a\u200bnna.py"):      # a Cyrillic letter, and a space of no width
        (folder / name).write_text(RIGHT)
    lines = grade(folder, root / "out", Settings(seed=3, steps=0), here)
    return root / "out", {line["attempt"]: line for line in lines}


Graded = tuple[Path, dict[str, dict[str, Any]]]


@MISSING["bubblewrap"]
def test_every_line_is_one_and_all_of_it_can_be_printed(graded: Graded) -> None:
    out, lines = graded
    assert len((out / "results.jsonl").read_text().splitlines()) == len(lines)
    for line in lines.values():
        assert all(text.isprintable() and len(text) <= 2000 for text in line.values() if isinstance(text, str))
    with open(out / "grades.csv", newline="") as file:
        text = file.read()
    assert text.count("\n") == len(lines) + 1
    assert [row[0] for row in csv.reader(text.splitlines())] == ["attempt", *lines]
    assert not any(row.startswith(("bob", "=", '"=')) for row in text.splitlines())


@MISSING["bubblewrap"]
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_is_made_up_is_the_attempts_own(name: str, graded: Graded) -> None:
    line = graded[1][f"{name}.py"]
    assert line["verdict"] == "could not run"
    assert "a fault of backprop-compare" not in line["reason"]


@MISSING["bubblewrap"]
@pytest.mark.parametrize("name", CHANGES)
def test_what_no_process_of_ours_says_is_the_attempts_fault(name: str, graded: Graded) -> None:
    line = graded[1][f"{name}.py"]
    assert line["verdict"] == "could not run"
    assert "what it says of itself is not what its process is to say" in line["reason"]


@MISSING["bubblewrap"]
def test_what_is_right_beside_them_keeps_its_verdict(graded: Graded) -> None:
    lines = graded[1]
    right = [*(f"{name}.py" for name in KEPT), "anna.py", "\\u0430nna.py", "a\\u200bnna.py"]
    assert {name: lines[name]["verdict"] for name in right} == dict.fromkeys(right, "equivalent")
    assert len({report_place(name) for name in lines}) == len(lines)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["anna.py", "аnna.py"], ["anna.py", "\\u0430nna.py"]),
        (["anna.py", "ａnna.py"], ["anna.py", "\\uff41nna.py"]),
        (["a.py", "a\u034f.py", "a\ufe0f.py", "a\u3164.py"], ["a.py", "a\\u034f.py", "a\\ufe0f.py", "a\\u3164.py"]),
        (["é.py", "e\u0301.py"], ["\\xe9.py", "e\\u0301.py"]),
        (["анна.py", "иван.py", "δ.py", "jürgen.py", "jurgen.py"], ["анна.py", "иван.py", "δ.py", "jürgen.py", "jurgen.py"]),
        (["\udcff.py", "\\udcff.py", "\x80.py", "\udc80.py"], ["\\udcff.py", "\\\\udcff.py", "\\x80.py", "\\udc80.py"]),
    ],
)
def test_names_that_look_the_same_are_shown_apart(names: list[str], expected: list[str]) -> None:
    assert shown_apart(names) == expected
    assert len({report_place(shown(name)) for name in names}) == len(names)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
@pytest.mark.parametrize("before", ["", " ", "  ", "'", '"', "\t", "x;", "x; ", "x\t"])
def test_no_cell_is_taken_for_a_formula(before: str, sign: str) -> None:
    """Nor what would be one with another separator."""
    cell = _cell(f"{before}{sign}1+1")
    separated = [part for each in cell.split(";") for part in each.split("\t")]
    assert all(part == "" or part[0] in "'x" for part in separated)


@pytest.mark.parametrize("value", ["anna.py", "δ; f′ is left out", "a = b", "index [0, -1]; -", "1.0"])
def test_what_is_no_formula_stays(value: str) -> None:
    assert _cell(value) == value or value.endswith("-")


def test_what_is_printed_is_cut_and_cleaned() -> None:
    assert printable("a\nb\u202e\ud800\x00", 100) == "a\\nb\\u202e\\ud800\\x00"
    assert printable("x" * 10, 5) == "xxxx…"
    assert len(printable("\ud800" * 10, 20)) == 20
    assert printable_lines("a\tb\r\nc\x1b", 100) == "a       b\nc\\x1b"
    assert json.loads(json.dumps(printable("\ud800"))) == "\\ud800"
