"""An attempt whose process does not start is tried again, and never kept as finished: nothing of it was run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compare.grading.one import Settings
from compare.grading.run import Died, Workers, grade
from compare.grading.worker import work
from compare.userfile.pipe.peer import Peer, PeerError
from tests.compare.grading.killers import RIGHT, here
from tests.compare.grading.test_hostile import MISSING

SETTINGS = Settings(seed=3, steps=0)
WAITING = "import time\ntime.sleep(100)\n"


def failing(times: int) -> Callable[[Peer, float], None]:
    """As many greetings as that are not answered."""
    greet, failed = Peer.greet, iter(range(times))

    def greeted(self: Peer, timeout: float) -> None:
        if next(failed, None) is not None:
            raise PeerError("silent", "it did not answer within 60 s")
        greet(self, timeout)

    return greeted


def graded(folder: Path, out: Path, workers: Workers = here) -> dict[str, Any]:
    return {line["attempt"]: line for line in grade(folder, out, SETTINGS, workers)}


def counting(asked: list[str]) -> Workers:
    """Workers that note the name of each attempt that they are asked for."""

    def workers(parcels: Iterator[tuple[Any, bytes]]) -> Iterator[tuple[Any, bytes]]:
        for key, parcel in parcels:
            attempt: Any = key[0] if isinstance(key, tuple) else key      # alone where it is tried again
            asked.append(attempt.name)
            yield key, work(parcel)

    return workers


@pytest.fixture
def attempts(tmp_path: Path) -> Path:
    folder = tmp_path / "attempts"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.py").write_text(f"{RIGHT}\n# {name}\n")
    return folder


@MISSING["bubblewrap"]
def test_it_is_tried_again_in_the_same_run(attempts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Peer, "greet", failing(2))
    lines = graded(attempts, tmp_path / "out")
    assert {line["verdict"] for line in lines.values()} == {"equivalent"}


@MISSING["bubblewrap"]
def test_one_that_never_starts_is_tried_three_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "attempts").mkdir()
    (tmp_path / "attempts" / "a.py").write_text(RIGHT)
    monkeypatch.setattr(Peer, "greet", failing(1000))
    monkeypatch.setattr(Peer, "ask", failing(1000))
    asked: list[str] = []
    assert graded(tmp_path / "attempts", tmp_path / "out", counting(asked))["a.py"]["verdict"] == "could not run"
    assert asked == ["a.py"] * 3


@MISSING["bubblewrap"]
def test_a_worker_that_died_is_no_failed_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose worker died once is still tried three times where its process does not start."""
    (tmp_path / "attempts").mkdir()
    (tmp_path / "attempts" / "a.py").write_text(RIGHT)
    monkeypatch.setattr(Peer, "greet", failing(1000))
    monkeypatch.setattr(Peer, "ask", failing(1000))
    asked = []

    def dying_first(parcels: Iterator[tuple[Any, bytes]]) -> Iterator[tuple[Any, bytes | Died]]:
        for key, parcel in parcels:
            asked.append(key)
            yield key, Died(1) if len(asked) == 1 else work(parcel)

    assert graded(tmp_path / "attempts", tmp_path / "out", dying_first)["a.py"]["verdict"] == "could not run"
    assert len(asked) == 1 + 3


@pytest.mark.slow
@MISSING["bubblewrap"]
def test_it_is_told_and_the_next_run_tries_it_again(attempts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside it one that takes too long itself, which is final."""
    (attempts / "b.py").write_text(WAITING)
    with monkeypatch.context() as patched:
        patched.setattr(Peer, "greet", failing(1000))
        patched.setattr(Peer, "ask", failing(1000))
        lines = graded(attempts, tmp_path / "out")
    assert [line["final"] for line in lines.values()] == [False, False]
    assert lines["a.py"]["reason"] == "its process did not start: it did not answer within 60 s; nothing of the attempt was run"
    asked: list[str] = []
    monkeypatch.setattr("compare.grading.one.Peer", lambda words, answer, *rest, **options: Peer(words, 1.0, *rest, **options))
    for again in (["a.py", "b.py"], []):
        asked.clear()
        lines = graded(attempts, tmp_path / "out", counting(asked))
        assert asked == again
        assert {name: line["verdict"] for name, line in lines.items()} == {"a.py": "equivalent", "b.py": "could not run"}
