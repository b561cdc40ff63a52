"""No attempt takes all the memory or the time: what is too deep, too large or too slow has a line, and no run meets it again."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.diagnosis import graph
from compare.diagnosis.graph import Run, Step
from compare.diagnosis.handed import share_memory
from compare.diagnosis.patience import OutOfPatienceError, check_patience, limited_to
from compare.grading import attempts as files
from compare.grading.attempts import MOST_DEPTH, MOST_FILES
from compare.grading.local import Local
from compare.grading.one import MOST_LAYERS, MOST_UNITS, Settings
from compare.grading.run import Workers, grade
from compare.problem.problem import Problem
from compare.sandbox.limits import Limits
from compare.sandbox.temporary import remove
from tests.compare.grading.killers import RIGHT, here
from tests.compare.sandbox.test_temporary import nested

SETTINGS = Settings(seed=3, steps=0, confined=False, limits=Limits(diagnosis=4.0))
LAZY = "\n\ndef train_step(params, x, y, lr):\n    return {name: w - lr for name, w in params.items()}\n"
DEEP = """
PROBLEM = {"sizes": (2,) * LAYERS, "activations": "identity", "loss": "half_mse"}


def train_step(params, x, y, lr):
    weights, a = list(params.values()), [x]
    for w in weights:
        a.append(a[-1] @ w.T)
    delta, after = (a[-1] - y) / y.size, {}
    for (name, w), layer in zip(reversed(params.items()), range(len(weights) - 1, -1, -1)):
        after[name] = w - lr * delta.T @ a[layer]
        delta = delta @ w * FACTOR
    return {name: after[name] for name in params}
"""
DEEPEST = DEEP.replace("LAYERS", str(MOST_LAYERS + 1))


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, dict[str, Any]]]]:
    """All of them in one run, with two that are right."""
    root = tmp_path_factory.mktemp("bounds")
    folder = root / "attempts"
    folder.mkdir()
    nested(folder / "deep", 1200)
    (folder / "many").mkdir()
    for n in range(MOST_FILES + 1):
        (folder / "many" / f"{n}.py").touch()
    (folder / "unreadable").mkdir()
    with zipfile.ZipFile(folder / "deep.zip", "w") as archive:
        archive.writestr("a/" * 1200 + "x.py", RIGHT)
    for name, method in (("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):
        with zipfile.ZipFile(folder / f"{name}.zip", "w", method) as archive:
            archive.writestr("attempt.py", RIGHT)
    with zipfile.ZipFile(folder / "twice.zip", "w") as archive:
        archive.writestr("attempt.py", RIGHT)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("attempt.py", "raise SystemExit")
    with zipfile.ZipFile(folder / "encrypted.zip", "w") as archive:
        archive.writestr("attempt.py", RIGHT)
    content = bytearray((folder / "encrypted.zip").read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + flags] |= 1
    (folder / "encrypted.zip").write_bytes(content)
    (folder / "wide.py").write_text(f'PROBLEM = {{"sizes": (1, {MOST_UNITS}, 1), "activations": "identity"}}{LAZY}')
    (folder / "thousands.py").write_text(f'PROBLEM = {{"sizes": (1,) * 5000}}{LAZY}')
    (folder / "right.py").write_text(RIGHT)
    (folder / "within").mkdir()
    (folder / "within" / "main.py").write_text(RIGHT)
    yield root, run(root)
    remove(folder / "deep")


def none(parcels: Iterator[tuple[Any, bytes]]) -> Iterator[tuple[Any, bytes]]:
    """Workers that are to get nothing."""
    assert next(parcels, None) is None
    yield from ()


def run(root: Path, workers: Workers = here) -> dict[str, dict[str, Any]]:
    return {line["attempt"]: line for line in grade(root / "attempts", root / "out", SETTINGS, workers)}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("deep", f"it has folders within folders, more than {MOST_DEPTH} deep"),
        ("deep.zip", f"the archive has folders within folders, more than {MOST_DEPTH} deep"),
        ("many", f"it has more than {MOST_FILES} files"),
        ("bzip2.zip", "compressed by another method than deflate"),
        ("lzma.zip", "compressed by another method than deflate"),
        ("twice.zip", "the archive has attempt.py twice"),
        ("encrypted.zip", "the archive is encrypted; expected one without a password"),
        ("wide.py", f"its PROBLEM has {MOST_UNITS + 2} inputs and units; expected at most {MOST_UNITS}"),
        ("thousands.py", f"its PROBLEM has 4999 layers; expected at most {MOST_LAYERS}"),
    ],
)
def test_what_is_too_large_is_told(name: str, said: str, graded: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    line = graded[1][name]
    assert line["verdict"] == "could not run"
    assert said in line["reason"]
    assert line["final"]


@pytest.mark.slow
def test_a_search_that_takes_too_long_leaves_the_mistake_unexplained(tmp_path: Path) -> None:
    (tmp_path / "attempts").mkdir()
    (tmp_path / "attempts" / "slow.py").write_text(DEEP.replace("LAYERS", "21").replace("FACTOR", "1.01"))
    line = run(tmp_path)["slow.py"]
    assert (line["verdict"], line["mistakes"]) == ("different", [])
    assert line["reason"].endswith("; what explains it was looked for 4 s, and not found")
    assert run(tmp_path, none) == {"slow.py": line}


@pytest.mark.slow
def test_the_deepest_that_is_graded_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "attempts").mkdir()
    (tmp_path / "attempts" / "deepest.py").write_text(DEEPEST.replace("FACTOR", "1"))
    line = run(tmp_path)["deepest.py"]
    assert line["verdict"] == "equivalent", line["reason"]


def test_the_others_keep_their_verdicts(graded: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    assert {graded[1][name]["verdict"] for name in ("right.py", "within")} == {"equivalent"}


def test_no_run_meets_them_again(graded: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    root, lines = graded
    assert run(root, none) == lines


def test_names_that_are_no_files_are_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MOST_ENTRIES", 3)
    for n in range(4):
        (tmp_path / str(n)).mkdir()
    with pytest.raises(files.AttemptFilesError, match="more than 3 names"):
        files._files(tmp_path)


def test_names_in_an_archive_are_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for n in range(4):
            archive.writestr(f"{n}/", "")
        archive.writestr("attempt.py", RIGHT)
    carried = files.Carried("a.zip", "1", "archive", {"": (tmp_path / "a.zip").read_bytes()})
    assert carried.unfold(tmp_path / "unfolded")[0].name == "attempt.py"
    monkeypatch.setattr(files, "_MOST_ENTRIES", 4)
    with pytest.raises(files.AttemptFilesError, match="more than 4 names"):
        carried.unfold(tmp_path / "again")


def test_an_answer_of_many_arrays_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which two of them share their memory is found without holding each against each."""
    whole = np.zeros(20_000)
    arrays: list[Any] = [whole[2 * n : 2 * n + 2] for n in range(10_000)]
    looked_at: list[Any] = []
    real = np.shares_memory
    monkeypatch.setattr(np, "shares_memory", lambda one, other: looked_at.append(0) or real(one, other))
    assert not share_memory(arrays)
    assert looked_at == []
    assert not share_memory([whole[::2], whole[1::2]])
    assert share_memory([*arrays, whole[5:6]])
    assert len(looked_at) < 5


