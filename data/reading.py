"""A strict reader of CSV files, shared by all loaders here: from the file's bytes to rows of cells.

Nothing is repaired. A byte that is not UTF-8, a quote that does not close, a blank line, a row of another length than the header:
each is a fault that names the line.
"""

import csv
import io
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from os import PathLike

from .faults import DataError, Faults, fail
from .spelling import is_grouped

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_CHUNK = 1 << 20
_SHOWN = 40         # the most characters of a cell that a message repeats
_PLAIN = re.compile(r"\w[\w.-]*")


def read_rows(faults: Faults, columns: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the header, then each record: the line on which it begins, and its cells without the spaces around them.

    There must be a header and at least one record, and each record must have as many cells as the header; of another length it is a fault,
    and is left out. `columns` names the expected columns in messages. Raises `DataError` where there is no header, or the rest is not CSV.
    """
    path = faults.path
    text = read_text(path, f"a CSV file with the columns {columns}")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    has_records = False
    blank: int | None = None
    line = 1      # where the next row begins; a quoted cell may go on over several lines
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if len(cells) < 2 and not any(cells):
                blank = blank or line
            else:
                if blank is not None:
                    faults.add(f"line {blank} is blank", f"expected {'a record' if header else 'the header'}: delete the line", blank)
                    blank = None
                if header is None:
                    header = cells
                    yield line, cells
                elif len(cells) == len(header):
                    has_records = True
                    yield line, cells
                else:
                    _add_other_length(faults, line, cells, header)
            line = rows.line_num + 1
    except csv.Error as error:
        advice = "expected cells with commas between them, and quotes in pairs"
        faults.add(f"line {blank or line} is not CSV: {error}", advice, blank or line)
        faults.check()
    if header is None:
        fail(path, f"the file is empty; expected the header {columns} and one record a line")
    if not has_records:
        faults.check()
        fail(path, "there is a header and no record; expected one record a line")


def _add_other_length(faults: Faults, line: int, cells: list[str], header: list[str]) -> None:
    """Note a record that has not as many cells as the header; of one with a number like 1,234 in it, say so."""
    what = f"column {shown(header[len(cells)])} is missing" if len(cells) < len(header) else "too many cells"
    is_split = len(cells) > len(header) and any(is_grouped(f"{one},{other}") for one, other in pairwise(cells))
    advice = "expected numbers without commas, 1234 and not 1,234, or the cell in quotes" if is_split else "expected a cell for each column"
    faults.add(f"line {line}: {what}: {len(cells)} cells where the header has {len(header)} columns", advice, line)


def read_text(path: str | PathLike[str], expected: str) -> str:
    """Return the file's text, without a byte order mark; `expected` says in messages what the file should be. Raises `DataError`."""
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
        fail(path, f"cannot be read: {reason}; expected {expected}")
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        fail(path, f"line {_line_at(raw, error.start)} is not UTF-8 (byte {raw[error.start]:#04x}); save the file as UTF-8")


def _line_at(raw: bytearray, position: int) -> int:
    """Return the line of the byte at that position; lines end in LF, CR LF or CR."""
    return len(re.findall(rb"\r\n|\r|\n", raw[:position])) + 1


def quoted(text: str) -> str:
    """Return a cell for a message: shortened, with control and other unprintable characters escaped."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def shown(name: str) -> str:
    """Return a column's name for a message: unchanged if it is one plain word, else quoted as a cell."""
    return name if len(name) <= _SHOWN and _PLAIN.fullmatch(name) else quoted(name)
