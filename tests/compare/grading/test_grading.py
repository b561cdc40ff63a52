"""A run over a folder: its results, what a teacher is told, and what an interruption leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from compare.checking.result import Check
from compare.cli.main import main
from compare.grading import run
from compare.grading.attempts import skipped, submitted
from compare.grading.line import LINE as CHECKS
from compare.grading.one import Settings
from compare.grading.results import Results, ResultsError
from compare.grading.score import WEIGHTS, score
from compare.support.errors import ProblemError
from tests.compare.grading.killers import RIGHT, here

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
confined = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed here")
SHAPES = ("lesson", "network_class", "parameters_dict", "weight_lists", "loss_and_grads")
NO_BACKWARD = """
import numpy as np

def forward(params, x):
    for name in ("0", "2"):
        x = 1 / (1 + np.exp(-(x @ params[name + ".weight"].T)))
    return x

def loss(output, y):
    return 0.5 * np.mean((output - y) ** 2)

def train_step(params, x, y, lr):
    return {name: w + lr for name, w in params.items()}
"""
LINE = dict.fromkeys(CHECKS) | {"attempt": "a.py", "digest": "1", "run": "r", "verdict": "different", "score": 0.5}
LINE |= {"mistakes": [], "alternatives": [], "lines": [], "final": True}


@pytest.fixture
def attempts(tmp_path: Path) -> Path:
    folder = tmp_path / "attempts"
    folder.mkdir()
    for kind in ("right", "wrong"):
        shutil.copy(EXAMPLES / f"{kind}_hidden_error.py", folder)
    return folder


def grade(attempts: Path, out: Path, *options: str) -> int:
    return main(["grade", str(attempts), "--out", str(out), "--seed", "3", "--steps", "2", "--jobs", "2", *options])


def lines(out: Path) -> dict[str, dict[str, object]]:
    return {line["attempt"]: line for line in map(json.loads, (out / "results.jsonl").read_text().splitlines())}


@confined
@pytest.mark.slow
def test_the_examples_get_what_their_names_promise(tmp_path: Path) -> None:
    """Each in a folder with an adapter of its own, all in one run."""
    for file in EXAMPLES.glob("*_*.py"):
        shape = next((shape for shape in SHAPES if file.stem.startswith(shape)), None)
        folder = tmp_path / "attempts" / file.stem
        folder.mkdir(parents=True)
        shutil.copy(file, folder / "attempt.py")
        if shape is not None:
            (folder / "adapter.py").write_text(f"from compare.userfile.shapes.{shape} import *\n", encoding="utf-8")
    assert grade(tmp_path / "attempts", tmp_path / "out", "--no-reports") == 0
    found = lines(tmp_path / "out")
    assert len(found) == 2 * len(SHAPES) + 2
    for name, line in found.items():
        assert line["verdict"] == ("different" if "wrong" in name else "equivalent"), line["reason"]
        assert ("wrong" in name) == bool(line["mistakes"])


@confined
@pytest.mark.slow
def test_an_adapter_that_is_given_is_every_attempts(tmp_path: Path) -> None:
    folder = tmp_path / "attempts"
    folder.mkdir()
    for file in EXAMPLES.glob("lesson_*.py"):
        shutil.copy(file, folder)
    assert grade(folder, tmp_path / "out", "--adapter", "lesson", "--no-reports") == 0
    assert {name: line["verdict"] for name, line in lines(tmp_path / "out").items()} == {
        "lesson_right.py": "equivalent",
        "lesson_wrong_missing_slope.py": "different",
    }


@confined
def test_lines_a_table_and_a_page_are_written(attempts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (attempts / "=1+1.py").write_bytes((attempts / "wrong_hidden_error.py").read_bytes())
    out = tmp_path / "out"
    assert grade(attempts, out) == 0
    said = capsys.readouterr().out
    assert "no network" in said
    assert "2 different" in said
    found = lines(out)
    assert found["wrong_hidden_error.py"]["mistakes"] == ["slope-missing"]
    assert found["right_hidden_error.py"]["score"] == 1.0
    assert "\n'=1+1.py,different" in (out / "grades.csv").read_text()
    page = (out / "index.html").read_text()
    for line in found.values():
        assert f'href="{line["report"]}"' in page
        assert "<svg" in (out / str(line["report"])).read_text()


@confined
@pytest.mark.slow
@pytest.mark.parametrize(("hint", "given"), [(1, None), (2, "the derivative of an activation"), (3, "f′ is left out")])
def test_a_hint_gives_away_no_more(hint: int, given: str | None, attempts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert grade(attempts, out, "--hint", str(hint)) == 0
    line = lines(out)["wrong_hidden_error.py"]
    assert line["mistakes"] == []
    assert line["lines"] == []
    assert (line["hint"] or "").startswith(given or "")
    everything = "".join(file.read_text() for file in out.rglob("*") if file.is_file() and file.name != ".lock")
    assert ("f′ is left out" in everything) == (hint == 3)
    assert "output_error_term @ w2" not in everything


@pytest.mark.sampled(5)
@pytest.mark.parametrize("hint", [None, pytest.param(1, marks=pytest.mark.slow), 3])
def test_no_hint_has_the_right_numbers(hint: int | None, attempts: Path, tmp_path: Path) -> None:
    """Nor those that are wrong, nor how far they are off; without a hint they are there."""
    settings = Settings(seed=3, steps=0, confined=False, hint=hint, reports=True)
    run.grade(attempts, tmp_path / "out", settings, here)
    pages = [(tmp_path / "out" / str(line["report"])).read_text() for line in lines(tmp_path / "out").values() if line["mistakes"] or hint]
    assert pages
    assert any("PyTorch&#39;s " in page or "× allowed" in page for page in pages) == (hint is None)


def test_a_folder_in_an_attempt_is_refused_for_the_results(attempts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which would lose its line; a folder of results beside it may be used again, and so may one that is new."""
    (attempts / "eva" / "src").mkdir(parents=True)
    (attempts / "eva" / "src" / "attempt.py").write_text(RIGHT)
    for out in (attempts / "eva", attempts / "eva" / "results"):
        assert grade(attempts, out, "--unsafe-no-sandbox") == 2
        assert "is in the attempt eva; expected a folder in no attempt" in capsys.readouterr().err
    assert [file.name for file in (attempts / "eva").iterdir()] == ["src"]
    for _ in range(2):
        run.grade(attempts, attempts / "results", Settings(seed=3, steps=0, confined=False), here)
    assert "eva" in lines(attempts / "results")


