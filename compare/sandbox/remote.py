"""A user's file that runs in a process of its own, confined, and is asked over the pipe: examined as one in this process is."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..problem.validation import is_whole
from ..support.arrays import Array
from ..support.errors import CompareError
from ..support.output import printable, printable_lines
from ..userfile.file import FUNCTIONS, AttemptError, checked_conventions, checked_problem
from ..userfile.line_trace import Assignment
from ..userfile.pipe.frames import text
from ..userfile.pipe.peer import Peer, PeerError
from ..userfile.source import UnusableFileError
from .confined import START
from .runner import CALL, FRESH, MOST_NOTE, MOST_NOTES, OPEN, TRACED
from .values import packed, unpacked, write_back

_MOST_TEXT = _MOST_SAID = 1 << 20      # characters of the file, and bytes of what is said about it
_KINDS = ("exception", "exit", "recursion", "memory", "changed")      # of what a file does; how its process ends, we see ourselves
_MOST_MESSAGE, _MOST_LINE = 2000, 1_000_000


class NotStartedError(CompareError):
    """A process that did not come so far as to run anything of the file, which says nothing of the file."""


class Remote:
    """The file that `start` starts a process for, which has `patience` seconds until it is ready.

    Raises UnusableFileError for a file that cannot be used, AttemptError for what it raises, or for how its process ends, NotStartedError.
    """

    def __init__(self, path: Path, start: Callable[[], Peer], patience: float = START) -> None:
        self.path, self.name = path, path.name
        self.notes: list[str] = []
        self.problem: Mapping[str, Any] = {}
        self.conventions: Mapping[str, Any] = {}
        self.text = ""
        self._peer = start()
        self._number_of_lines = len(path.read_bytes().splitlines())      # not as the other end says
        self._about: dict[str, Any] = {}
        self._ended: str | None = None
        try:
            self._greet(patience)
            self._open(OPEN)
        except BaseException:
            self._peer.kill()      # whoever asked has nothing to close
            raise

    @property
    def functions(self) -> tuple[str, ...]:
        """Those of the contract that it offers."""
        return tuple(name for name in FUNCTIONS if name in self._about.get("functions", ()))

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return printable_lines(self._about.get("printed", ""), 5000)

    def takes(self, function: str) -> int:
        """How many arguments the function takes by position; 0 where that is not known."""
        number: int = self._about.get("takes", {}).get(function, 0)
        return number

    def fresh(self) -> "Remote":
        """The same file, loaded anew at the other end."""
        self._open(FRESH)
        return self

    def call(self, function: str, *args: Any) -> Any:
        """What the function answers; what it changes of its arguments is changed here too."""
        return self._answered(CALL, function, args)

    def traced_call(self, function: str, *args: Any) -> tuple[Any, list[Assignment]]:
        """As `call`, with what the lines of the file assigned on the way."""
        traced = self._answered(TRACED, function, args)
        if not _is_pair(traced):
            raise self._fault("exception", function, "an answer that is none")
        answer, lines = traced
        assignments = []
        for line, value in filter(_is_pair, lines if isinstance(lines, list) else ()):
            if isinstance(value, np.ndarray) and is_whole(line, least=1) and line <= self._number_of_lines:
                assignments.append(Assignment(line, "", value, "", self.path))
        return answer, assignments

    def close(self) -> None:
        """End its process."""
        if self._ended is None:
            self._peer.close()
            self._ended = "it was closed"

    def _greet(self, patience: float) -> None:
        try:
            self._peer.greet(patience)
        except PeerError as error:
            raise NotStartedError(f"its process did not start: {error}; nothing of the attempt was run") from None

    def _open(self, kind: int) -> None:
        entries = self._asked(kind, {}, "import")
        said = _checked(entries)
        self.text = printable_lines(text(entries.get("text")), _MOST_TEXT)
        self.problem = checked_problem(said.get("problem"), self.name)
        self.conventions = checked_conventions(said.get("conventions"), self.name)

    def _answered(self, kind: int, function: str, args: tuple[Any, ...]) -> Any:
        entries = self._asked(kind, packed([function, list(args)]), function)
        answer = _read(entries)
        if not _is_pair(answer):
            raise self._fault("exception", function, "an answer that is none")
        result, after = answer
        if isinstance(after, list):
            for given, new in zip(args, after, strict=False):
                write_back(given, new)
        return result

    def _asked(self, kind: int, entries: Mapping[str, Any], function: str) -> dict[str, Array]:
        if self._ended is not None:
            raise self._fault("died", function, self._ended)
        try:
            answer = self._peer.ask(kind, entries)
            if "about" in answer:
                self._about = _about(answer["about"])
                self.notes[:] = [printable(note, MOST_NOTE) for note in self._about["notes"]]
            return answer
        except PeerError as error:
            if error.kind == "failed":
                self._raise(error, function)
            self._peer.kill()
            self._ended = str(error)
            raise self._fault(error.kind, function, str(error)) from None

    def _raise(self, error: PeerError, function: str) -> None:
        told = _object(error.said)
        message = printable(str(told.get("message", "it failed")), _MOST_MESSAGE)
        if told.get("function") is None:
            raise UnusableFileError(message) from None
        line, reached = (told[name] if _is_a_line(told.get(name)) else None for name in ("line", "reached"))
        source = printable(str(told["source"]), MOST_NOTE) if told.get("source") else None
        kind = told.get("kind") if told.get("kind") in _KINDS else _KINDS[0]
        raise AttemptError(message, function, str(kind), self.path, line, source, reached) from None

    def _fault(self, kind: str, function: str, reason: str) -> AttemptError:
        return AttemptError(f"{self.name}, in {function}: {reason}", function, kind, self.path)


def _is_pair(answer: Any) -> bool:
    return isinstance(answer, list) and len(answer) == 2


def _read(entries: Mapping[str, Array]) -> Any:
    try:
        return unpacked(entries)
    except ValueError as error:
        raise UnusableFileError(str(error)) from None


def _checked(entries: Mapping[str, Array]) -> dict[str, Any]:
    said = _read(entries)
    return said if isinstance(said, dict) else {}


def _is_a_line(number: Any) -> bool:
    return is_whole(number, least=1) and number <= _MOST_LINE


def _about(entry: Array) -> dict[str, Any]:
    """What a process says of its attempt. Raises PeerError where none of ours would say it."""
    about = _object(text(entry)) if entry.size <= _MOST_SAID else {}
    functions, takes, notes = (about.get(name) for name in ("functions", "takes", "notes"))
    is_one = isinstance(functions, list) and all(isinstance(each, str) for each in functions)
    is_one = is_one and isinstance(takes, dict) and all(is_whole(each, least=-1) for each in takes.values())
    is_one = is_one and isinstance(notes, list) and len(notes) <= MOST_NOTES and all(isinstance(each, str) for each in notes)
    if not (is_one and isinstance(about.get("printed"), str)):
        raise PeerError("malformed", "what it says of itself is not what its process is to say")
    return about


def _object(said: str) -> dict[str, Any]:
    """The JSON object, or nothing where it is none, or too long."""
    if len(said) > _MOST_SAID:
        return {}
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
