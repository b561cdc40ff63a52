"""Every protection is seen to be missing where it is taken away, and holds on every version of landlock; one error where none works."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compare.sandbox import landlock
from compare.sandbox.confined import Confined, SandboxError
from compare.sandbox.confinement import CONFINEMENTS
from compare.sandbox.protections import check_protections, protections
from compare.sandbox.scratch import bounded, used
from compare.sandbox.staged import by_landlock

ROOT = Path(__file__).parents[3]
has_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed here")
has_landlock = pytest.mark.skipif(not landlock.abi(), reason="this kernel has no landlock")

Edits = dict[str, tuple[str, str]]
WITHOUT_SOCKETS: Edits = {"syscalls.py": ('"socket": (41, 198), "socketpair": (53, 199),', "")}
WITHOUT_TCP: Edits = {"landlock.py": ("_NETWORK = ((4, 0b11),)", "_NETWORK = ()")}
WITHOUT_LANDLOCK: Edits = {"landlock.py": ("_call(_RESTRICT, rules, 0)", "pass")}
WITH_CAPABILITIES: Edits = {"start.py": ("landlock.drop_capabilities()", "pass")}
WITHOUT_SIGNALS: Edits = {"landlock.py": ("_SCOPES = ((6, 0b11),)", "_SCOPES = ()")}


def _unfiltered(*names: str) -> Edits:
    """The filter without what it says of these system calls."""
    listed = ", ".join(f'"{name}"' for name in names)
    return {"seccomp.py": ("in REFUSED.values()", f"in [REFUSED[name] for name in REFUSED if name not in ({listed},)]")}


def _file_commands(*allowed: int) -> Edits:
    """The filter with these commands of fcntl too."""
    return {"seccomp.py": ("3, 4, 1030, 1032)", f"3, 4, 1030, 1032, *{allowed})")}


def _unjudged(name: str, values: str, passes: bool = True) -> Edits:
    """The filter without its rule for this system call, whose values these are."""
    return {"seccomp.py": (f'"{name}", 0, {values}, passes={passes}', f'"{name}", 0, (), passes=False')}


FAULTS: dict[str, tuple[Edits, set[str]]] = {
    "sockets": (WITHOUT_SOCKETS, {"no socket"}),
    "sockets and TCP": (WITHOUT_SOCKETS | WITHOUT_TCP, {"no socket", "no network"}),
    "files": (WITHOUT_LANDLOCK, {"no file from outside is read", "nothing is written outside", "the reference is not there"}),
    "the list of processes": (WITHOUT_LANDLOCK, {"no other process is seen"}),
    "modes": (_unfiltered("chmod", "fchmodat"), {"nothing outside is changed"}),
    "times": (_unfiltered("utimensat"), {"nothing outside is changed"}),
    "processes": (_unjudged("clone", "(_CLONE_THREAD,) if threads else ()"), {"no new process"}),
    "programs": (_unfiltered("execve"), {"no program is started"}),
    "signals": (WITHOUT_SIGNALS | _unjudged("kill", "(pid,)"), {"no process outside is reached"}),
    "limits of others": (_unjudged("prlimit64", "(0, pid)"), {"no process outside is reached"}),
    "memory of others": (WITHOUT_LANDLOCK | WITH_CAPABILITIES | _unfiltered("process_vm_readv"), {"no process outside is looked into"}),
    "leases": (_file_commands(1024), {"no file is leased or locked"}),
    "locks of a process": (_file_commands(6), {"no file is leased or locked"}),
    "locks of a file": (_file_commands(37), {"no file is leased or locked"}),
    "locks of a whole file": (_unfiltered("flock"), {"no file is leased or locked"}),
    "watched folders": (_file_commands(1026), {"no file is leased or locked"}),
    "signals of a file": (_file_commands(10), {"no file is leased or locked"}),
    "space taken ahead": (_unfiltered("fallocate"), {"no space is taken ahead"}),
    "larger pipes": (_file_commands(1031), {"no space is taken ahead"}),
    "memory files": (_unfiltered("memfd_create"), {"no memory beside its own"}),
    "shared memory": (_unfiltered("shmget"), {"no memory beside its own"}),
    "the parent's end": ({"start.py": ('landlock.die_with(alone["parent"])', "pass")}, {"it cannot outlive who started it"}),
    "its own end": (_unjudged("prctl", "(_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE)", passes=False), {"it cannot outlive who started it"}),
    "namespaces": (_unfiltered("unshare"), {"no new namespace"}),
    "the kernel": (_unfiltered("keyctl"), {"no way into the kernel"}),
    "later calls": ({"syscalls.py": ("LATEST = 424", "LATEST = 4240")}, {"no way into the kernel"}),
}


@contextmanager
def _planted(edits: Edits, *args: Any, **others: Any) -> Iterator[Confined]:
    """Confined by landlock, with a fault in what confines it."""
    with by_landlock(*args) as confined:
        sandbox = Path(json.loads(confined.words[-1])["packages"]) / "compare" / "sandbox"
        for name, (old, new) in edits.items():
            place = Path(confined.words[-2]) if name == "start.py" else sandbox / name
            text = place.read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{old} is in {name} {text.count(old)} times"
            place.write_text(text.replace(old, new), encoding="utf-8")
        yield replace(confined, **others)


def _missing(monkeypatch: pytest.MonkeyPatch, edits: Edits, **others: Any) -> set[str]:
    monkeypatch.setitem(CONFINEMENTS, "landlock", lambda *args: _planted(edits, *args, **others))
    return {name for name, holds in protections("landlock").items() if not holds}


@has_landlock
@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_protection_that_landlock_lacks_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    edits, expected = FAULTS[name]
    assert expected <= _missing(monkeypatch, edits)


@has_landlock
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to give up")
def test_root_that_keeps_its_capabilities_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no privileges" in _missing(monkeypatch, WITH_CAPABILITIES)


@pytest.mark.slow
@has_landlock
def test_a_folder_that_nobody_watches_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "its folder is bounded" in _missing(monkeypatch, {}, watched=lambda pid: nullcontext())


@has_landlock
@pytest.mark.parametrize("version", range(1, min(6, landlock.abi()) + 1))
def test_all_protections_hold_on_every_version_of_landlock(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter on system calls refuses what an older one lets through."""
    assert not _missing(monkeypatch, {"landlock.py": ("    version = abi()\n", f"    version = min(abi(), {version})\n")})


