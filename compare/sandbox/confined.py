"""What every confinement has in common: the limits, the files that a confined process is given, and how one is started.

Inside there is Python with NumPy and pandas, which read data and differentiate nothing, the part of this package that runs a file, and the
file; no network, nothing else of the disk, no other process, and a small folder of its own that is gone afterwards.
"""

import json
import os
import re
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..support.errors import CompareError

MEMORY, DISK = 2 << 30, 64 << 20      # bytes
START = 60.0      # seconds until a process is ready; longer than the kernel lets anyone keep a file from others by a lease
DIAGNOSIS = 120.0      # seconds
ALTOGETHER = 20      # times the seconds of one answer, for all of them
CARRIED = (      # of this package, all that runs a file and none of what knows what is right
    "__init__.py",
    "problem/__init__.py",
    "problem/pieces.py",
    "problem/problem.py",
    "problem/validation.py",
    "sandbox/__init__.py",
    "sandbox/landlock.py",
    "sandbox/runner.py",
    "sandbox/seccomp.py",
    "sandbox/syscalls.py",
    "sandbox/values.py",
    "support/__init__.py",
    "support/arrays.py",
    "support/errors.py",
    "support/packages.py",
    "userfile/__init__.py",
    "userfile/conventions.py",
    "userfile/file.py",
    "userfile/imports.py",
    "userfile/line_trace.py",
    "userfile/pipe/__init__.py",
    "userfile/pipe/frames.py",
    "userfile/source.py",
    "userfile/stubs.py",
)


class SandboxError(CompareError):
    """Code that nobody should trust cannot be confined here; the message says what is missing."""


@dataclass(frozen=True)
class Limits:
    """What an attempt's process may use: bytes of memory and of any file, seconds of CPU and of each answer, processes and open files.

    Until it is ready it has `start` seconds, in which nothing of the attempt is run. What explains its mistakes is looked for by us, for
    `diagnosis` seconds of CPU time.
    """

    memory: int = MEMORY
    disk: int = DISK
    cpu: int = 60
    answer: float = 20.0
    processes: int = 16
    files: int = 64
    output: int = 64 << 20
    start: float = START
    diagnosis: float = DIAGNOSIS

    @property
    def altogether(self) -> float:
        """Seconds for all its answers."""
        return ALTOGETHER * self.answer

    @property
    def longest(self) -> float:
        """Seconds for all that is done about it, also where other work slows us down: who takes longer hangs."""
        return self.start + self.altogether + 5 * self.diagnosis

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


@dataclass(frozen=True)
class Confined:
    """How a process is started in confinement: the words before the files, the files as they are called inside, and Popen's options.

    `watched`, given its process id, holds it to what the kernel does not, for as long as it is entered.
    """

    words: tuple[str, ...]
    files: tuple[str, ...]
    options: dict[str, Any]
    watched: Callable[[int], AbstractContextManager[None]] = lambda pid: nullcontext()


def python(start: str, **hold: Any) -> tuple[str, ...]:
    """The words that start Python inside: not a virtual environment's, and held to `hold` by start.py."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter = sys.executable if sys.prefix == sys.base_prefix else str(base)
    return (interpreter, "-I", "-S", "-B", "-X", "utf8", start, json.dumps(hold))


def plain_name(path: Path) -> str:
    """The file's name in letters that every terminal and page can show, and not too long."""
    return (re.sub(r"[^A-Za-z0-9_]+", "_", path.stem)[:60].strip("_") or "attempt") + ".py"


def environment(home: str) -> dict[str, str]:
    """The variables inside; as many as can be are the same for everybody."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    core = {name: os.environ[name] for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ}
    return {**threads, **core, "PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


def carried() -> Iterator[tuple[str, Path]]:
    """The carried part of this package, each file by its name within it."""
    home = Path(__file__).parents[1]
    for name in CARRIED:
        yield name, home / name


@cache
def libraries() -> tuple[Path, ...]:
    """NumPy, pandas, and what they need, where each lies."""
    found: list[Path] = []
    for name in ("numpy", "pandas", "dateutil", "pytz", "tzdata", "six"):
        spec = find_spec(name)
        if spec is not None and spec.origin:
            place = Path(spec.origin)
            place = place.parent if place.name == "__init__.py" else place
            found += [each for each in (place, place.parent / f"{name}.libs") if each.exists()]
    return tuple(found)
