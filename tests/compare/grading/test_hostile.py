"""Every attempt that means harm fails to pass and harms nothing; all of them are graded in one run, confined."""

import os
import shutil
import socket
import stat
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from compare.grading.attempts import Submitted, shown, submitted
from compare.grading.local import Local
from compare.grading.one import Settings
from compare.grading.run import grade
from compare.sandbox import landlock
from compare.sandbox.limits import Limits
from tests.hostile import FOLDERS, HOSTILE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
QUICK = Limits(answer=3.0, cpu=20)
NAMES = ("\x1b[2J.py", "<img src=x onerror=alert(1)>.py", "=1+1.py", "n" * 252 + ".py", "δ.py")
ARCHIVES = {"slip": "../../escaped.py", "absolute": "/tmp/escaped-by-an-archive.py", "drive": "C:\\escaped.py"}
UNPROVED = ("answers_unchanged", "answers_zero_gradients", "answers_subclass")
WRONG_ANSWERS = ("answers_nan", "answers_hard_coded", "atexit", "fake_compare", "fake_numpy", "forged_stdout", "sitecustomize", "thread")
WRONG_ANSWERS += ("write_outside",)
# Those that a confinement is to stop; what becomes of the others is the same in both.
# fmt: off
BY_LANDLOCK = (
    "abstract_socket", "burst", "change_outside", "daemon", "folder_fill", "folder_of_many", "hidden_fill", "kill_all",
    "kill_parent", "lease", "lingering_at_import", "lock", "lock_of_a_process", "network", "outliving", "parents_limits",
    "parents_memory", "parents_signals", "proc", "read_outside", "replaced", "symlink", "thread", "truncate_by_opening",
    "watched_folder", "write_outside",
)
# fmt: on
ATTEMPTS = {"bubblewrap": HOSTILE, "landlock": {name: HOSTILE[name] for name in BY_LANDLOCK}}
MISSING = {
    "bubblewrap": pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed here"),
    "landlock": pytest.mark.skipif(not landlock.abi(), reason="this kernel has no landlock"),
}
in_both = pytest.mark.parametrize(
    "graded", [pytest.param(f"by_{name}", marks=missing) for name, missing in MISSING.items()], indirect=True
)


@dataclass
class Graded:
    """The lines by attempt, and what was seen from outside meanwhile."""

    confinement: str
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    connections: list[str] = field(default_factory=list)
    canary: Path = Path()
    before: set[str] = field(default_factory=set)


def _processes() -> set[str]:
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return {line for line in listed.splitlines() if ("start.py" in line or "bwrap" in line) and "<defunct>" not in line}


def _listen(server: socket.socket, name: str, seen: list[str]) -> None:
    def accept() -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return
            seen.append(name)

    threading.Thread(target=accept, daemon=True).start()


