"""The arrays that the lines of a user's file assign, each by the line that bound it or changed it in place.

Single numbers are left out: they explain nothing, and a loop assigns thousands.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType, NoneType, SimpleNamespace
from typing import Any

import numpy as np

from .source import Source

_SINGLE = frozenset((int, float, bool, str, bytes, NoneType, np.float64, np.int64, FunctionType, BuiltinFunctionType, ModuleType))
MOST, LARGEST = 20_000, 100_000      # assignments, and numbers in one array
SourceAt = Callable[[str], Source | None]


@dataclass(frozen=True)
class Assignment:
    """A copy of an assigned array, with its name ("return" for a returned one) and its line, whose source is `text`."""

    line: int
    name: str
    value: Any
    text: str
    path: Path


class _Recorder:
    """The trace function; it compares contents after each line, so that a change in place is recorded once, where it is made."""

    def __init__(self, source_at: SourceAt, assignments: list[Assignment]) -> None:
        self.source_at, self.assignments = source_at, assignments
        self._contents: dict[int, tuple[Any, bytes]] = {}      # by id; with the array itself, so that its id is not used again
        self._bound: dict[FrameType, dict[str, Any]] = {}
        self._lines: dict[FrameType, int] = {}
        self._viewed: set[int] = set()      # ids of arrays that others are views of

    def enter(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        """Follow a new frame, if it is a function of the user's."""
        if frame.f_code.co_name == "<module>" or len(self.assignments) >= MOST or self.source_at(frame.f_code.co_filename) is None:
            return None
        self._bound[frame] = {}
        for name, value in _values(frame):
            self._bound[frame][name] = value
            if isinstance(value, np.ndarray):
                self._viewed.add(id(value.base))
                self._contents.setdefault(id(value), (value, value.tobytes()))
        self._lines[frame] = frame.f_lineno
        return self._follow

    def _follow(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        if event in ("line", "return"):
            self._compare(frame)
            self._lines[frame] = frame.f_lineno
        if event == "return":
            if _is_kept(argument):
                self._add(frame, "return", argument)
            del self._bound[frame], self._lines[frame]
        return self._follow if len(self.assignments) < MOST else None

    def _compare(self, frame: FrameType) -> None:
        """Record what the last line changed; if it can change few names, only those are compared, and what shares their memory."""
        source = self.source_at(frame.f_code.co_filename)
        few = None if source is None else source.changed.get(self._lines[frame])
        changed = self._recorded(frame, few)
        if few is not None and any(value.base is not None or id(value) in self._viewed for value in changed):
            self._recorded(frame, None)

    def _recorded(self, frame: FrameType, names: Iterable[str] | None) -> list[Any]:
        """Record the arrays under those names, or all, that have changed, and return them."""
        bound, changed = self._bound[frame], []
        for name, value in _values(frame, names):
            is_new = name not in bound or bound[name] is not value
            bound[name] = value
            if isinstance(value, np.ndarray):
                self._viewed.add(id(value.base))
                content = value.tobytes()
                known = self._contents.get(id(value))
                is_new = is_new or known is None or known[1] != content
                self._contents[id(value)] = value, content
            if is_new:
                self._add(frame, name, value)
                changed.append(value)
        return changed

    def _add(self, frame: FrameType, name: str, value: Any) -> None:
        source = self.source_at(frame.f_code.co_filename)
        if source is not None and len(self.assignments) < MOST:
            line = source.statements.get(self._lines[frame], self._lines[frame])
            copy = value.copy() if isinstance(value, np.ndarray) else value
            self.assignments.append(Assignment(line, name, copy, source.line(line), source.path))


@contextmanager
def recorded(source_at: SourceAt, assignments: list[Assignment]) -> Iterator[None]:
    """Append what the files of `source_at` assign within this to the list; their own calls of sys.settrace have no effect meanwhile."""
    recorder, former, settrace = _Recorder(source_at, assignments), sys.gettrace(), sys.settrace
    sys.settrace = lambda function: None
    settrace(recorder.enter)
    try:
        yield
    finally:
        settrace(former)
        sys.settrace = settrace


def _is_kept(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiubc" and 1 < value.size <= LARGEST


def _values(frame: FrameType, only: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield arrays in the frame's locals, all or only these, in their items, and in the attributes of the user's own objects."""
    variables = frame.f_locals
    for name, value in list(variables.items()) if only is None else [(name, variables[name]) for name in only if name in variables]:
        if type(value) not in _SINGLE and not name.startswith("."):
            yield from _within(name, value, frame, 2)


def _within(name: str, value: Any, frame: FrameType, depth: int) -> Iterator[tuple[str, Any]]:
    if _is_kept(value):
        yield name, value
    elif depth and (isinstance(value, dict) or (isinstance(value, list) and len(value) <= 1000)):
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            if type(item) not in _SINGLE:
                yield from _within(f"{name}[{key!r}]", item, frame, depth - 1)
    elif depth and (name == "self" or isinstance(value, SimpleNamespace) or type(value).__module__ == frame.f_globals.get("__name__")):
        for key, item in list(getattr(value, "__dict__", {}).items()):
            yield from _within(f"{name}.{key}", item, frame, depth - 1)


@contextmanager
def lines_run(path: str) -> Iterator[set[int]]:
    """Collect the lines of the file at that path that are run within this, in functions that are entered within it.

    One that runs inside of a function is there with a minus before it, too: that of a function of one line runs where it is defined.
    """
    lines: set[int] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        return follow if frame.f_code.co_filename == path else None

    def follow(frame: FrameType, event: str, argument: Any) -> Any:
        lines.add(frame.f_lineno)
        if frame.f_code.co_flags & CO_OPTIMIZED:
            lines.add(-frame.f_lineno)
        return follow

    former = sys.gettrace()
    sys.settrace(enter)
    try:
        yield lines
    finally:
        sys.settrace(former)
