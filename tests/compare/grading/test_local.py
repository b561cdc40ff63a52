"""Workers of this machine that die: no attempt is lost by it, and one that always kills is told."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compare.grading import local, run
from compare.grading.local import Local
from compare.grading.one import Settings
from tests.compare.grading.killers import folder_of, starved

pytestmark = pytest.mark.slow

OPEN = Settings(seed=3, steps=0, confined=False)


def verdicts(lines: list[dict[str, Any]]) -> dict[str, str]:
    return {line["attempt"]: line["verdict"] for line in lines}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_worker_that_is_killed_costs_no_attempt(jobs: int, tmp_path: Path) -> None:
    lines = run.grade(folder_of(tmp_path, once=True), tmp_path / "out", OPEN, Local(jobs))
    assert (tmp_path / "killed").exists()
    assert verdicts(lines) == dict.fromkeys(("once.py", "right0.py", "right1.py"), "equivalent")


def test_an_attempt_that_kills_three_times_is_told_and_the_others_are_graded(tmp_path: Path) -> None:
    lines = run.grade(folder_of(tmp_path, always=True), tmp_path / "out", OPEN, Local(2))
    assert verdicts(lines) == {"always.py": "could not run", "right0.py": "equivalent", "right1.py": "equivalent"}
    assert lines[0]["reason"] == "the worker that checked it died 3 times"


def test_what_is_fatal_once_would_be_told_if_once_were_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: who blames at the first death blames the attempt for the worker's."""
    monkeypatch.setattr(run, "MOST_DEATHS", 0)
    (tmp_path / "killed").touch()
    lines = run.grade(folder_of(tmp_path, always=True, right=0), tmp_path / "out", OPEN, Local(1))
    assert lines[0]["reason"] == "the worker that checked it died 2 times"


def test_where_no_memory_is_left_for_an_answer_the_others_are_graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "work", starved)
    lines = run.grade(folder_of(tmp_path), tmp_path / "out", OPEN, Local(1))
    assert verdicts(lines) == {"right0.py": "could not run", "right1.py": "equivalent"}
    assert lines[0]["reason"] == "checking it took more memory than a worker has"


def test_no_process_imports_from_the_current_folder(tmp_path: Path) -> None:
    """The processes are started by `python -c`, which would look there first: a teacher may stand in the folder of attempts."""
    folder_of(tmp_path, right=1)
    for name in ("multiprocessing", "numpy", "threading", "torch"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w').close()\nraise ImportError\n")
    options = ("--out", "results", "--jobs", "1", "--steps", "0", "--no-reports", "--unsafe-no-sandbox")
    command = [sys.executable, "-m", "compare", "grade", "attempts", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not (tmp_path / "was-run").exists()
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 equivalent" in done.stdout