@pytest.fixture(scope="module")
def by_bubblewrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    yield from _graded("bubblewrap", tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def by_landlock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    yield from _graded("landlock", tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def graded(request: pytest.FixtureRequest) -> Graded:
    found: Graded = request.getfixturevalue(request.param)
    return found


def _graded(confinement: str, root: Path) -> Iterator[Graded]:
    seen = Graded(confinement, canary=root / "canary", before=_processes())
    seen.canary.mkdir()
    (seen.canary / "secret").write_text("secret")
    servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    place = f"/tmp/lockstep-test-{os.getpid()}-{confinement}"
    servers[1].bind(place)
    servers[2].bind(f"\0{seen.canary}")
    for server, name in zip(servers, ("network", "unix", "abstract"), strict=True):
        server.listen()
        _listen(server, name, seen.connections)
    attempts = root / "attempts"
    attempts.mkdir()
    replaced = {"{canary}": str(seen.canary), "{port}": str(servers[0].getsockname()[1]), "{pid}": str(os.getpid()), "{socket}": place}
    for name, text in ATTEMPTS[seen.confinement].items():
        for old, new in replaced.items():
            text = text.replace(old, new)
        (attempts / f"{name}.py").write_text(text)
    for name, files in FOLDERS.items():
        (attempts / name).mkdir()
        for file, text in files.items():
            (attempts / name / file).write_text(text)
    wrong, right = ((ROOT / "examples" / f"{kind}_hidden_error.py").read_bytes() for kind in ("wrong", "right"))
    (attempts / "right.py").write_bytes(right)
    with zipfile.ZipFile(attempts / "good.zip", "w") as archive:
        archive.writestr("inner/attempt.py", right)
    if seen.confinement == "bubblewrap":
        _add_files_that_lead_astray(attempts, seen.canary, wrong, right)
    lines = grade(attempts, root / "out", Settings(seed=1, steps=3, limits=QUICK, confinement=seen.confinement), Local(2))
    seen.lines = {line["attempt"]: line for line in lines}
    yield seen
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)      # else whoever waits in accept keeps its address
        server.close()
    os.unlink(place)


def _add_files_that_lead_astray(attempts: Path, canary: Path, wrong: bytes, right: bytes) -> None:
    """Names, links, pipes and archives, which are dealt with before anything is confined."""
    for name in NAMES:
        (attempts / name).write_bytes(wrong)
    with open(os.fsencode(attempts) + b"/\xff\xfe.py", "wb") as file:
        file.write(wrong)
    (attempts / "link.py").symlink_to(canary / "secret")
    os.mkfifo(attempts / "pipe.py")
    for name, member in ARCHIVES.items():
        with zipfile.ZipFile(attempts / f"{name}.zip", "w") as archive:
            archive.writestr(member, right)
            archive.writestr("attempt.py", right)
    with zipfile.ZipFile(attempts / "linked.zip", "w") as archive:
        member = zipfile.ZipInfo("attempt.py")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, str(canary / "secret"))
    with zipfile.ZipFile(attempts / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("attempt.py", bytes(1 << 24))


@pytest.mark.parametrize(
    ("graded", "name"),
    [
        pytest.param(f"by_{confinement}", name, marks=MISSING[confinement])
        for confinement, attempts in ATTEMPTS.items()
        for name in (*(f"{name}.py" for name in attempts), *FOLDERS)
    ],
    indirect=["graded"],
)
def test_it_does_not_pass(graded: Graded, name: str) -> None:
    stem = name.removesuffix(".py")
    if graded.confinement == "landlock" and stem == "thread":
        stem = "a thread that is not started"
    expected = "not a proof" if stem in UNPROVED else "different" if stem in WRONG_ANSWERS else "could not run"
    assert graded.lines[name]["verdict"] == expected, graded.lines[name]["reason"]
    assert graded.lines[name]["score"] < 1


@in_both
@pytest.mark.parametrize("name", ["burst", "lease", "lock", "lock_of_a_process", "watched_folder"])
def test_what_would_make_others_wait_is_not_permitted(graded: Graded, name: str) -> None:
    assert "PermissionError" in graded.lines[f"{name}.py"]["reason"]


@in_both
def test_a_right_one_among_them_passes(graded: Graded) -> None:
    assert graded.lines["right.py"]["verdict"] == "equivalent", graded.lines["right.py"]["reason"]
    assert graded.lines["good.zip"]["verdict"] == "equivalent", graded.lines["good.zip"]["reason"]


@in_both
def test_nothing_outside_was_changed_and_nobody_was_reached(graded: Graded) -> None:
    assert os.listdir(graded.canary) == ["secret"]
    assert (graded.canary / "secret").read_text() == "secret"
    assert graded.connections == []
    assert not Path("/tmp/escaped-by-an-archive.py").exists()
    assert not list(graded.canary.parent.rglob("escaped*"))


@in_both
def test_nothing_is_left_running(graded: Graded) -> None:
    assert _processes() <= graded.before


@MISSING["bubblewrap"]
@pytest.mark.parametrize("name", ["slip", "absolute", "drive", "linked", "bomb"])
def test_an_archive_that_leads_out_is_refused(name: str, by_bubblewrap: Graded) -> None:
    line = by_bubblewrap.lines[f"{name}.zip"]
    assert line["verdict"] == "could not run"
    assert "leads out of it" in line["reason"] or "holds more than" in line["reason"]


@MISSING["bubblewrap"]
def test_links_and_pipes_are_no_attempts(by_bubblewrap: Graded) -> None:
    assert "link.py" not in by_bubblewrap.lines
    assert by_bubblewrap.lines["pipe.py"]["verdict"] == "could not run"
    assert "no plain file" in by_bubblewrap.lines["pipe.py"]["reason"]


@MISSING["bubblewrap"]
def test_names_are_shown_without_what_steers_a_terminal(by_bubblewrap: Graded) -> None:
    for name in (*NAMES, os.fsdecode(b"\xff\xfe.py")):
        assert by_bubblewrap.lines[shown(name)]["mistakes"] == ["slope-missing"]
    assert all(name.isprintable() for name in by_bubblewrap.lines)


def test_answers_for_known_probes_are_of_no_use(tmp_path: Path) -> None:
    """Each attempt's probes are drawn from its own content, beside the run's seed."""
    from compare.grading.one import _seed

    first, other = (Submitted(name, tmp_path, digest) for name, digest in (("a.py", "1"), ("b.py", "2")))
    settings = Settings(seed=0, steps=0)
    assert len({_seed(first, settings), _seed(other, settings), 0}) == 3


def test_a_folder_without_attempts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(ValueError, match="has no attempts"):
        submitted(tmp_path)
