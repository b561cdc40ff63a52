"""The process as a user's file sees it: with a random state and a standard output of its own, and put back as it was afterwards."""

import builtins
import io
import os
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NoReturn, cast

import numpy as np
from numpy.random.mtrand import get_bit_generator, set_bit_generator

from .imports import is_same
from .stubs import PYPLOT, Placeholder

MOST_PRINTED = 4000      # characters
_OF_SYS = ("argv", "path_hooks", "stdin", "stdout", "stderr", "excepthook", "dont_write_bytecode")      # attributes that are put back
_SILENCED: tuple[type[Warning], ...] = (RuntimeWarning, DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
_SILENCED += (SyntaxWarning, np.exceptions.VisibleDeprecationWarning)


class _Sink(io.RawIOBase):
    """Keeps the beginning of what is written, and counts the rest; stays open, whatever the file does."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.left_out = "", 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        text = bytes(data).decode("utf-8", "replace")
        room = MOST_PRINTED - len(self.text)
        self.text, self.left_out = self.text + text[:room], self.left_out + len(text[room:])
        return len(data)

    def close(self) -> None:
        pass


class Process:
    """A file's own random state, seeded when it first runs, and standard output; `changed` are names in NumPy and builtins it changed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.changed: list[str] = []
        self._random: Any = None
        self.open_output()

    def open_output(self) -> None:
        """Print into an empty standard output from now on."""
        self.sink = _Sink()
        self._stdout = io.TextIOWrapper(self.sink, encoding="utf-8", errors="replace", write_through=True)      # type: ignore[type-var]

    def begin_anew(self) -> None:
        """Draw the same random numbers again from now on."""
        self._random = None

    @contextmanager
    def running(self, path: Path) -> Iterator[None]:
        """Run the file's code within this: ending the process is an exception, and what the code changes of the process is put back."""
        random_state, generator, folder = random.getstate(), get_bit_generator(), _folder()
        environ, environment = os.environ, _undecoded(os.environ).copy()
        before = {name: getattr(sys, name) for name in _OF_SYS}
        hooks, limit, trace, profile = list(sys.path_hooks), sys.getrecursionlimit(), sys.gettrace(), sys.getprofile()
        own = {module: vars(module).copy() for module in (np, builtins)}
        sys.argv, sys.stdin, sys.stdout, sys.dont_write_bytecode = [str(path)], io.StringIO(), self._stdout, True
        try:
            with ending_raises(), _undrawn(), warnings.catch_warnings(), np.errstate(all="ignore"), np.printoptions():
                warnings.simplefilter("default")
                for category in _SILENCED:
                    warnings.simplefilter("ignore", category)
                if self._random is None:
                    random.seed(self.seed)
                    set_bit_generator(np.random.MT19937())
                    np.random.seed(self.seed)
                else:
                    random.setstate(self._random[0])
                    set_bit_generator(self._random[1])
                yield
        finally:
            self.changed = list(_put_back(own))
            self._random = random.getstate(), get_bit_generator()
            random.setstate(random_state)
            set_bit_generator(generator)
            for name, value in before.items():
                setattr(sys, name, value)
            sys.path_hooks[:] = hooks
            sys.setrecursionlimit(limit)
            if sys.gettrace() is not trace:
                sys.settrace(trace)
            if sys.getprofile() is not profile:
                sys.setprofile(profile)
            os.environ = environ      # noqa: B003 - the very object, which the code may have replaced
            if _undecoded(environ) != environment:
                decoded = {environ.decodekey(name): environ.decodevalue(value) for name, value in environment.items()}
                environ.clear()
                environ.update(decoded)
            if folder is not None and _folder() != folder:
                os.chdir(folder)
            with suppress(ValueError):
                self._stdout.flush()


class Printed:
    """The text shown of what all copies of a file print: while the first was loaded, and in the calls of the first that answered."""

    def __init__(self, process: Process) -> None:
        self.sinks, self.has_answered = [process.sink], False

    def called(self, process: Process, *, has_answered: bool) -> None:
        """Note that the copy with this process is called, or has answered."""
        if len(self.sinks) == 1 or (has_answered and not self.has_answered):
            self.sinks[1:] = [process.sink]
        self.has_answered |= has_answered

    def __str__(self) -> str:
        sinks = dict.fromkeys(self.sinks)
        left_out = sum(sink.left_out for sink in sinks)
        return "".join(sink.text for sink in sinks) + (f"\n… and {left_out} characters more" if left_out else "")


@contextmanager
def ending_raises() -> Iterator[None]:
    """Within this, `os._exit` raises SystemExit: it would end the comparison too. A process that is forked meanwhile ends by it."""
    leave, own = os._exit, os.getpid()

    def exits(status: int) -> NoReturn:
        if os.getpid() != own:
            leave(status)
        raise SystemExit(status)

    os._exit = exits
    try:
        yield
    finally:
        os._exit = leave


@contextmanager
def _undrawn() -> Iterator[None]:
    """Within this, pyplot's functions do nothing, which take most of the time of a file that plots its training."""
    pyplot = vars(sys.modules.get(PYPLOT, ModuleType("")))
    own = {name: value for name, value in pyplot.items() if isinstance(value, FunctionType) and name[0] != "_" and name != "imread"}
    pyplot.update({name: Placeholder(PYPLOT, f"{PYPLOT}.{name}") for name in own})
    try:
        yield
    finally:
        pyplot.update(own)


def _put_back(own: Mapping[ModuleType, Mapping[str, Any]]) -> Iterator[str]:
    """Restore what has been changed in the modules, and yield its names."""
    for module, names in own.items():
        if is_same(vars(module), names):
            continue
        for name, value in names.items():
            if vars(module).get(name, module) is not value:
                setattr(module, name, value)
                yield f"{module.__name__}.{name}"


def _undecoded(environ: os._Environ[str]) -> dict[Any, Any]:
    """Return the environment's own dict: `os.environ` decodes every value at every look, which a check's calls would wait for."""
    return cast(dict[Any, Any], vars(environ)["_data"])


def _folder() -> str | None:
    with suppress(OSError):
        return os.getcwd()
    return None
