"""`--watch`: every save is checked, whatever the file does, and Ctrl-C ends it. The session is the one that docs/exercises.md shows."""

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from compare.cli.main import INTERRUPTED, UNUSABLE, main
from compare.exercises.sets import GUIDE
from tests.blocks import assert_printed
from tests.compare.exercises.learner import RIGHT, WRONG, write

ROOT = Path(__file__).parent.parent.parent.parent
PATIENCE = 120      # seconds for an answer, of which one takes less: only a watch that hangs waits so long


class Session:
    """A watch in a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "compare", *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": path}, text=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),      # a test run in the background inherits it as ignored
        )      # fmt: skip
        self.printed: list[str] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line)
        self._lines.put("")

    def until(self, pattern: str) -> str:
        """The first line that matches; all lines up to it are kept."""
        while True:
            line = self._lines.get(timeout=PATIENCE)
            self.printed.append(line)
            assert line, f"it ended without {pattern!r}:\n{''.join(self.printed)}"
            if re.search(pattern, line):
                return line

    def interrupt(self) -> int:
        """Press Ctrl-C, which reaches all processes of the terminal's group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self._reader.join()
        with self.process:
            pass


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    shutil.copy(GUIDE / "attention_1.py", tmp_path)
    found = Session(tmp_path, "exercises", "--watch")
    yield found
    found.close()


def test_the_session_of_the_guide(session: Session, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "exercises.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n\$ backprop-compare exercises --watch\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    session.until("^Hints: ")
    write(tmp_path / "attention_1.py", WRONG)
    session.until("^Hints: ")
    write(tmp_path / "attention_1.py", RIGHT)
    session.until("^Begin: ")
    assert session.interrupt() == INTERRUPTED
    session.until("the watch has ended")
    assert_printed(re.sub(r":\d+/", ":(port)/", shown.group(1)), re.sub(r":\d+/", ":(port)/", "".join(session.printed)))


@pytest.mark.slow
def test_nothing_that_a_file_does_ends_the_watch(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "attention_1.py"
    session.until("^NOT WRITTEN YET: of_scores")
    for body, said in (
        ("return (p", r"^COULD NOT RUN: SyntaxError: '\(' was never closed"),
        ("import os; os.abort()", "^COULD NOT RUN: it ended the process, by signal 6"),
        ("raise SystemExit(0)", "^COULD NOT RUN: SystemExit: 0"),
        ("import os; os._exit(0)", "^COULD NOT RUN: SystemExit: 0"),
        ("import sys; sys.setrecursionlimit(10**9); f = lambda: f(); f()", "^COULD NOT RUN: "),
        (WRONG, "^DIFFERENT: first at step 1, gradient of in_proj_bias"),
    ):
        write(path, body)
        session.until(said)
    write(path, "while True: pass")
    session.until("^COULD NOT RUN: it took longer than 10 s and was stopped")
    write(path, RIGHT)
    session.until("^SOLVED: attention_1")


@pytest.mark.slow
def test_a_helper_beside_the_file_is_read_anew_at_each_save(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "attention_1.py"
    session.until("^Hints: ")
    (tmp_path / "helper.py").write_text("factor = 2\n")
    write(path, f"{RIGHT} * factor")
    path.write_text(path.read_text(encoding="utf-8").replace("import numpy", "from helper import factor\nimport numpy"), encoding="utf-8")
    session.until("^DIFFERENT: ")
    (tmp_path / "helper.py").write_text("factor = 1\n")
    path.touch()
    session.until("^SOLVED: ")


@pytest.mark.slow
def test_an_exercise_that_is_begun_meanwhile_is_checked_too(session: Session, tmp_path: Path) -> None:
    session.until("^Hints: ")
    shutil.copy(GUIDE / "recurrence_1.py", tmp_path)
    session.until("^recurrence_1.py$")
    session.until("^NOT WRITTEN YET: through_time")


@pytest.mark.slow
def test_a_file_of_ones_own_is_watched_by_check(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    shutil.copy(ROOT / "examples" / "wrong_hidden_error.py", path)
    session = Session(tmp_path, "check", "mine.py", "--seed", "1", "--watch")
    try:
        session.until("^DIFFERENT: first at step 1, error term δ1")
        session.until("f′ is left out of the error term of the hidden layer")
        shutil.copy(ROOT / "examples" / "right_hidden_error.py", path)
        session.until("^EQUIVALENT: ")
        assert session.interrupt() == INTERRUPTED
    finally:
        session.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("exercises", "--watch"), "no exercise of the guide is in this folder"),
        (("exercises", "--open"), "--open is given to a list; expected it with --watch"),
        (("exercises", "--hint", "1"), "--hint is given to a list"),
        (("check", "mien.py", "--watch"), "mien.py is not there; expected a Python file; did you mean mine.py?"),
        (("check", ".", "--watch"), ". is a folder; expected a Python file"),
        (("check", "--command", "x", "--watch"), "--watch is given without a FILE; expected one, a program cannot be watched"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").touch()
    assert main([*arguments]) == UNUSABLE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("options", "said"), [(["--json"], "--json is given with --watch"), ([], "--open is given without --watch")])
def test_what_contradicts_a_watch_is_refused(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(GUIDE / "attention_1.py", tmp_path)
    assert main(["exercises", "check", *options, *(["--watch"] if options else ["--open"])]) == UNUSABLE
    assert said in capsys.readouterr().err
