"""The results of a run on the disk: a line for each attempt as it is finished, and whole files at the end."""

import csv
import json
import os
import re
import secrets
from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Self, overload

from ..problem.validation import check_seed
from ..support.errors import CompareError, ProblemError
from ..support.output import locked, printable, write_file
from .line import REPORTS, Line, wrong_in

LINES, TABLE, PAGE, RUN = "results.jsonl", "grades.csv", "index.html", "run.json"
COLUMNS = ("attempt", "verdict", "score", "stage", "mistakes", "hint", "reason", "network")
_FORMULA = re.compile(r"""(?:^|(?<=[;\t\r\n]))(?=[\s'"]*[=+\-@＝＋－＠])""")      # where a cell begins, or with another separator may begin
_MOST_LINE, _MOST_RUN = 1 << 20, 1 << 16      # bytes of a line, and of what is kept of a run
Key = tuple[str, str]      # an attempt's name, and the hash of its content


class ResultsError(CompareError):
    """Results that cannot be written."""


class Lines(Sequence[Line]):
    """Lines of results that stay in their file, and are read when they are asked for: there may be more than memory has room for."""

    def __init__(self, path: Path, places: Iterable[int]) -> None:
        self.path, self._places = path, array("Q", places)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Line: ...

    @overload
    def __getitem__(self, index: slice) -> "Lines": ...

    def __getitem__(self, index: int | slice) -> "Line | Lines":
        if isinstance(index, slice):
            return Lines(self.path, self._places[index])
        return next(iter(Lines(self.path, [self._places[index]])))

    def __iter__(self) -> Iterator[Line]:
        with open(self.path, "rb") as file:
            for place in self._places:
                file.seek(place)
                yield json.loads(file.readline())


class Results:
    """The folder of a run's results, which one run at a time has.

    A line is on the disk before the next attempt is begun; one that was cut off is forgotten. Nothing is written through a link, which
    could lead anywhere. Raises ResultsError, and ProblemError for a folder that another run has, or in which there is something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open = ExitStack()
        self._open.enter_context(locked(folder))
        self._file: Any = None
        try:
            for name in (LINES, TABLE, PAGE, RUN, REPORTS):
                self._own(name)
        except ProblemError:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        self._open.close()

    def begin(self, attempts: Path, shard: tuple[int, int], seed: int | None) -> int:
        """The seed of a run over that part of that folder: the given one, else that of the run that was begun here, else a fresh one.

        Raises ProblemError where there are lines of another folder, or another part of it.
        """
        path, lines = self._own(RUN), self._own(LINES)
        begun = _begun(path)
        run = {"seed": secrets.randbelow(2**32), **begun, "folder": str(attempts.resolve()), "shard": list(shard)}
        if seed is not None:
            run["seed"] = seed
        if lines.exists() and lines.stat().st_size and _part(begun := {**run, **begun}) != _part(run):
            raise ProblemError(f"{self.folder} has the results of {_part(begun)}; expected those of {_part(run)}: choose another --out")
        write_file(path, json.dumps(run) + "\n", through_links=False)
        return int(run["seed"])

    def finished(self, run: str) -> set[Key]:
        """The attempts that are finished by the settings of this run.

        What follows the last whole line is cut off.
        """
        path = self._own(LINES)
        if path.exists():
            with open(path, "r+b", opener=_not_through_links) as file:
                file.truncate(_end_of_whole_lines(file))
        return {key for key, of, _, is_final in _places(path) if of == run and is_final}

    def add(self, line: Line, page: str | None = None) -> None:
        """Append the line, so that it is there even if the next moment is the last; its page, if it has one, is there before it."""
        if page is not None:
            self._own(REPORTS).mkdir(exist_ok=True)
            write_file(self._own(line["report"]), page, through_links=False)
        try:
            if self._file is None:
                self._file = self._open.enter_context(open(self.folder / LINES, "ab", opener=_not_through_links))  # noqa: SIM115
            before = self._file.tell()
            try:
                self._file.write(_text(line).encode())
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError:
                self._file.truncate(before)
                raise
        except OSError as error:
            raise ResultsError(f"{self.folder / LINES} cannot be written: {error.strerror}; what was there is intact") from None

    def close_with(self, attempts: Container[Key], run: str, page: Callable[[Lines], Iterable[str]] | None) -> Lines:
        """Write the whole results of those attempts in order: as lines, as a table for a grade book, and as a page."""
        path = self._own(LINES)
        places = {key: place for key, of, place, _ in _places(path) if of == run and key in attempts}
        write_file(path, map(_text, Lines(path, [places[key] for key in sorted(places)])), through_links=False)
        lines = Lines(path, [place for _, _, place, _ in _places(path)])
        write_file(self._own(TABLE), _table(lines), through_links=False)
        if page is not None:
            write_file(self._own(PAGE), page(lines), through_links=False)
        return lines

    def _own(self, name: str) -> Path:
        """The place of that name, at which there is nothing yet, or what a run has written. Raises ProblemError."""
        path = self.folder / name
        is_of_ours = path.is_dir() if name == REPORTS else path.is_file()
        if path.is_symlink() or not (is_of_ours or not path.exists()):
            kind = "a link" if path.is_symlink() else "something else"
            raise ProblemError(f"{path} is {kind}; expected there what a run has written, or nothing: choose another --out")
        return path


def _not_through_links(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _begun(path: Path) -> dict[str, Any]:
    """What is kept of the run that was begun; nothing where that cannot be read."""
    try:
        with open(path, "rb") as file:
            begun = json.loads(file.read(_MOST_RUN))
        seed, folder, (part, parts) = begun["seed"], begun["folder"], begun["shard"]
        check_seed(seed)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {"seed": seed, "folder": str(folder), "shard": [str(part), str(parts)]}


def _part(run: Mapping[str, Any]) -> str:
    """Which part of which folder it is over."""
    part = "/".join(map(str, run["shard"]))
    return printable(run["folder"]) + ("" if part == "1/1" else f", shard {part}")


def _text(line: Line) -> str:
    return json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n"


def _places(path: Path) -> Iterator[tuple[Key, str, int, bool]]:
    """Of each line: the attempt, the run, where the line begins, and whether it is final; what is no line of results is passed over."""
    if not path.exists():
        return
    with open(path, "rb") as file:
        for place, text in _texts(file):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict) and not wrong_in(line):
                yield (line["attempt"], line["digest"]), line["run"], place, line["final"]


def _texts(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each whole line of the file and where it begins, without those that are longer than any of ours."""
    place, is_within = 0, False
    while text := file.readline(_MOST_LINE):
        is_whole = text.endswith(b"\n")
        if is_whole and not is_within:
            yield place, text
        place, is_within = place + len(text), not is_whole


def _end_of_whole_lines(file: BinaryIO) -> int:
    return max((place + len(text) for place, text in _texts(file)), default=0)


def _table(lines: Iterable[Line]) -> Iterator[str]:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for cells in chain([COLUMNS], ([_cell(line[column]) for column in COLUMNS] for line in lines)):
        writer.writerow(cells)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return _FORMULA.sub("'", value) if isinstance(value, str) else "" if value is None else value
