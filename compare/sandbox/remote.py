"""A user's file in a confined process, called over the pipe, with the interface of an `Attempt` in this process."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from ..problem.validation import is_whole
from ..support.arrays import Array
from ..support.errors import CompareError
from ..support.output import printable, printable_lines
from ..userfile.declared import checked_conventions, checked_problem
from ..userfile.file import FUNCTIONS, AttemptError
from ..userfile.line_trace import Assignment
from ..userfile.pipe.frames import text
from ..userfile.pipe.peer import Peer, PeerError
from ..userfile.source import UnusableFileError
from .limits import START
from .runner import CALL, FRESH, MOST_NOTE, MOST_NOTES, OPEN, TRACED, WATCH, WATCHED
from .values import packed, unpacked, write_back

_MOST_TEXT = _MOST_JSON = 1 << 20      # characters of the file, and bytes of the JSON about it
_KINDS = ("exception", "exit", "recursion", "memory", "changed")      # that the process may report; how it ends is seen from outside
_MOST_MESSAGE, _MOST_LINE = 2000, 1_000_000


class NotStartedError(CompareError):
    """A process failed before it ran anything of the file, which is not the file's fault."""


class _Process:
    """A process of a file: its pipe, why it has ended if it has, and the numbers for what it loads."""

    def __init__(self, peer: Peer) -> None:
        self.peer, self.numbers = peer, count()
        self.ended: str | None = None


