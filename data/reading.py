"""A CSV file as rows of cells, read strictly: what every reader here shares, from the file's bytes to the text of a cell.

Nothing is repaired. A byte that is no text, a quote that does not close, a blank line, a row of another length than the header:
each is one `DataError` that names the file and the line.
"""

import csv
import io
import os
import re
from collections.abc import Iterator
from os import PathLike
from typing import NoReturn

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_CHUNK = 1 << 20
_SHOWN = 40         # characters of a cell that a message repeats
_PLAIN = re.compile(r"\w[\w.-]*")


class DataError(ValueError):
    """A data file cannot be used; the message says which file, where in it, what was expected and what to do."""


def read_rows(path: str | PathLike[str], columns: str) -> Iterator[tuple[int, list[str]]]:
    """The header and then each record, as the line on which it begins and its cells without the spaces round them.

    There is a header and at least one record, and each record has as many cells as the header. `columns` says in messages which
    columns were expected. Raises `DataError` at the first fault, so what was yielded before it can be checked before it.
    """
    rows = csv.reader(io.StringIO(_text(path, columns), newline=""), strict=True)
    header: list[str] | None = None
    has_records = False
    blank: int | None = None
    line = 1      # where the next row begins; a quoted cell may go on over several lines
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if len(cells) < 2 and not any(cells):
                blank = blank or line
            elif blank is not None:
                fail(path, f"line {blank} is blank; expected {'a record' if header else 'the header'}: delete the line")
            elif header is None:
                header = cells
                yield line, cells
            else:
                if len(cells) != len(header):
                    what = f"column {shown(header[len(cells)])} is missing" if len(cells) < len(header) else "too many cells"
                    fail(path, f"line {line}: {what}: {len(cells)} cells where the header has {len(header)} columns")
                has_records = True
                yield line, cells
            line = rows.line_num + 1
    except csv.Error as error:
        fail(path, f"line {blank or line} is not CSV: {error}")
    if header is None:
        fail(path, f"the file is empty; expected the header {columns} and one record a line")
    if not has_records:
        fail(path, "there is a header and no record; expected one record a line")


def _text(path: str | PathLike[str], columns: str) -> str:
    raw = bytearray()
    try:
        with open(os.fspath(path), "rb") as file:
            while chunk := file.read(_CHUNK):
                raw += chunk
                if 0 in chunk:
                    fail(path, f"line {_line_at(raw, raw.index(0))} holds a NUL byte; expected a text file in UTF-8")
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        fail(path, f"cannot be read: {reason}; expected a CSV file with the columns {columns}")
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        fail(path, f"line {_line_at(raw, error.start)} is not UTF-8 (byte {raw[error.start]:#04x}); save the file as UTF-8")


def _line_at(raw: bytearray, position: int) -> int:
    """The line of the byte at that position, lines ending in LF, CR LF or CR."""
    return len(re.findall(rb"\r\n|\r|\n", raw[:position])) + 1


def quoted(text: str) -> str:
    """A cell as a message repeats it: shortened, and what a terminal would obey or not show escaped."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def shown(name: str) -> str:
    """A column's name as a message says it: as it is if it is one plain word, else as a cell."""
    return name if len(name) <= _SHOWN and _PLAIN.fullmatch(name) else quoted(name)


def fail(path: str | PathLike[str], what: str) -> NoReturn:
    """Raise the `DataError` that says this of the file."""
    raise DataError(f"{os.fsdecode(path)!r}: {what}") from None
