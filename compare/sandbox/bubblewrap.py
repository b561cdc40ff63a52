"""Confine a file by bubblewrap, the first choice: namespaces of its own, which contain only what is bound into them."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..userfile.shapes import FOLDER
from .confined import Confined, SandboxError, carried, environment, libraries, plain_name, python
from .limits import Limits

_INSIDE, _PACKAGES, _ATTEMPT, _ADAPTER = "/lockstep", "/lockstep/site-packages", "/attempt", "/adapter"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/ld.so.cache", "/etc/alternatives")


@contextmanager
def by_bubblewrap(
    path: Path, adapter: Path | None, limits: Limits, folder: Path | None = None, runner: str | None = None
) -> Iterator[Confined]:
    """Confine the file, with its folder if one is passed, and an adapter with the Python files beside it; raises SandboxError.

    A `runner`, a module's name, is run in place of `sandbox.runner`, and has PyTorch.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxError("bubblewrap is not installed; expected it, to confine code (apt-get install bubblewrap)")
    words = [bwrap, "--unshare-user", "--disable-userns", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--uid", "65534", "--gid", "65534", "--hostname", "attempt"]
    words += ["--cap-drop", "ALL", "--clearenv"]
    for name, value in environment("/tmp").items():
        words += ["--setenv", name, value]
    words += [*_system(), "--proc", "/proc", "--dev", "/dev"]
    for place in ("/dev/shm", "/tmp"):
        words += ["--size", str(limits.disk), "--tmpfs", place]
    files = [f"{_ATTEMPT}/{plain_name(path) if folder is None else path.relative_to(folder)}"]
    bound = [(place, f"{_PACKAGES}/compare/{name}") for name, place in carried(runner is not None)]
    bound += [(place, f"{_PACKAGES}/{place.name}") for place in libraries(runner is not None)]
    bound += [(Path(__file__).with_name("start.py"), f"{_INSIDE}/start.py")]
    bound += [(path, files[0]) if folder is None else (folder, _ATTEMPT)]
    if adapter is not None and adapter.parent == FOLDER:
        files.append(f"{_PACKAGES}/compare/userfile/shapes/{adapter.name}")
    elif adapter is not None:
        bound += [(beside, f"{_ADAPTER}/{beside.name}") for beside in sorted(adapter.parent.glob("*.py"))]
        files.append(f"{_ADAPTER}/{adapter.name}")
    for outside, inside in bound:
        words += ["--ro-bind", str(outside), inside]
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--"]
    words += python(f"{_INSIDE}/start.py", packages=_PACKAGES, processes=limits.processes, runner=runner)
    options = {"preexec_fn": limits.apply, "close_fds": True, "env": {"PATH": "/usr/bin:/bin"}}
    yield Confined(tuple(words), tuple(files), options)


def _system() -> Iterator[str]:
    """Yield the arguments that bind the system's programs and libraries, and Python where it is installed elsewhere."""
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
    homes = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", f"{base}/lib", f"{sys.base_prefix}/lib")
    for home in dict.fromkeys(homes):
        for hidden in Path(home).glob("python3*/*-packages"):      # of the system's Python, which may contain the reference, PyTorch
            yield from ("--tmpfs", str(hidden), "--remount-ro", str(hidden))
