"""One attempt never costs the others: whatever it is and whatever is raised for it, it has its line, and the run goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.cli.main import main
from compare.grading import one, worker
from compare.grading.attempts import AttemptFilesError, Carried
from compare.grading.one import MOST_WEIGHTS, Graded, Settings, graded, ungraded
from compare.grading.parcel import Packer, checked_answer
from compare.sandbox.limits import ALTOGETHER, Limits
from compare.sandbox.remote import Remote
from compare.sandbox.runner import TRACED
from compare.sandbox.values import packed
from compare.userfile.file import AttemptError
from compare.userfile.pipe import frames
from compare.userfile.pipe.peer import Peer, PeerError
from tests.compare.grading.killers import RIGHT

ROOT = Path(__file__).parents[3]
OPEN = Settings(seed=3, steps=0, confined=False)
confined = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed here")
LAZY = "def train_step(params, x, y, lr):\n    return NotImplemented\n"
SLOW = "import time\n" + RIGHT.replace("def train_step(params, x, y, lr):\n", "def train_step(params, x, y, lr):\n    time.sleep(0.4)\n")
FORGED = """
import sys
attempt = next(module for name, module in sys.modules.items() if name.endswith("userfile.file")).Attempt
traced = attempt.traced_call


def forged(self, function, *args):
    answer, lines = traced(self, function, *args)
    for each in lines:
        object.__setattr__(each, "line", LINE)
    return answer, lines


