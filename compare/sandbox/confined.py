"""How an attempt's process is confined: by bubblewrap, with limits on what it may use.

Inside there is Python with NumPy and pandas, which read data and differentiate nothing, the part of this package that runs a file, and the
file; no network, nothing else of the disk, no other process, and a small /tmp that is gone afterwards.
"""

import os
import re
import resource
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from compare.errors import CompareError

MEMORY, DISK = 2 << 30, 64 << 20      # bytes
_CARRIED = (      # of this package, all that runs a file and none of what knows what is right
    "__init__.py",
    "errors.py",
    "implementation.py",
    "options.py",
    "pieces.py",
    "problem.py",
    "adapters/__init__.py",
    "adapters/assignments.py",
    "adapters/attempt.py",
    "adapters/imports.py",
    "adapters/readings.py",
    "pipe/__init__.py",
    "pipe/frames.py",
    "sandbox/__init__.py",
    "sandbox/runner.py",
    "sandbox/seccomp.py",
    "sandbox/values.py",
)
_INSIDE, _PACKAGES, _ATTEMPT, _ADAPTER = "/lockstep", "/lockstep/site-packages", "/attempt", "/adapter"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/ld.so.cache", "/etc/alternatives")


class SandboxError(CompareError):
    """Code that nobody should trust cannot be confined here; the message says what is missing."""


@dataclass(frozen=True)
class Limits:
    """What an attempt's process may use: bytes of memory and of any file, seconds of CPU and of each answer, processes and open files."""

    memory: int = MEMORY
    disk: int = DISK
    cpu: int = 60
    answer: float = 20.0
    processes: int = 16
    files: int = 64
    output: int = 64 << 20

    def apply(self) -> None:
        """Hold this process, and what it becomes, to them."""
        for what, most in (
            (resource.RLIMIT_AS, self.memory),
            (resource.RLIMIT_CPU, self.cpu),
            (resource.RLIMIT_FSIZE, self.disk),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, self.files),
        ):
            resource.setrlimit(what, (most, most))


def command(path: Path, adapter: Path | None, limits: Limits, folder: Path | None = None) -> list[str]:
    """The command that runs that file, confined, with no more of its own than itself, or the folder in which it lies.

    An adapter has the other Python files beside it. Raises SandboxError where nothing can confine it.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxError("bubblewrap is not installed; expected it, to confine code (apt-get install bubblewrap), or --unsafe-no-sandbox")
    words = [bwrap, "--unshare-user", "--disable-userns", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--uid", "65534", "--gid", "65534", "--hostname", "attempt"]
    words += ["--cap-drop", "ALL", "--clearenv"]
    for name, value in _environment().items():
        words += ["--setenv", name, value]
    words += [*_system(), *_own()]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for place in ("/dev/shm", "/tmp"):
        words += ["--size", str(limits.disk), "--tmpfs", place]
    inside = [f"{_ATTEMPT}/{plain_name(path)}"]
    words += ["--ro-bind", str(path), inside[0]] if folder is None else ["--ro-bind", str(folder), _ATTEMPT]
    if folder is not None:
        inside = [f"{_ATTEMPT}/{path.relative_to(folder)}"]
    if adapter is not None:
        for beside in sorted(adapter.parent.glob("*.py")):
            words += ["--ro-bind", str(beside), f"{_ADAPTER}/{beside.name}"]
        inside.append(f"{_ADAPTER}/{adapter.name}")
    words += ["--remount-ro", "/", "--chdir", "/tmp", "--", sys.executable if not _is_virtual() else _base_python()]
    return [*words, "-I", "-S", "-B", "-X", "utf8", f"{_INSIDE}/start.py", str(limits.processes), *inside]


def plain_name(path: Path) -> str:
    """The file's name in letters that every terminal and page can show, and not too long."""
    return (re.sub(r"[^A-Za-z0-9_]+", "_", path.stem)[:60].strip("_") or "attempt") + ".py"


def start_options(limits: Limits) -> dict[str, object]:
    """What a process is started with beside its command."""
    return {"preexec_fn": limits.apply, "close_fds": True, "env": {"PATH": "/usr/bin:/bin"}}


def _environment() -> dict[str, str]:
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    core = {name: os.environ[name] for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ}
    return {**threads, **core, "PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


def _system() -> Iterator[str]:
    """The system's own programs and libraries, and Python where it lies elsewhere."""
    for place in _SYSTEM:
        if os.path.islink(place):
            yield from ("--symlink", os.readlink(place), place)
        elif os.path.exists(place):
            yield from ("--ro-bind", place, place)
    base = os.path.realpath(sys.base_prefix)
    if not base.startswith("/usr"):
        yield from ("--ro-bind", base, base)
        if base != sys.base_prefix:
            yield from ("--ro-bind", base, sys.base_prefix)


def _own() -> Iterator[str]:
    """NumPy, the carried part of this package, and the script that starts it."""
    home = Path(__file__).parents[1]
    for name in _CARRIED:
        yield from ("--ro-bind", str(home / name), f"{_PACKAGES}/compare/{name}")
    for place in _libraries():
        yield from ("--ro-bind", str(place), f"{_PACKAGES}/{place.name}")
    yield from ("--ro-bind", str(home / "sandbox" / "start.py"), f"{_INSIDE}/start.py")


@cache
def _libraries() -> tuple[Path, ...]:
    """NumPy, pandas, and what they need, where each lies."""
    found: list[Path] = []
    for name in ("numpy", "pandas", "dateutil", "pytz", "tzdata", "six"):
        spec = find_spec(name)
        if spec is not None and spec.origin:
            place = Path(spec.origin)
            place = place.parent if place.name == "__init__.py" else place
            found += [each for each in (place, place.parent / f"{name}.libs") if each.exists()]
    return tuple(found)


def _is_virtual() -> bool:
    return sys.prefix != sys.base_prefix


def _base_python() -> str:
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")
