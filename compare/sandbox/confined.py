"""What every confinement shares: the files that a confined process can read, and the command that starts it.

Inside are Python with NumPy and pandas, which differentiate nothing, the part of this package that runs a file, and the file; no network,
no other files, no other process, and a small scratch folder that is removed afterwards.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..support.errors import CompareError
from ..userfile.shapes import FOLDER


def _inside(room: str, but: str = "") -> dict[str, tuple[str, ...]]:
    """Return the modules of a room and of the rooms in it, by folder, without the one of that name."""
    inside = FOLDER.parents[1]
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((inside / room).rglob("*.py")):
        if path.stem != but:
            folder = path.parent.relative_to(inside).as_posix()
            found[folder] = (*found.get(folder, ()), path.stem)
    return found


CARRIED = {      # the modules of this package, by folder, that run a file; none of those that know the right results
    "": ("__init__",),
    "problem": ("__init__", "arrays", "pieces", "problem", "validation"),
    "sandbox": ("__init__", "landlock", "runner", "seccomp", "syscalls", "values"),
    "support": ("__init__", "arrays", "boundary", "errors", "kinds", "packages", "suggest"),
    "userfile": ("__init__", "conventions", "declared", "file", "imports", "line_trace", "process", "source", "stubs", "text"),
    "userfile/pipe": ("__init__", "frames"),
    **_inside("userfile/shapes"),
}
CARRIED_WITH_TORCH = {      # beside them, the modules that check a file part by part, in the file's own process
    "lockstep": ("__init__", "difference", "sampled_reference"),
    **_inside("parts", but="remote"),
    "rounding": ("__init__", "allowance", "noise", "spread", "table"),
    "sides": ("__init__", "interface"),
    "support": ("threads",),
    "userfile": ("computing",),
}
_LIBRARIES = ("numpy", "pandas", "dateutil", "pytz", "tzdata", "six", "fissix", "appdirs")
_OF_TORCH = ("torch", "torchgen", "nvidia", "typing_extensions", "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "filelock")


class SandboxError(CompareError):
    """Untrusted code cannot be confined on this machine; the message says what is missing."""


@dataclass(frozen=True)
class Confined:
    """How to start a confined process: the command, the files' paths inside, and Popen's options.

    `watched(pid)` is a context that enforces on the process the limits that the kernel does not.
    """

    words: tuple[str, ...]
    files: tuple[str, ...]
    options: dict[str, Any]
    watched: Callable[[int], AbstractContextManager[None]] = lambda pid: nullcontext()


def python(start: str, **options: Any) -> tuple[str, ...]:
    """Return the command that runs start.py with these options, by the base Python, not a virtual environment's."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter = sys.executable if sys.prefix == sys.base_prefix else str(base)
    return (interpreter, "-I", "-S", "-B", "-X", "utf8", start, json.dumps(options))


def plain_name(path: Path) -> str:
    """Return a short file name of ASCII letters, digits and underscores, which ends as a notebook's or in ".py"."""
    return (re.sub(r"[^A-Za-z0-9_]+", "_", path.stem)[:60].strip("_") or "attempt") + (".ipynb" if path.suffix == ".ipynb" else ".py")


def environment(home: str) -> dict[str, str]:
    """Return the environment variables inside, the same on every machine but for OpenBLAS's settings."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    core = {name: os.environ[name] for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ}
    torch = {"TORCHINDUCTOR_CACHE_DIR": home}      # else it makes a folder of its own, which is refused
    return {**threads, **core, "PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", **torch}


def carried(with_torch: bool = False) -> Iterator[tuple[str, Path]]:
    """Yield the path within this package, and the whole path, of each module that a confined process has."""
    for folder, modules in [*CARRIED.items(), *(CARRIED_WITH_TORCH.items() if with_torch else ())]:
        for module in modules:
            path = Path(folder, f"{module}.py")
            yield str(path), Path(__file__).parents[1] / path


@cache
def libraries(with_torch: bool = False) -> tuple[Path, ...]:
    """Return the paths of NumPy, pandas and their dependencies, of what converts Python 2, if it is installed, and of PyTorch if asked."""
    found: list[Path] = []
    for name in (*_LIBRARIES, *((*_OF_TORCH, "fsspec", "threadpoolctl") if with_torch else ())):
        spec = find_spec(name)
        if spec is not None and spec.origin:
            place = Path(spec.origin)
            place = place.parent if place.name == "__init__.py" else place
            found += [each for each in (place, place.parent / f"{name}.libs") if each.exists()]
        elif spec is not None:      # of several packages
            found += [Path(each) for each in spec.submodule_search_locations or ()]
    return tuple(found)


@cache
def bytes_of_torch() -> int:
    """Return how large PyTorch's libraries are, which a process that loads them maps into its memory."""
    return sum(each.stat().st_size for place in libraries(True) if place.name in ("torch", "nvidia") for each in place.rglob("*.so*"))