def test_the_results_of_another_run_are_no_attempt(attempts: Path, tmp_path: Path) -> None:
    """But a folder with a Python file beside such results is one."""
    for name in ("finished", "eva"):
        with Results(attempts / name) as results:
            results.begin(attempts, (1, 1), 3)
            results.add(LINE)
            results.close_with({("a.py", "1")}, "r", None)
    with Results(attempts / "begun") as results:
        results.begin(attempts, (1, 1), 3)
    (attempts / "eva" / "attempt.py").write_text(RIGHT)
    assert skipped(attempts, tmp_path / "out") == dict.fromkeys(("begun", "finished"), "has the results of another run")
    assert [each.name for each in submitted(attempts, tmp_path / "out")] == ["eva", "right_hidden_error.py", "wrong_hidden_error.py"]


@confined
@pytest.mark.slow
def test_killed_half_way_and_started_again_it_ends_the_same(tmp_path: Path) -> None:
    attempts = tmp_path / "attempts"
    attempts.mkdir()
    text = (EXAMPLES / "wrong_hidden_error.py").read_text()
    for n in range(12):
        (attempts / f"{n:02}.py").write_text(f"{text}\n# {n}\n")
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    assert grade(attempts, whole, "--no-reports") == 0
    words = ["grade", str(attempts), "--out", str(halved), "--seed", "3", "--steps", "2", "--jobs", "2", "--no-reports"]
    process = subprocess.Popen([sys.executable, "-m", "compare", *words], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    path = halved / "results.jsonl"
    for _ in range(600):
        if path.exists() and path.read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = path.read_bytes()
    assert 3 <= kept.count(b"\n") < 12
    with open(path, "ab") as file:
        file.write(b'{"attempt": "11.py", "dig')      # as a torn write leaves it
    assert grade(attempts, halved, "--no-reports") == 0
    assert path.read_bytes() == (whole / "results.jsonl").read_bytes()
    assert (halved / "grades.csv").read_bytes() == (whole / "grades.csv").read_bytes()


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    with Results(tmp_path) as results:
        results.add(LINE)
        results.add({**LINE, "attempt": "b.py", "run": "other"})
    with open(tmp_path / "results.jsonl", "ab") as file:
        file.write(b'{"attempt": "c')
    with Results(tmp_path) as results:
        assert results.finished("r") == {("a.py", "1")}
        results.add({**LINE, "attempt": "d.py"})
    assert [json.loads(line)["attempt"] for line in (tmp_path / "results.jsonl").read_text().splitlines()] == ["a.py", "b.py", "d.py"]


def test_two_runs_on_one_output_refuse_each_other(tmp_path: Path) -> None:
    with Results(tmp_path), pytest.raises(ProblemError, match="in use by another run"):
        Results(tmp_path)
    with Results(tmp_path):
        pass


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with Results(tmp_path) as results:
        results.add(LINE)
        before = (tmp_path / "results.jsonl").read_bytes()
        monkeypatch.setattr("compare.grading.results.os.fsync", full)
        with pytest.raises(ResultsError, match="No space left on device; what was there is intact"):
            results.add({**LINE, "attempt": "b.py"})
        assert (tmp_path / "results.jsonl").read_bytes() == before


@confined
@pytest.mark.slow
def test_shards_are_the_whole(attempts: Path, tmp_path: Path) -> None:
    for part in (1, 2):
        assert grade(attempts, tmp_path / str(part), "--shard", f"{part}/2", "--no-reports") == 0
    assert grade(attempts, tmp_path / "whole", "--no-reports") == 0
    assert lines(tmp_path / "1") | lines(tmp_path / "2") == lines(tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--shard", "3/2"], "no shard"),
        (["--weights", "forwards=1"], "no weight"),
        (["--weights", "forward=0,loss=0,backward=0,gradients=0,update=0"], "every weight is 0"),
        (["--jobs", "0"], "not a count"),
        (["--hint", "4"], "choice"),
    ],
)
def test_bad_usage_is_2(options: list[str], said: str, attempts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        grade(attempts, tmp_path / "out", *options)
    assert exit.value.code == 2
    assert said in capsys.readouterr().err


@confined
def test_a_missing_folder_or_adapter_is_2(tmp_path: Path, attempts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(tmp_path / "no\x1b[31mne", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "is no folder" in said
    assert "\x1b" not in said
    assert grade(attempts, tmp_path / "out", "--adapter", "none.py") == 2
    assert "none.py" in capsys.readouterr().err


def test_a_confinement_of_no_sandbox_is_refused(attempts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(attempts, tmp_path / "out", "--unsafe-no-sandbox", "--confinement", "landlock") == 2
    assert "--confinement landlock is given with --unsafe-no-sandbox; expected one of them" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_a_confinement_it_is_refused(
    attempts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("compare.sandbox.bubblewrap.shutil.which", lambda name: None)
    monkeypatch.setattr("compare.sandbox.landlock.abi", lambda: 0)
    assert grade(attempts, tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "bubblewrap is not installed" in said
    assert "no landlock" in said


def test_the_score_is_the_share_of_stages_that_hold(attempts: Path) -> None:
    from compare.checking.check import check

    checked: Check = check(attempts / "wrong_hidden_error.py", seed=1, steps=0)
    assert score(checked, {"forward": 1, "loss": 1, "backward": 2, "gradients": 2, "update": 1}) == pytest.approx(6 / 7, abs=1e-4)
    assert score(checked, {"backward": 1}) == 0.5
    right = check(attempts / "right_hidden_error.py", seed=1, steps=0)
    assert score(right, {}) == 1.0
    assert score(replace(right, verdict="different"), {"update": 1, "gradients": 1}) < 1      # wrong in the training alone
    assert Settings(seed=1, steps=0).digest != Settings(seed=2, steps=0).digest


OUTPUT_LAYER_ALONE = NO_BACKWARD.partition("def train_step")[0] + """
def trace(params, x, y):
    a = 1 / (1 + np.exp(-(x @ params["0.weight"].T)))
    o = forward(params, x)
    delta = (o - y) / len(x) * o * (1 - o)
    return {"a1": a, "output": o, "delta2": delta, "dW2": delta.T @ a}

def train_step(params, x, y, lr):
    return {**params, "2.weight": params["2.weight"] - lr * trace(params, x, y)["dW2"]}
"""


def scored(tmp_path: Path, text: str) -> float:
    from compare.checking.check import check

    (tmp_path / "lazy.py").write_text(text)
    return score(check(tmp_path / "lazy.py", seed=1, steps=0), WEIGHTS)


def test_the_weights_are_those_that_the_page_says() -> None:
    said = ", ".join(f"{kind} {weight:g}" for kind, weight in WEIGHTS.items())
    assert f"stage has a weight: {said};" in (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_without_a_backward_pass_a_right_forward_one_has_two_sevenths(tmp_path: Path) -> None:
    """What is not shown of the backward pass holds as far as the new weights do."""
    assert scored(tmp_path, NO_BACKWARD) == pytest.approx(2 / 7, abs=1e-4)


def test_what_is_not_shown_of_one_layer_is_not_that_of_another(tmp_path: Path) -> None:
    """A file that trains the output layer alone, and shows that, has half of the backward pass."""
    assert scored(tmp_path, OUTPUT_LAYER_ALONE) == pytest.approx((2 + (2 + 2 + 1) / 2) / 7, abs=1e-4)


@pytest.mark.slow
def test_new_weights_without_any_gradient_do_not_hold_where_a_gradient_hardly_matters(tmp_path: Path) -> None:
    """AdamW with an ε of 1e30: all is decay, and one weight that is wrong makes it no better."""
    problem = 'PROBLEM = {"sizes": (2, 2, 2, 2), "optimizer": "adamw", "eps": 1e30, "weight_decay": 1.0}\n'
    step = "def train_step(params, x, y, lr):\n    return {name: w * (1 - lr) + (name == '4.weight') for name, w in params.items()}\n"
    assert scored(tmp_path, problem + step) == 0