@has_bubblewrap
@pytest.mark.parametrize(
    ("word", "missing"),
    [("--unshare-pid", "no other process is seen"), ("--remount-ro", "nothing is written outside")],
)
def test_a_protection_that_bubblewrap_lacks_is_seen(word: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = CONFINEMENTS["bubblewrap"]

    @contextmanager
    def without(*args: Any) -> Iterator[Confined]:
        with real(*args) as confined:
            words = list(confined.words)
            while word in words:
                place = words.index(word)
                del words[place : place + (1 if word.startswith("--unshare") else 2)]
            yield replace(confined, words=tuple(words))

    monkeypatch.setitem(CONFINEMENTS, "bubblewrap", without)
    assert missing in {name for name, holds in protections().items() if not holds}


@has_bubblewrap
@has_landlock
def test_bubblewrap_comes_first_then_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = check_protections()
    assert str(chosen).startswith("bubblewrap: ")
    assert len(chosen.held) > 10
    monkeypatch.setattr("compare.sandbox.bubblewrap.shutil.which", lambda name: "/bin/false")
    assert str(check_protections()).startswith("landlock and seccomp: ")
    assert check_protections(confinement="landlock").held == chosen.held


def test_where_neither_works_one_error_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compare.sandbox.bubblewrap.shutil.which", lambda name: "/bin/false")
    monkeypatch.setattr("compare.sandbox.landlock.abi", lambda: 0)
    with pytest.raises(SandboxError) as raised:
        check_protections()
    for said in ("bubblewrap cannot confine code here", "no landlock", "--unsafe-no-sandbox"):
        assert said in str(raised.value)


@has_landlock
def test_it_dies_with_who_started_it(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(1000)\n")
    script = f"""
import os, subprocess, sys
from pathlib import Path
from compare.sandbox.limits import Limits
from compare.sandbox.staged import by_landlock
with by_landlock(Path({str(tmp_path / "sleeper.py")!r}), None, Limits()) as confined:
    process = subprocess.Popen([*confined.words, "--script", *confined.files], stdout=subprocess.PIPE, **confined.options)
    process.stdout.readline()
    print(process.pid, flush=True)
    os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    place = Path("/proc") / done.stdout.strip() / "status"
    for _ in range(200):
        try:
            if "\nState:\tZ" in place.read_text():
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.05)
    raise AssertionError(f"it lives on: {place}, {done.stderr}")


def test_what_is_removed_and_held_open_counts(tmp_path: Path) -> None:
    with open(tmp_path / "kept", "wb") as kept, open(tmp_path / "removed", "wb") as removed:
        for file in (kept, removed):
            file.write(bytes(1 << 20))
            file.flush()
        (tmp_path / "removed").unlink()
        assert used(tmp_path, os.getpid()) >= 2 << 20


@pytest.mark.slow
@pytest.mark.parametrize(("times", "ends"), [(3, False), (1000, True)])
def test_a_process_that_may_not_be_looked_at_is_ended_unless_it_ends_by_itself(
    times: int, ends: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = iter(range(times))

    def unseen(folder: Path, pid: int) -> float:
        if next(refused, None) is not None:
            raise PermissionError
        return 0.0

    monkeypatch.setattr("compare.sandbox.scratch.used", unseen)
    with subprocess.Popen(["sleep", "60"]) as process, bounded(tmp_path, 1 << 20, process.pid):
        try:
            process.wait(10 if ends else 1)
        except subprocess.TimeoutExpired:
            process.kill()
        else:
            assert ends
    assert process.returncode == -9


def test_too_many_files_are_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compare.sandbox.scratch.MOST_FILES", 3)
    for n in range(4):
        (tmp_path / str(n)).touch()
    assert used(tmp_path, os.getpid()) == float("inf")