def test_the_search_ends_when_it_may_go_on_no_longer() -> None:
    check_patience()
    with limited_to(1000.0) as patience:
        check_patience()
    assert not patience.has_ended
    with limited_to(0.0) as patience, pytest.raises(OutOfPatienceError):
        check_patience()
    assert patience.has_ended
    check_patience()


def test_what_the_search_keeps_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it comes to does not depend on it."""
    problem = Problem.draw((6, 40, 1), activations=("tanh", "identity"), seed=1)
    step = Step(*problem.batches[0], 0.1, problem.initial_parameters)
    found = []
    for most in (1 << 30, 1 << 13):
        monkeypatch.setattr(graph, "MOST_KEPT", most)
        right = Run(problem, [step])
        for factor in range(1, 50):
            formula = {("a", 1): lambda at, factor=factor: at.right("a").scaled(factor)}
            found.append(right.with_formulas(formula).worked_out("weight_after", 0, 1).value)
        assert (len(right._memory.values) > 100) == (most > 1 << 13)
    assert np.array_equal(found[:49], found[49:])


@pytest.mark.slow
def test_a_worker_that_hangs_or_takes_too_much_memory_is_a_line(tmp_path: Path) -> None:
    """Unconfined, where nothing else ends them; those beside them are graded."""
    (tmp_path / "attempts").mkdir()
    (tmp_path / "attempts" / "hangs.py").write_text(f"while True: pass{LAZY}")
    held = "held = [np.empty(1 << 28, np.uint8) for _ in range(20)]"      # takes no time, as none of it is written
    (tmp_path / "attempts" / "memory.py").write_text(f"import numpy as np\n{held}{LAZY}")
    for name in ("a", "z"):
        (tmp_path / "attempts" / f"{name}.py").write_text(f"{RIGHT}\n# {name}\n")
    lines = run(tmp_path, Local(1, longest=12.0))
    assert lines["hangs.py"]["reason"] == "checking it took longer than 12 s"
    assert "MemoryError" in lines["memory.py"]["reason"]
    assert {lines[f"{name}.py"]["verdict"] for name in ("a", "z")} == {"equivalent"}