class Remote:
    """The file at `path`, in the process that `start` starts; `patience` is the seconds until it must be ready.

    Raises NotStartedError, UnusableFileError, and AttemptError for what the file raises or for how its process ends.
    """

    def __init__(self, path: Path, start: Callable[[], Peer], patience: float = START) -> None:
        self.path, self.name = path, path.name
        self.options: Mapping[str, str] | None = None
        self.problem: Mapping[str, Any] = {}
        self.conventions: Mapping[str, Any] = {}
        self.found: tuple[str, ...] = ()
        self.text = self.texts = ""
        self._process = _Process(start())
        content = path.read_bytes()      # its lines, in a notebook within texts, are counted here, since the process may lie
        self._number_of_lines = len(content.splitlines()) + content.count(b"\\n")
        try:
            self._greet(patience)
            self._load(None)
        except BaseException:
            self._process.peer.kill()      # the caller has nothing to close
            raise

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions of the contract that the file offers."""
        return tuple(name for name in FUNCTIONS if name in self._about.get("functions", ()))

    @property
    def printed(self) -> str:
        """The text that the file has printed so far."""
        return printable_lines(self._about.get("printed", ""), 5000)

    def takes(self, function: str) -> int:
        """Return the number of positional arguments that the function takes, or 0 if it is not known."""
        return int(self._about.get("takes", {}).get(function, 0))

    def fresh(self) -> "Remote":
        """Load the file anew in its process, and return this object."""
        self._open(FRESH, None)
        return self

    def with_options(self, options: Mapping[str, str]) -> "Remote":
        """Load the same file with these options beside its own in the same process, which closes with this object."""
        other = copy(self)
        other._load({**(self.options or {}), **options})
        return other

    def activations(self) -> list[str]:
        """Return the names of activations that its network may be made with."""
        names = self._answered(CALL, "activations", ())
        return [printable(str(name), MOST_NOTE) for name in names[:MOST_NOTES]] if isinstance(names, list) else []

    def own_losses(self, *args: Any) -> dict[str, list[float]]:
        """Return by name the numbers that the file computes as losses of those records."""
        found = self._answered(CALL, "own_losses", args)
        items = list(found.items())[:MOST_NOTES] if isinstance(found, dict) else []
        return {
            printable(str(name), MOST_NOTE): [value for value in values if isinstance(value, float)]
            for name, values in items
            if isinstance(values, list)
        }

    @contextmanager
    def lines_run(self) -> Iterator[set[int]]:
        """Collect the lines of the file that its process says are run within this."""
        lines = set[int]()
        with suppress(AttemptError, UnusableFileError):
            self._asked(WATCH, packed([self._number]), "import")
        yield lines
        with suppress(AttemptError, UnusableFileError):
            said = _read(self._asked(WATCHED, packed([self._number]), "import"))
            lines.update(line for line in said if is_whole(line, least=1)) if isinstance(said, list) else None

    def call(self, function: str, *args: Any) -> Any:
        """Call the function and return its result; in-place changes of its arguments are copied back."""
        return self._answered(CALL, function, args)

    def traced_call(self, function: str, *args: Any) -> tuple[Any, list[Assignment]]:
        """Call the function; return its result and the arrays that the lines of the file assigned."""
        traced = self._answered(TRACED, function, args)
        if not _is_pair(traced):
            raise self._fault("exception", function, "an answer that is none")
        answer, lines = traced
        return answer, [
            Assignment(line, "", value, "", self.path)
            for line, value in filter(_is_pair, lines if isinstance(lines, list) else ())
            if isinstance(value, np.ndarray) and is_whole(line, least=1) and line <= self._number_of_lines
        ]

    def close(self) -> None:
        """End the process."""
        if self._process.ended is None:
            self._process.peer.close()
            self._process.ended = "it was closed"

    def _greet(self, patience: float) -> None:
        try:
            self._process.peer.greet(patience)
        except PeerError as error:
            raise NotStartedError(f"its process did not start: {error}; nothing of the attempt was run") from None

    def _load(self, options: Mapping[str, str] | None) -> None:
        self.options, self._number = options, next(self._process.numbers)
        self.notes: list[str] = []
        self._about: dict[str, Any] = {}
        self._open(OPEN, None if options is None else dict(options))

    def _open(self, kind: int, options: dict[str, str] | None) -> None:
        entries = self._asked(kind, packed([self._number, options]), "import")
        about = _read(entries)
        about = about if isinstance(about, dict) else {}
        self.text, self.texts = (printable_lines(text(entries.get(name)), _MOST_TEXT) for name in ("text", "texts"))
        found = about.get("found")
        self.found = tuple(printable(str(each), MOST_NOTE) for each in found[:MOST_NOTES]) if isinstance(found, list) else ()
        self.problem = checked_problem(about.get("problem"), self.name)
        self.conventions = checked_conventions(about.get("conventions"), self.name)

    def _answered(self, kind: int, function: str, args: tuple[Any, ...]) -> Any:
        answer = _read(self._asked(kind, packed([self._number, function, list(args)]), function))
        if not _is_pair(answer):
            raise self._fault("exception", function, "an answer that is none")
        result, after = answer
        if isinstance(after, list):
            for argument, remote in zip(args, after, strict=False):
                write_back(argument, remote)
        return result

    def _asked(self, kind: int, entries: Mapping[str, Any], function: str) -> dict[str, Array]:
        process = self._process
        if process.ended is not None:
            raise self._fault("died", function, process.ended)
        try:
            answer = process.peer.ask(kind, entries)
            if "about" in answer:
                self._about = _about(answer["about"])
                self.notes[:] = [printable(note, MOST_NOTE) for note in self._about["notes"]]
            return answer
        except PeerError as error:
            if error.kind == "failed":
                self._raise(error, function)
            process.peer.kill()
            process.ended = str(error)
            raise self._fault(error.kind, function, str(error)) from None

    def _raise(self, error: PeerError, function: str) -> None:
        about = _object(error.said)
        message = printable(str(about.get("message", "it failed")), _MOST_MESSAGE)
        if about.get("function") is None:
            raise UnusableFileError(message) from None
        numbers: tuple[Any, Any] = about.get("line"), about.get("reached")
        line, reached = (number if is_whole(number, least=1) and number <= _MOST_LINE else None for number in numbers)
        source = printable(str(about["source"]), MOST_NOTE) if about.get("source") else None
        kind = about.get("kind") if about.get("kind") in _KINDS else _KINDS[0]
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


def _about(entry: Array) -> dict[str, Any]:
    """Return what the process says about its attempt; raises PeerError for what our runner would not say."""
    about = _object(text(entry)) if entry.size <= _MOST_JSON else {}
    functions, takes, notes = (about.get(name) for name in ("functions", "takes", "notes"))
    if not (
        (isinstance(functions, list) and isinstance(takes, dict) and isinstance(notes, list) and len(notes) <= MOST_NOTES)
        and all(isinstance(each, str) for each in (*functions, *notes, about.get("printed")))
        and all(is_whole(each, least=-1) for each in takes.values())
    ):
        raise PeerError("malformed", "what it says of itself is not what its process is to say")
    return about


def _object(data: str) -> dict[str, Any]:
    """Return the JSON object, or an empty one for a text that is too long or holds no object."""
    try:
        found = json.loads(data) if len(data) <= _MOST_JSON else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
