"""What travels to a worker and back: nothing is lost on the way, and an answer that is none is refused."""

import json
import shutil
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compare.grading import run
from compare.grading.attempts import MOST_BYTES, Carried, Submitted
from compare.grading.line import REPORTS, report_place
from compare.grading.one import Graded, Settings, ungraded
from compare.grading.parcel import MOST_ANSWER, Packer, ParcelError, answered, checked_answer, fault, opened
from compare.grading.results import Results
from compare.report.grades import grades_page
from compare.sandbox.limits import Limits
from compare.userfile.shapes import FOLDER

ROOT = Path(__file__).parents[3]
ATTEMPT = Submitted("a.py", Path("a.py"), "1f")
SETTINGS = Settings(seed=5, steps=2, reports=True)


def answer(**changed: Any) -> bytes:
    line = {**ungraded(ATTEMPT, SETTINGS, "why"), "report": report_place("a.py"), **changed}
    return answered(Graded(line, "<p>δ</p>"))


def test_an_attempt_and_its_settings_arrive_as_they_were(tmp_path: Path) -> None:
    settings = replace(
        SETTINGS, adapter=FOLDER / "lesson.py", hint=2, problem={"sizes": [6, 2, 1]}, limits=Limits(cpu=7), weights=(("loss", 2.0),)
    )
    files = {"b/\udcff.py": bytes(range(256)), "a.py": b"", "c.txt": b"\n{}"}
    attempt = Carried("δ", "1f", "folder", files)
    got, told = opened(Packer(settings).parcel(attempt), tmp_path)
    assert got == attempt
    assert told.digest == settings.digest
    assert told.adapter == FOLDER / "lesson.py"      # which the worker has, too
    assert not list(tmp_path.iterdir())
    assert replace(told, seed=6).digest != settings.digest


def test_an_adapter_arrives_with_the_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "sent").mkdir()
    for name in ("adapter.py", "beside.py"):
        (tmp_path / "sent" / name).write_text(f"# {name}")
    (tmp_path / "got").mkdir()
    settings = replace(SETTINGS, adapter=tmp_path / "sent" / "adapter.py")
    _, told = opened(Packer(settings).parcel(Carried("δ", "1f", "file", {"": b"x = 1\n"})), tmp_path / "got")
    assert told.adapter == tmp_path / "got" / "adapter.py"
    got = {each.name: each.read_text() for each in (tmp_path / "got").iterdir()}
    assert got == {name: f"# {name}" for name in ("adapter.py", "beside.py")}


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.py", "a/../../x.py"])
def test_a_file_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ParcelError, match="leads out"):
        opened(Packer(SETTINGS).parcel(Carried("a", "1", "folder", {name: b""})), tmp_path)


@pytest.mark.parametrize(("cut", "match"), [(lambda data: data[:-1], "not what"), (lambda data: data.replace(b"0.", b"9.", 1), "expected")])
def test_a_parcel_that_is_cut_or_another_versions_is_refused(cut: Callable[[bytes], bytes], match: str, tmp_path: Path) -> None:
    parcel = Packer(SETTINGS).parcel(Carried("a", "1", "file", {"": b"x = 1\n"}))
    with pytest.raises(ParcelError, match=match):
        opened(cut(parcel), tmp_path)


def test_an_answer_is_taken() -> None:
    graded = checked_answer(answer(), ATTEMPT, SETTINGS, SETTINGS.digest)
    assert graded.line["reason"] == "why"
    assert graded.page == "<p>δ</p>"


@pytest.mark.parametrize(
    "changed",
    [
        {"score": float("nan")},
        {"score": 2.0},
        {"score": "1"},
        {"verdict": "perfect"},
        {"verdict": []},
        {"attempt": "b.py"},
        {"digest": "2"},
        {"run": "another"},
        {"report": "../../index.html"},
        {"report": None},
        {"mistakes": "none"},
        {"lines": [True]},
        {"seed": -1},
        {"more": 1},
    ],
)
def test_an_answer_that_says_what_none_can_say_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ParcelError, match=r"about a\.py cannot be used"):
        checked_answer(answer(**changed), ATTEMPT, SETTINGS, SETTINGS.digest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]\n",
        b"\xff\n",
        b"[" * 10**5,
        answer().replace("δ".encode(), b"\xce"),
        b" " * (MOST_ANSWER + 1),
        None,
        "text",
        {"score": 1},
    ],
)
def test_bytes_that_are_no_answer_are_refused(data: Any) -> None:
    with pytest.raises(ParcelError, match=r"about a\.py cannot be used"):
        checked_answer(data, ATTEMPT, SETTINGS, SETTINGS.digest)


