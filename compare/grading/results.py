"""The results of a run on disk: a line for each attempt as soon as it is graded, and the complete files at the end."""

import csv
import json
import os
import re
import secrets
from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from ..problem.validation import check_seed
from ..report.grades import named
from ..support.errors import CompareError, ProblemError
from ..support.output import locked, printable, write_file
from .line import REPORTS, Line, wrong_in

LINES, TABLE, PAGE, RUN = "results.jsonl", "grades.csv", "index.html", "run.json"
COLUMNS = ("attempt", "verdict", "score", "stage", "mistakes", "lines", "hint", "reason", "network")
_FORMULA = re.compile(r"""(?:^|(?<=[;\t\r\n]))(?=[\s'"]*[=+\-@＝＋－＠])""")      # a cell's start, by any separator
_MOST_LINE, _MOST_RUN = 1 << 20, 1 << 16      # bytes of a line, and of run.json
_REPORT = re.compile(r"[0-9a-f]{16}\.html")      # as report_place names it
Key = tuple[str, str]      # an attempt's name, and the hash of its content


class ResultsError(CompareError):
    """The results cannot be written; the message says why."""


class Lines(Sequence[Line]):
    """Lines of the results that are read from their file on access, since there may be too many for memory."""

    def __init__(self, path: Path, places: Iterable[int]) -> None:
        self.path, self._places = path, array("Q", places)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Lines(self.path, self._places[index])
        return next(iter(Lines(self.path, [self._places[index]])))

    def __iter__(self) -> Iterator[Line]:
        with open(self.path, "rb") as file:
            for place in self._places:
                file.seek(place)
                yield json.loads(file.readline())


class Results(AbstractContextManager["Results"]):
    """The folder of a run's results, locked for one run at a time.

    A line is on disk before the next attempt begins, and an incomplete one is dropped. Nothing is written through a link, which could lead
    anywhere. Raises ResultsError, and ProblemError for a folder that is in use by another run or contains something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: Any = None
        if not has_results(folder) and _visible(folder):
            said = "has files, and no results of this tool; expected a new or empty folder, or one with its results: choose another --out"
            raise ProblemError(f"{printable(str(folder))} {said}")
        with ExitStack() as stack:
            stack.enter_context(locked(folder))
            for name in (LINES, TABLE, PAGE, RUN, REPORTS):
                self._own(name)
            self._open = stack.pop_all()

    def __exit__(self, *about: object) -> None:
        self._open.close()

    def begin(self, attempts: Path, shard: tuple[int, int], seed: int | None) -> int:
        """Begin or resume a run; return `seed`, else the begun run's, else a new one. Raises ProblemError for another folder or shard."""
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
        """Cut off an incomplete last line, and return the attempts that are finished by the settings of this run."""
        path = self._own(LINES)
        if path.exists():
            with open(path, "r+b", opener=_not_through_links) as file:
                file.truncate(max((place + len(text) for place, text in _texts(file)), default=0))
        return {key for key, of, _, is_final in _places(path) if of == run and is_final}

    def add(self, line: Line, page: str | None = None) -> None:
        """Write the attempt's page, if it has one, then append the line and flush it to disk."""
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
        """Write the results of those attempts in order of names: as lines, as a CSV table, and as a page; return the lines.

        Reports of earlier runs that no line tells of are removed, since they may show more than this run may.
        """
        path = self._own(LINES)
        places = {key: place for key, of, place, _ in _places(path) if of == run and key in attempts}
        write_file(path, map(_text, Lines(path, [places[key] for key in sorted(places)])), through_links=False)
        lines = Lines(path, [place for _, _, place, _ in _places(path)])
        write_file(self._own(TABLE), _table(lines), through_links=False)
        if page is not None:
            write_file(self._own(PAGE), page(lines), through_links=False)
        self._remove_reports(line["report"] for line in lines)
        return lines

    def _remove_reports(self, kept: Iterable[str | None]) -> None:
        """Remove the reports that are not among the kept ones."""
        reports, names = self._own(REPORTS), {Path(report).name for report in kept if report}
        try:
            for entry in list(os.scandir(reports)) if reports.exists() else []:
                if _REPORT.fullmatch(entry.name) and entry.name not in names and entry.is_file(follow_symlinks=False):
                    os.unlink(entry)
        except OSError as error:
            raise ResultsError(f"an old report in {reports} cannot be removed: {error.strerror}; the results are written") from None

    def _own(self, name: str) -> Path:
        """Return the path of that name; raises ProblemError unless there is nothing, or something that a run may have written."""
        path = self.folder / name
        is_of_a_run = path.is_dir() if name == REPORTS else path.is_file()
        if path.is_symlink() or (path.exists() and not is_of_a_run):
            kind = "a link" if path.is_symlink() else "something else"
            raise ProblemError(f"{path} is {kind}; expected there what a run has written, or nothing: choose another --out")
        return path


def has_results(folder: Path) -> bool:
    """Whether the folder has the results of a run, finished or only begun."""
    run, lines = folder / RUN, folder / LINES
    if os.path.isfile(run) and _begun(run):
        return True
    try:
        return os.path.isfile(lines) and _line(_first(lines)) is not None
    except OSError:
        return False


def _first(lines: Path) -> bytes:
    """Return the first line, or as much of it as a line of the results may have."""
    with open(lines, "rb") as file:
        return file.readline(_MOST_LINE)


def _visible(folder: Path) -> list[str]:
    """Return the names in the folder that are not hidden, as those of a lock are; none of a folder that cannot be read."""
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError:
        return []


def _not_through_links(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _begun(path: Path) -> dict[str, Any]:
    """Return the seed, folder and shard of the run that was begun, or an empty dict if they cannot be read."""
    try:
        with open(path, "rb") as file:
            begun = json.loads(file.read(_MOST_RUN))
        seed, folder, (part, parts) = begun["seed"], begun["folder"], begun["shard"]
        check_seed(seed)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {"seed": seed, "folder": str(folder), "shard": [str(part), str(parts)]}


def _part(run: Mapping[str, Any]) -> str:
    """Describe the folder and shard of a run."""
    part = "/".join(map(str, run["shard"]))
    return printable(run["folder"]) + ("" if part == "1/1" else f", shard {part}")


def _text(line: Line) -> str:
    return json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n"


def _places(path: Path) -> Iterator[tuple[Key, str, int, bool]]:
    """Yield each valid line's attempt, run, offset in the file, and whether it is final."""
    if not path.exists():
        return
    with open(path, "rb") as file:
        for place, text in _texts(file):
            if (line := _line(text)) is not None:
                yield (line["attempt"], line["digest"]), line["run"], place, line["final"]


def _line(text: bytes) -> Line | None:
    """Return the line that the text is, or None if it is no valid one."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and not wrong_in(line) else None


def _texts(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and bytes of each complete line of the file that is not longer than _MOST_LINE."""
    place, is_within = 0, False
    while text := file.readline(_MOST_LINE):
        is_whole = text.endswith(b"\n")
        if is_whole and not is_within:
            yield place, text
        place, is_within = place + len(text), not is_whole


def _table(lines: Iterable[Line]) -> Iterator[str]:
    for cells in chain([COLUMNS], ([_cell(named(line) if column == "mistakes" else line[column]) for column in COLUMNS] for line in lines)):
        text = StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        yield text.getvalue()


def _cell(value: Any) -> Any:
    """Return the value as a cell that no spreadsheet takes for a formula."""
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    return _FORMULA.sub("'", value) if isinstance(value, str) else "" if value is None else value