attempt.traced_call = forged
"""


def graded_text(text: str, settings: Settings) -> Graded:
    return graded(Carried("a.py", "1", "file", {"": text.encode()}), settings)


def archive(at: Path, method: int, name: str = "attempt.py") -> bytes:
    with zipfile.ZipFile(at, "w", method) as made:
        made.writestr(name, RIGHT * 3)
    return at.read_bytes()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_archive_cannot_be_read(method: int, tmp_path: Path) -> None:
    content = bytearray(archive(tmp_path / "a.zip", method))
    content[60:140] = b"\xff" * 80      # past the header
    with pytest.raises(AttemptFilesError, match="the archive cannot be read"):
        Carried("a.zip", "1", "archive", {"": bytes(content)}).unfold(tmp_path / "unfolded")


@pytest.mark.parametrize("name", ["x" * 300 + ".py", "a/../../" + "x.py", "attempt.py/x.py"])
def test_what_is_wrong_with_an_archive_names_its_own_paths(name: str, tmp_path: Path) -> None:
    content = archive(tmp_path / "a.zip", zipfile.ZIP_STORED)
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as made:
        made.writestr(name, "x = 1\n")
    content = (tmp_path / "a.zip").read_bytes()
    with pytest.raises(AttemptFilesError) as told:
        Carried("a.zip", "1", "archive", {"": content}).unfold(tmp_path / "unfolded")
    assert name[:100] in str(told.value)
    assert str(tmp_path) not in str(told.value)


def test_what_shows_nothing_has_a_page_without_pictures_of_it() -> None:
    pytest.importorskip("matplotlib")
    line, page = graded_text(LAZY, replace(OPEN, reports=True))
    assert line["verdict"] == "not a proof"
    assert page is not None
    assert "The network" in page
    assert "Every step and tensor" not in page


@confined
@pytest.mark.parametrize("forged", [-5, 10**9])
def test_forged_lines_cost_the_attempt_its_lines_alone(forged: int) -> None:
    wrong = (ROOT / "examples" / "wrong_hidden_error.py").read_text()
    settings = Settings(seed=3, steps=0)
    assert graded_text(wrong, settings).line["lines"] != []
    line = graded_text(FORGED.replace("LINE", str(forged)) + wrong, settings).line
    assert line["verdict"] == "different"
    assert line["lines"] == []


@pytest.mark.parametrize(
    ("answer", "is_one"),
    [
        ([1, 2, 3], False),
        (None, False),
        ([1, [[1], 2, [3, 4, 5]]], True),
        ([1, 2], True),
        ([1, [[line, np.ones(2)] for line in (-5, 0, 2, 10**9, True)]], True),      # of a file of one line
    ],
)
def test_forged_answers_raise_nothing_but_an_attempts_own_error(answer: Any, is_one: bool, tmp_path: Path) -> None:
    class Forger:
        def greet(self, timeout: float) -> None:
            pass

        def ask(self, kind: int, entries: Any) -> Any:
            told = packed([answer, None]) if kind == TRACED else packed({"problem": {}, "conventions": {}})
            return frames.entries(frames.frame(kind, bytes(16), 0, told)[frames.HEADER.size :])

    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    remote = Remote(path, Forger)      # type: ignore[arg-type]
    with nullcontext() if is_one else pytest.raises(AttemptError, match="an answer that is none"):
        assert remote.traced_call("train_step")[1] == []


def raising(*args: Any, **options: Any) -> Any:
    raise ZeroDivisionError("of ours\x1b[2J")


@pytest.mark.parametrize("name", ["check_network", "headline", "score"])
def test_a_fault_of_ours_is_that_attempts_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one, name, raising)
    line = graded_text(RIGHT.replace("output_error_term @ w2", "output_error_term"), OPEN).line
    assert line["verdict"] == "could not run"
    assert line["reason"] == (
        "a fault of backprop-compare, not of the attempt, which you may report: ZeroDivisionError: of ours\\x1b[2J"
    )


def test_an_answer_that_would_be_refused_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Carried("a.py", "1", "file", {"": RIGHT.encode()})
    monkeypatch.setattr(worker, "graded", lambda attempt, settings: Graded({**ungraded(attempt, settings, "why"), "lines": [-5]}))
    line = checked_answer(worker.work(Packer(OPEN).parcel(attempt)), attempt, OPEN, OPEN.digest).line
    assert "a fault of backprop-compare" in line["reason"]
    assert "another lines" in line["reason"]


def test_a_network_that_is_too_large_is_not_graded() -> None:
    line = graded_text(RIGHT + "\nPROBLEM = {'sizes': (2000, 2000, 1)}\n", OPEN).line
    assert line["verdict"] == "could not run"
    assert line["reason"] == f"its PROBLEM has 4002000 weights; expected at most {MOST_WEIGHTS}"


@pytest.mark.slow
@confined
def test_answers_that_are_slow_altogether_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Limits(answer=3.0).altogether == 3.0 * ALTOGETHER
    monkeypatch.setattr("compare.sandbox.limits.ALTOGETHER", 0.1)
    line = graded_text(SLOW, Settings(seed=3, steps=60)).line
    assert line["verdict"] == "could not run"
    assert "its answers took longer than 2 s altogether" in line["reason"]


def test_what_it_takes_altogether_is_counted(tmp_path: Path) -> None:
    peer = Peer([sys.executable, "-c", "import time; time.sleep(60)"], timeout=60, altogether=0.2)
    with pytest.raises(PeerError, match=r"longer than 0\.2 s altogether"):
        peer.ask(frames.HELLO, {})
    peer.kill()


def started(folder: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    words = ["grade", str(folder), "--out", str(out), "--seed", "3", "--jobs", "2", "--no-reports", *options]
    return subprocess.Popen([sys.executable, "-m", "compare", *words], cwd=ROOT, stdout=subprocess.DEVNULL)


def descendants(pid: int) -> set[tuple[int, str]]:
    """The processes that it has started, and what they have, each with its name."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    rows = [(int(own), int(parent), name) for own, parent, name in (line.split(None, 2) for line in listed.splitlines())]
    found: set[tuple[int, str]] = set()
    above = {pid}
    while above:
        below = {(own, name) for own, parent, name in rows if parent in above}
        found |= below
        above = {own for own, _ in below}
    return found


