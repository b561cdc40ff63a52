"""Confine a file by Landlock and seccomp, where bubblewrap does not work: the process restricts itself to a folder made for it.

It shares the machine's namespaces: other files and processes are visible by name, but every system call that could reach them is refused.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..userfile.shapes import FOLDER
from . import landlock
from .confined import Confined, SandboxError, carried, environment, libraries, plain_name, python
from .limits import Limits
from .scratch import bounded
from .temporary import temporary_folder

_LIBRARIES = ("/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
_PACKAGES = ("site-packages", "dist-packages")      # of the system's Python, which may contain the reference, PyTorch


@contextmanager
def by_landlock(
    path: Path, adapter: Path | None, limits: Limits, folder: Path | None = None, runner: str | None = None
) -> Iterator[Confined]:
    """Confine the file, with its folder if one is passed, and an adapter with the Python files beside it; raises SandboxError.

    A `runner`, a module's name, is run in place of `sandbox.runner`, and has PyTorch.
    """
    if not landlock.abi():
        raise SandboxError("this kernel has no landlock; expected Linux 5.13 or newer, with landlock among its security modules (lsm=)")
    with temporary_folder() as made:
        stage, scratch = made.resolve() / "stage", made.resolve() / "scratch"
        scratch.mkdir()
        files = [_copied(path, stage / "attempt" / plain_name(path)) if folder is None else str(path.resolve())]
        if adapter is not None and adapter.parent == FOLDER:
            files.append(str(stage / "site-packages" / "compare" / "userfile" / "shapes" / adapter.name))
        elif adapter is not None:
            for each in sorted(adapter.parent.glob("*.py")):
                _copied(each, stage / "adapter" / each.name)
            files.append(str(stage / "adapter" / adapter.name))
        packages = stage / "site-packages"
        for name, place in carried(runner is not None):
            _copied(place, packages / "compare" / name)
        beside = libraries(runner is not None)
        for place in beside:
            (packages / place.name).symlink_to(place)
        start = _copied(Path(__file__).with_name("start.py"), stage / "start.py")
        readable, folders = _system()
        readable += [str(stage), *map(str, beside), *([] if folder is None else [str(folder.resolve())])]
        readable += ["/dev/urandom", "/proc/self/maps"] if runner is not None else []      # which PyTorch and threadpoolctl open
        reach = {"readable": readable, "writable": [str(scratch), os.devnull], "folders": folders, "parent": os.getpid()}
        options = {"preexec_fn": limits.apply, "close_fds": True, "env": environment(str(scratch)), "cwd": scratch}
        words = python(start, packages=str(packages), landlock=reach, runner=runner)
        yield Confined(words, tuple(files), options, lambda pid: bounded(scratch, limits.disk, pid))


def _copied(place: Path, to: Path) -> str:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(place, to)
    return str(to)


def _system() -> tuple[list[str], list[str]]:
    """Return the readable places of Python and the system's libraries, without other packages, and the folders that may be listed."""
    home = os.path.dirname(os.path.realpath(os.__file__))
    linked = os.path.join(sys.base_prefix, "lib")
    places = {entry.path for entry in os.scandir(home) if entry.name not in _PACKAGES}
    places |= {entry.path for entry in os.scandir(linked) if entry.name.startswith("libpython")}
    for folder in {os.path.realpath(each) for each in _LIBRARIES if os.path.isdir(each)}:
        places |= {entry.path for entry in os.scandir(folder) if not entry.name.startswith("python")}
    return sorted(filter(os.path.exists, places | {"/etc/ld.so.cache"})), [home]