def test_a_worker_that_cannot_work_ends_the_run_and_costs_no_attempt(tmp_path: Path) -> None:
    attempts = tmp_path / "attempts"
    attempts.mkdir()
    shutil.copy(ROOT / "examples" / "right_hidden_error.py", attempts)

    def unable(parcels: Iterator[tuple[run.Key, bytes]]) -> Iterator[tuple[run.Key, bytes | run.Died]]:
        for key, _ in parcels:
            yield key, fault("SandboxError: bubblewrap is not installed")

    with pytest.raises(ParcelError, match="a worker cannot work: SandboxError: bubblewrap is not installed"):
        run.grade(attempts, tmp_path / "out", SETTINGS, unable)
    assert not (tmp_path / "out" / "results.jsonl").exists()


def test_a_page_is_written_where_its_line_says(tmp_path: Path) -> None:
    attempts = tmp_path / "attempts"
    attempts.mkdir()
    (attempts / "a.py").write_text("x = 1\n")

    def known(parcels: Iterator[tuple[run.Key, bytes]]) -> Iterator[tuple[run.Key, bytes | run.Died]]:
        for key, parcel in parcels:
            attempt, settings = opened(parcel, tmp_path)
            yield key, answered(Graded({**ungraded(attempt, settings, "why"), "report": report_place("a.py")}, "<p>page</p>"))

    run.grade(attempts, tmp_path / "out", SETTINGS, known)
    assert [each.read_text() for each in (tmp_path / "out" / REPORTS).iterdir()] == ["<p>page</p>"]
    assert json.loads((tmp_path / "out" / "results.jsonl").read_text())["report"] == report_place("a.py")


def test_what_is_held_of_a_finished_attempt_is_little(tmp_path: Path) -> None:
    """The lines stay on the disk: ten thousand attempts are graded in the memory of a few."""
    attempts, number, reason = tmp_path / "attempts", 300, "why " * 1000
    attempts.mkdir()
    for n in range(number):
        (attempts / f"{n:03}.py").write_text(f"x = {n}\n")

    def known(parcels: Iterator[tuple[run.Key, bytes]]) -> Iterator[tuple[run.Key, bytes | run.Died]]:
        for key, _ in parcels:
            yield key, answered(Graded(ungraded(key[0], SETTINGS, reason)))      # type: ignore[index]

    def graded() -> Sequence[dict[str, Any]]:
        return run.grade(attempts, tmp_path / "out", SETTINGS, known, page=grades_page)

    graded()
    (tmp_path / "out" / "results.jsonl").unlink()
    tracemalloc.start()
    lines = graded()
    graded()      # with all of them finished
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < number * len(reason) / 2
    assert [line["attempt"] for line in lines] == [f"{n:03}.py" for n in range(number)]
    assert [line["attempt"] for line in lines[-2:]] == ["298.py", "299.py"]


def test_what_cannot_be_used_is_told_on_the_way_and_what_is_gone_or_of_another_run_is_left_out(tmp_path: Path) -> None:
    attempts, out = tmp_path / "attempts", tmp_path / "out"
    attempts.mkdir()
    (attempts / "a.py").write_bytes(bytes(MOST_BYTES + 1))
    for name in ("b.py", "c.py", "d.py"):
        (attempts / name).write_text(f"{name!r}\n")
    so_far: list[list[str]] = []

    def known(parcels: Iterator[tuple[run.Key, bytes]]) -> Iterator[tuple[run.Key, bytes | run.Died]]:
        for key, _ in parcels:
            so_far.append(names())
            yield key, answered(Graded(ungraded(key[0], settings, "why")))      # type: ignore[index]

    def names() -> list[str]:
        path = out / "results.jsonl"
        return [json.loads(line)["attempt"] for line in path.read_text().splitlines()] if path.exists() else []

    settings = SETTINGS
    assert [line["attempt"] for line in run.grade(attempts, out, settings, known)] == ["a.py", "b.py", "c.py", "d.py"]
    assert so_far == [[], ["b.py", "a.py"], ["b.py", "a.py", "c.py"]]
    (attempts / "c.py").unlink()
    assert [line["attempt"] for line in run.grade(attempts, out, settings, known)] == names() == ["a.py", "b.py", "d.py"]
    digest = json.loads((out / "results.jsonl").read_text().splitlines()[1])["digest"]
    with Results(out) as results:      # of a run with other options, which was interrupted
        results.add({**ungraded(Submitted("b.py", attempts / "b.py", digest), SETTINGS, "why"), "run": "other"})
    assert {line["run"] for line in run.grade(attempts, out, settings, known)} == {settings.digest}
    settings = replace(SETTINGS, steps=3)
    assert len(run.grade(attempts, out, settings, known)) == len(names()) == 3
