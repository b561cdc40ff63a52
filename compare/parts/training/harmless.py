"""A program that is watched writes, deletes, starts and sends nothing, does not wait, and draws the same numbers each time."""

import builtins
import io
import os
import random
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np

from ...userfile.stubs import _nothing
from . import missing

_REFUSED = frozenset((
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.system",
    "os.kill", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "subprocess.Popen",
    "socket.connect", "socket.sendto", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname",
    "shutil.rmtree", "shutil.move", "shutil.copyfile", "shutil.unpack_archive",
))      # events of sys.audit
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_QUIET = {      # functions that do nothing instead, as programs call them at their beginning
    os: "mkdir makedirs remove unlink rmdir removedirs rename renames replace chmod system",
    np: "save savez savetxt savez_compressed",
    time: "sleep",
    webbrowser: "open",
}
_is_on = False      # whether a program is being watched
_is_hooked = False


@contextmanager
def harmless() -> Iterator[None]:
    """Let the code within do nothing that stays: what it writes goes nowhere, and other such acts raise PermissionError."""
    global _is_on, _is_hooked
    if not _is_hooked:
        sys.addaudithook(_audited)
        _is_hooked = True
    clock = count()
    replaced: list[tuple[Any, str, Any]] = [
        *((module, name, _nothing) for module, names in _QUIET.items() for name in names.split()),
        (builtins, "open", _opened), (io, "open", _opened), (subprocess, "run", _completed),
        (subprocess, "call", lambda *_, **__: 0), (subprocess, "check_call", lambda *_, **__: 0),
        (time, "time", lambda: 1.7e9 + 1e-3 * next(clock)), (time, "perf_counter", lambda: 1e-3 * next(clock)),
        *missing.readers(),
        (threading.Thread, "start", _started(threading.Thread.start)),
        (np.random, "default_rng", _seeded(np.random.default_rng)), (np.random, "RandomState", _seeded(np.random.RandomState)),
        (np.random, "seed", _seeded(np.random.seed)), (random, "seed", _seeded(random.seed)), (random, "Random", _seeded(random.Random)),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in replaced]
    os.environ["MPLBACKEND"] = "Agg"      # no windows
    for module, name, value in replaced:
        setattr(module, name, value)
    was_on, _is_on = _is_on, True
    try:
        yield
    finally:
        _is_on = was_on
        for module, name, value in before:
            setattr(module, name, value)


def _seeded(function: Any) -> Any:
    """Return the function, or class, whose seed is 0 where none is given."""
    if isinstance(function, type):      # of which a file may derive its own
        kind: Any = function
        return type(kind.__name__, (kind,), {
            "__new__": lambda cls, seed=None, *_: kind.__new__(cls, 0 if seed is None else seed),
            "__init__": lambda self, seed=None: kind.__init__(self, 0 if seed is None else seed),
        })
    return lambda seed=None, *arguments: function(0 if seed is None else seed, *arguments)


def _completed(*arguments: Any, **_: Any) -> Any:
    return subprocess.CompletedProcess(arguments[0] if arguments else "", 0, "", "")


def _started(start: Any) -> Any:
    """Return what starts a thread, unless it runs the program's own code: its steps could not be told apart."""

    def starts(thread: threading.Thread) -> None:
        target = getattr(thread, "_target", None)
        if "__main__" in (getattr(target, "__module__", ""), type(thread).__module__):
            raise PermissionError("a program that is checked starts no threads")
        start(thread)

    return starts


_open = builtins.open


def _opened(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
    """Open a file to read, or what stands in for it; what is written goes nowhere."""
    if set(mode) & set("wax+"):
        return _open(os.devnull, "rb+" if "b" in mode else "r+")
    return missing.opened(_open, file, mode, *arguments, **named)


def _audited(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise PermissionError for what would stay; a hook cannot be removed, and does nothing while no program is watched."""
    if not _is_on:
        return
    if event == "open":
        file, mode, flags = arguments
        writes = bool(set(mode) & set("wax+")) if isinstance(mode, str) else isinstance(flags, int) and bool(flags & _WRITES)
        if not writes or file == os.devnull:
            return
    elif event not in _REFUSED:
        return
    raise PermissionError(f"a program that is checked does not {event}")