def until(is_so: Callable[[], bool]) -> bool:
    for _ in range(300):
        if is_so():
            return True
        time.sleep(0.1)
    return False


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize("confinement", [pytest.param("bubblewrap", marks=confined), "none"])
def test_who_kills_a_run_leaves_no_process_of_it(confinement: str, tmp_path: Path) -> None:
    attempts = tmp_path / "attempts"
    attempts.mkdir()
    for n in range(2):
        (attempts / f"{n}.py").write_text(f"import time\ntime.sleep(600 + {n})\n{RIGHT}")
    options = ("--unsafe-no-sandbox",) if confinement == "none" else ("--confinement", confinement, "--timeout", "500")
    process = started(attempts, tmp_path / "out", *options)
    try:
        least = 2 * 3 + 1 if confinement == "bubblewrap" else 3      # the workers with what is theirs, and multiprocessing's own
        assert until(lambda: len(descendants(process.pid)) >= least)
        time.sleep(1)
        below = descendants(process.pid)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert until(lambda: not any(is_running(pid) for pid, _ in below)), [each for each in below if is_running(each[0])]


@pytest.fixture
def attempts(tmp_path: Path) -> Path:
    folder = tmp_path / "attempts"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.py").write_text(f"{RIGHT}\n# {name}\n")
    return folder


def grade(folder: Path, out: Path, *options: str) -> int:
    return main(["grade", str(folder), "--out", str(out), "--unsafe-no-sandbox", "--steps", "0", "--jobs", "1", "--no-reports", *options])


def lines(out: Path) -> dict[str, dict[str, Any]]:
    return {line["attempt"]: line for line in map(json.loads, (out / "results.jsonl").read_text().splitlines())}


