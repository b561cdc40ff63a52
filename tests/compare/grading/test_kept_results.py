"""Results that someone else has changed between two runs: what is no line of ours is graded again, and nothing is written elsewhere."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compare.cli.main import main
from compare.grading import run
from compare.grading.line import report_place
from compare.grading.one import Settings
from compare.grading.results import LINES, PAGE, RUN, TABLE, Results
from compare.support.errors import ProblemError
from compare.userfile.file import Attempt
from tests.compare.grading.killers import RIGHT, here
from tests.compare.grading.test_grading import LINE

LAZY = "def train_step(params, x, y, lr):\n    return params\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A folder of two attempts, and the files of its results."""
    root = tmp_path_factory.mktemp("kept")
    (root / "attempts").mkdir()
    (root / "attempts" / "lazy.py").write_text(LAZY)
    (root / "attempts" / "right.py").write_text(RIGHT)
    grade(root, root / "out", seed=3)
    return root, contents(root / "out")


def grade(root: Path, out: Path, seed: int | None = None) -> None:
    run.grade(root / "attempts", out, Settings(seed, steps=0, confined=False), here, page=lambda lines: [str(len(lines))])


def contents(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in out.iterdir() if file.name != ".lock"}


def _changed(name: str, value: Any) -> Callable[[bytes], bytes]:
    """Every line with another value there."""
    return lambda text: b"".join(json.dumps({**json.loads(line), name: value}).encode() + b"\n" for line in text.splitlines())


TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "not JSON": lambda text: b"\xff\xfe\n" * 3,
    "nested": lambda text: b"[" * 100_000 + b"\n" + text.splitlines(keepends=True)[0],
    "a list": lambda text: b"[1, 2]\n" + text,
    "a number": lambda text: b"1\n" + text,
    "a list for a name": _changed("attempt", ["lazy.py"]),
    "a score in words": _changed("score", "1.0"),
    "a score of more than all": _changed("score", 2.0),
    "a verdict of its own": _changed("verdict", "excellent"),
    "a page elsewhere": _changed("report", "javascript:alert(1)"),
    "another column": _changed("bonus", 1),
    "a long line": lambda text: b'{"attempt": "' + b"x" * (3 << 20) + b'"}\n' + text,
    "half a line": lambda text: text[:-20],
    "nothing": lambda text: b"",
}
RUNS = {
    "an infinite seed": b'{"seed": 1e999, "folder": "x", "shard": [1, 1]}',
    "a negative seed": b'{"seed": -3, "folder": "x", "shard": [1, 1]}',
    "a shard that is none": b'{"seed": 3, "folder": "x", "shard": 5}',
    "nested": b"[" * 100_000,
    "a list": b"[]",
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", TAMPERED)
def test_what_is_no_line_of_ours_is_graded_again(name: str, finished: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    root, whole = finished
    for file, content in whole.items():
        (tmp_path / file).write_bytes(content)
    (tmp_path / LINES).write_bytes(TAMPERED[name](whole[LINES]))
    grade(root, tmp_path)
    assert contents(tmp_path) == whole


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", RUNS)
def test_what_is_no_run_of_ours_is_begun_anew(name: str, finished: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    root, whole = finished
    (tmp_path / LINES).write_bytes(whole[LINES])
    (tmp_path / RUN).write_bytes(RUNS[name])
    grade(root, tmp_path, seed=3)
    assert contents(tmp_path) == whole


@pytest.mark.parametrize("name", [LINES, TABLE, PAGE, RUN])
def test_files_of_someone_else_are_not_written_over(
    name: str, finished: tuple[Path, dict[str, bytes]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("mine\n")
    assert main(["grade", str(finished[0] / "attempts"), "--out", str(tmp_path), "--unsafe-no-sandbox"]) == 2
    said = capsys.readouterr().err
    assert "has files, and no results of this tool; expected a new or empty folder" in said
    assert len(said.splitlines()) == 1
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {name: "mine\n"}


@pytest.mark.parametrize("left", [[], [".lock"], [RUN], [RUN, LINES], [LINES]])
def test_what_was_begun_goes_on(left: list[str], finished: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    root, whole = finished
    for name in left:
        (tmp_path / name).write_bytes(b"" if name == ".lock" else whole[name])
    grade(root, tmp_path, seed=3)
    assert contents(tmp_path) == whole


def test_reports_that_no_line_tells_of_are_removed(tmp_path: Path) -> None:
    """Of one who is gone, of one who has none in this run; but nothing that is not named as a report is."""
    with Results(tmp_path) as results:
        for name in ("gone.py", "kept.py", "without.py"):
            results.add({**LINE, "attempt": name, "report": report_place(name)}, "all of it")
    (tmp_path / "reports" / "notes.html").write_text("mine")
    with Results(tmp_path) as results:
        results.add({**LINE, "attempt": "kept.py", "run": "s", "report": report_place("kept.py")}, "a hint")
        results.add({**LINE, "attempt": "without.py", "run": "s"})
        results.close_with({(name, "1") for name in ("kept.py", "without.py")}, "s", None)
    left = {file.name: file.read_text() for file in (tmp_path / "reports").iterdir()}
    assert left == {Path(report_place("kept.py")).name: "a hint", "notes.html": "mine"}


def test_a_link_that_comes_while_a_run_goes_on_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at a place and the writing there."""
    (tmp_path / "attempts").mkdir()
    (tmp_path / "attempts" / "lazy.py").write_text(LAZY)
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.write_text("kept")
    real = Results._own

    def linked(self: Results, name: str) -> Path:
        place = real(self, name)
        if name == TABLE and self._file is not None:
            place.symlink_to(elsewhere)
        return place

    monkeypatch.setattr(Results, "_own", linked)
    grade(tmp_path, out, seed=3)
    assert elsewhere.read_text() == "kept"
    assert (out / TABLE).read_text().startswith("attempt,")


@pytest.mark.parametrize("name", [LINES, TABLE, PAGE, RUN, "reports", ".lock"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_nothing_is_written_through_a_link(
    kind: str, name: str, finished: tuple[Path, dict[str, bytes]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attempts = finished[0] / "attempts"
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir() if name == "reports" else elsewhere.write_text("kept")
    if kind == "link":
        (out / name).symlink_to(elsewhere)
    else:
        os.mkfifo(out / name)
    assert main(["grade", str(attempts), "--out", str(out), "--unsafe-no-sandbox"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not any(elsewhere.iterdir()) if name == "reports" else elsewhere.read_text() == "kept"


def test_an_attempt_is_closed_when_it_is_graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A confined one would leave its process behind."""
    (tmp_path / "attempts").mkdir()
    (tmp_path / "attempts" / "a.py").write_text(RIGHT)
    closed = []
    monkeypatch.setattr(Attempt, "close", lambda self: closed.append(self.name))
    run.grade(tmp_path / "attempts", tmp_path / "out", Settings(seed=3, steps=0, confined=False), here)
    assert closed


@pytest.mark.parametrize("kind", ["a link", "something else"])
def test_what_no_run_has_written_is_told_by_what_it_is(kind: str, tmp_path: Path) -> None:
    with Results(tmp_path) as results:
        (tmp_path / PAGE).symlink_to(tmp_path / "elsewhere") if kind == "a link" else (tmp_path / PAGE).mkdir()
        with pytest.raises(ProblemError, match=f"is {kind}; expected there what a run has written"):
            results._own(PAGE)
