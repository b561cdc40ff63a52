"""The results of a run on the disk: a line for each attempt as it is finished, and whole files at the end."""

import csv
import json
import os
from collections.abc import Iterable
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any, Self

from compare.errors import CompareError
from compare.output import locked, write_file

LINES, TABLE, PAGE, RUN = "results.jsonl", "grades.csv", "index.html", "run.json"
COLUMNS = ("attempt", "verdict", "score", "stage", "mistakes", "hint", "reason")
Line = dict[str, Any]


class ResultsError(CompareError):
    """Results that cannot be written."""


class Results:
    """The folder of a run's results, which one run at a time has.

    A line is on the disk before the next attempt is begun; one that was cut off is forgotten. Raises ResultsError, and
    ProblemError for a folder that another run has.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open = ExitStack()
        self._open.enter_context(locked(folder))
        self._file: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        self._open.close()

    def run(self, drawn: int) -> int:
        """The seed of this run: the one of a run that was begun here, else the one that is drawn."""
        path = self.folder / RUN
        try:
            return int(json.loads(path.read_text(encoding="utf-8"))["seed"])
        except (OSError, ValueError, KeyError, TypeError):
            write_file(path, json.dumps({"seed": drawn}) + "\n")
            return drawn

    def finished(self, run: str) -> dict[tuple[str, str], Line]:
        """The lines of attempts that are finished by the settings of this run, by name and content.

        What follows the last whole line is cut off.
        """
        path = self.folder / LINES
        found: dict[tuple[str, str], Line] = {}
        if path.exists():
            data = path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            for text in whole.splitlines():
                try:
                    line = json.loads(text)
                    if line["run"] == run:
                        found[line["attempt"], line["digest"]] = line
                except (ValueError, KeyError, TypeError):
                    continue
            if len(whole) < len(data):
                with open(path, "r+b") as file:
                    file.truncate(len(whole))
        return found

    def add(self, line: Line, page: str | None = None) -> None:
        """Append the line, so that it is there even if the next moment is the last; its page, if it has one, is there before it."""
        if page is not None:
            place = self.folder / line["report"]
            place.parent.mkdir(exist_ok=True)
            write_file(place, page)
        try:
            if self._file is None:
                self._file = self._open.enter_context(open(self.folder / LINES, "ab"))  # noqa: SIM115
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

    def close_with(self, lines: Iterable[Line], page: str | None) -> None:
        """Write the whole results in order: as lines, as a table for a grade book, and as a page."""
        ordered = sorted(lines, key=lambda line: line["attempt"])
        write_file(self.folder / LINES, "".join(map(_text, ordered)))
        write_file(self.folder / TABLE, _table(ordered))
        if page is not None:
            write_file(self.folder / PAGE, page)


def _text(line: Line) -> str:
    return json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n"


def _table(lines: Iterable[Line]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow([_cell(line[column]) for column in COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value