@pytest.mark.slow
def test_another_seed_grades_anew_and_none_goes_on(attempts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    seen = []
    for options in (["--seed", "3"], [], ["--seed", "4"], []):
        assert grade(attempts, out, *options) == 0
        seen.append((out / "results.jsonl").read_text())
    assert seen[0] == seen[1] != seen[2] == seen[3]
    assert grade(attempts, tmp_path / "other", "--seed", "4") == 0
    assert (tmp_path / "other" / "results.jsonl").read_text() == seen[2]


@pytest.mark.slow
@pytest.mark.parametrize("other", ["shard", "folder"])
def test_results_of_another_folder_or_shard_are_kept(
    other: str, attempts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert grade(attempts, out, "--shard", "1/2") == 0
    before = (out / "results.jsonl").read_bytes()
    moved = shutil.copytree(attempts, tmp_path / "moved")
    capsys.readouterr()
    assert grade(*((attempts, out, "--shard", "2/2") if other == "shard" else (moved, out, "--shard", "1/2"))) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert f"has the results of {attempts}, shard 1/2; expected those of" in said
    assert (out / "results.jsonl").read_bytes() == before
    assert grade(attempts, out, "--shard", "1/2") == 0


def test_a_file_beside_the_adapter_is_part_of_what_results_depend_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, helper = tmp_path / "adapter.py", tmp_path / "helper.py"
    adapter.write_text("import helper\n")
    helper.write_text("x = 1\n")

    def digest() -> str:
        return replace(OPEN, adapter=adapter).digest

    first = digest()
    assert digest() == first
    helper.write_text("x = 2\n")
    assert digest() != first
    helper.write_text("x = 1\n")
    assert digest() == first
    monkeypatch.setattr(one, "version", lambda name: "0.0")
    assert digest() != first


@pytest.mark.slow
def test_the_network_is_in_the_results_and_can_be_fixed(attempts: Path, tmp_path: Path) -> None:
    (attempts / "a.py").write_text(
        "PROBLEM = {'sizes': (1, 1), 'activations': ('identity',), 'lr': 0.02, 'weight_decay': 0.5}\n\n\n"
        "def forward(params, x):\n    return x @ params['0.weight'].T\n\n\n"
        "def train_step(params, x, y, lr):\n    w = params['0.weight']\n"
        "    return {'0.weight': w - lr * ((x @ w.T - y).T @ x / len(x) + 0.5 * w)}\n"
    )
    out, fixed = tmp_path / "out", tmp_path / "fixed"
    assert grade(attempts, out) == 0
    found = lines(out)["a.py"]
    network = "1-1 identity, no biases, half_mse, sgd weight_decay 0.5, lr 0.02"
    assert (found["verdict"], found["network"]) == ("equivalent", network)
    assert f'a.py,equivalent,1.0,,,,,,"{network}"' in (out / "grades.csv").read_text()
    if (out / "index.html").exists():
        assert network in (out / "index.html").read_text()
    assert grade(attempts, fixed, "--sizes", "6,2,1") == 0
    assert {line["network"] for line in lines(fixed).values()} == {"6-2-1 sigmoid, no biases, half_mse, sgd, lr 0.005"}
    assert {name: line["verdict"] == "equivalent" for name, line in lines(fixed).items()} == {"a.py": False, "b.py": True}


STEP = "def train_step(params, x, y, lr):\n    return {name: w - lr * DECAY * w for name, w in params.items()}\n"
UNDECLARED: dict[str, tuple[dict[str, Any], str]] = {
    "by weight decay": ({"weight_decay": 1e22, "lr": 0.1 / 1e22}, STEP.replace("DECAY", "1e22")),
    "by AdamW": ({"weight_decay": 1e22, "optimizer": "adamw", "lr": 1e-23}, STEP.replace("DECAY", "1e22")),
    "by a small lr": (
        {"lr": 1e-310},
        "def trace(params, x, y):\n    return {f'step_W{n}': 5e-324 * (w == w) for n, w in enumerate(params.values(), start=1)}\n",
    ),
}


@pytest.mark.slow
def test_of_a_network_that_the_teacher_fixes_nothing_is_left_to_an_attempt() -> None:
    """Each trains by its own lr or decay alone, without a backward pass; what is right without any keeps its verdict."""
    network = "6-2-1 sigmoid, no biases, half_mse, sgd, lr 0.005"
    options: list[dict[str, Any]] = [{"sizes": (6, 2, 1)}, {"loss": "half_mse"}, {"lr": 0.005}]
    for option, (declared, text) in zip(options, UNDECLARED.values(), strict=True):
        settings = replace(OPEN, problem=option)
        line = graded_text(f"import numpy as np\nPROBLEM = {declared}\n{text}", settings).line
        assert (line["verdict"] == "equivalent", line["network"]) == (False, network)
    line = graded_text(RIGHT, settings).line
    assert (line["verdict"], line["network"]) == ("equivalent", network)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--activation", "relu,relu,relu,relu"], "activations"),
        (["--sizes", "2000,2000,1"], "--sizes has 4002000 weights; expected at most"),
        (["--nesterov"], "nesterov"),
    ],
)
def test_a_problem_that_is_none_is_refused(
    options: list[str], said: str, attempts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(attempts, tmp_path / "out", *options) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_endings_in_capitals_are_graded_and_what_is_skipped_is_said(
    attempts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (attempts / "c.PY").write_text(RIGHT)
    archive(attempts / "d.ZIP", zipfile.ZIP_STORED)
    archive(attempts / "e.zip", zipfile.ZIP_STORED, "MAIN.PY")
    (attempts / "notes\x1b.txt").write_text("none")
    (attempts / "link.py").symlink_to(attempts / "a.py")
    (attempts / ".hidden.py").write_text(RIGHT)
    out = attempts / "out"
    for _ in range(2):
        assert grade(attempts, out) == 0
        said = capsys.readouterr().out
        assert "Skipped: link.py (a link), notes\\x1b.txt (neither .py, .ipynb nor .zip), out (has the results)\n" in said
        assert {name: line["verdict"] for name, line in lines(out).items()} == dict.fromkeys(
            ("a.py", "b.py", "c.PY", "d.ZIP", "e.zip"), "equivalent"
        )
    assert grade(attempts, attempts) == 2
    assert "is the folder of the attempts itself" in capsys.readouterr().err


def test_an_adapter_that_is_not_python_is_refused(attempts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "adapter.py").write_text("def f(:\n")
    assert grade(attempts, tmp_path / "out", "--adapter", str(tmp_path / "adapter.py")) == 2
    said = capsys.readouterr().err
    assert "adapter.py is not Python: line 1" in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()
