"""Graduate admissions: a strict reader of the CSV, and the lesson's preparation of its records.

The reader repairs nothing. A cell that is not a plain finite number, a row of another length, a header that differs: each is one
`DataError` that names the file, the line and the column.
"""

import csv
import io
import math
import os
import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
import pandas as pd

LESSON_CSV = Path(__file__).parent / "binary.csv"
COLUMNS = ("admit", "gre", "gpa", "rank")
STANDARDIZED = ("gre", "gpa")
RANKS = (1, 2, 3, 4)
FEATURES = (*STANDARDIZED, *(f"rank_{rank}" for rank in RANKS))
TRAINING_SHARE = 0.9

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_CHUNK = 1 << 20
_SCALED = 1e-6      # how far mean 0 and deviation 1 may be missed; sound data miss them by a few ulps
_SHOWN = 40         # characters of a cell that a message repeats


class DataError(ValueError):
    """A data file cannot be used; the message says which file, where in it, what was expected and what to do."""


@dataclass(frozen=True)
class Admissions:
    """The records, split and prepared: `features` (n, 6) in the order of `FEATURES`, `targets` (n,) of 0.0 and 1.0."""

    features: pd.DataFrame
    targets: "pd.Series[float]"
    features_test: pd.DataFrame
    targets_test: "pd.Series[float]"


def load_admissions(
    path: str | PathLike[str] = LESSON_CSV,
    *,
    split_seed: int = 21,
    standardize: Literal["all", "train"] = "all",
) -> Admissions:
    """Read, one-hot, standardise and split the records: by default exactly as the lesson's `data_prep` does.

    Nine tenths of the rows are drawn for training, in the order in which `numpy.random.RandomState(split_seed)` draws them; the
    others, in file order, are the test. `standardize="all"` takes mean and sample deviation (ddof = 1) of gre and gpa over all
    records, which lets the training see the test rows, as the lesson does; `"train"` takes them over the training rows only.

    Raises `DataError` if the file cannot be used, `ValueError` for a `split_seed` or `standardize` that is none.
    """
    if standardize not in ("all", "train"):
        raise ValueError(f"standardize is {standardize!r}; expected 'all' or 'train'")
    if type(split_seed) is not int or not 0 <= split_seed < 2**32:
        raise ValueError(f"split_seed is {split_seed!r}; expected a whole number from 0 to {2**32 - 1}")
    records = read_admissions(path)
    n_training = int(len(records) * TRAINING_SHARE)
    if n_training < 2 or n_training == len(records):
        _fail(path, f"{len(records)} record(s) are too few to split into training and test; expected at least 3")
    if records["admit"].nunique() < 2:
        _fail(path, f"column admit: every value is {records['admit'].iloc[0]:g}; expected records of both classes, 0 and 1")

    drawn = np.random.RandomState(split_seed).choice(records.index.to_numpy(), size=n_training, replace=False)
    fitted_on = records if standardize == "all" else records.loc[drawn]
    features = pd.DataFrame(
        {name: _standardized(records[name], fitted_on[name], path, standardize) for name in STANDARDIZED}
        | {f"rank_{rank}": (records["rank"] == rank).astype(float) for rank in RANKS}
    )
    targets = records["admit"]
    others = records.index.difference(pd.Index(drawn))
    return Admissions(features.loc[drawn], targets.loc[drawn], features.loc[others], targets.loc[others])


def read_admissions(path: str | PathLike[str] = LESSON_CSV) -> pd.DataFrame:
    """Every record of the file as float64 columns `admit, gre, gpa, rank`, in file order; raises `DataError`."""
    rows = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    records: list[list[float]] = []
    header: list[str] | None = None
    blank: int | None = None
    line = 1      # where the next row begins; a quoted cell may go on over several lines
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if len(cells) < 2 and not any(cells):
                blank = blank or line
            elif blank is not None:
                _fail(path, f"line {blank} is blank; expected {'a record' if header else 'the header'}: delete the line")
            elif header is None:
                header = _checked_header(path, cells)
            else:
                if len(cells) != len(header):
                    what = f"column {header[len(cells)]} is missing" if len(cells) < len(header) else "too many cells"
                    _fail(path, f"line {line}: {what}: {len(cells)} cells where the header has {len(header)} columns")
                records.append([_value(path, line, name, cell) for name, cell in zip(header, cells, strict=True)])
            line = rows.line_num + 1
    except csv.Error as error:
        _fail(path, f"line {blank or line} is not CSV: {error}")
    if header is None:
        _fail(path, f"the file is empty; expected the header {','.join(COLUMNS)} and one record a line")
    if not records:
        _fail(path, "there is a header and no record; expected one record a line")
    return pd.DataFrame(records, columns=pd.Index(header), dtype=float)[list(COLUMNS)]


def _text(path: str | PathLike[str]) -> str:
    raw = bytearray()
    try:
        with open(os.fspath(path), "rb") as file:
            while chunk := file.read(_CHUNK):
                raw += chunk
                if 0 in chunk:
                    _fail(path, f"line {_line_at(raw, raw.index(0))} holds a NUL byte; expected a text file in UTF-8")
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        _fail(path, f"cannot be read: {reason}; expected a CSV file with the columns {','.join(COLUMNS)}")
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        _fail(path, f"line {_line_at(raw, error.start)} is not UTF-8 (byte {raw[error.start]:#04x}); save the file as UTF-8")


def _line_at(raw: bytearray, position: int) -> int:
    """The line of the byte at that position, lines ending in LF, CR LF or CR."""
    return len(re.findall(rb"\r\n|\r|\n", raw[:position])) + 1


def _checked_header(path: str | PathLike[str], names: list[str]) -> list[str]:
    for position, name in enumerate(names):
        if name not in COLUMNS:
            _fail(path, f"line 1: unknown column {_quoted(name)}; expected the columns {','.join(COLUMNS)}")
        if name in names[:position]:
            _fail(path, f"line 1: column {name} stands twice; expected each of {','.join(COLUMNS)} once")
    for name in COLUMNS:
        if name not in names:
            _fail(path, f"line 1: column {name} is missing; expected the columns {','.join(COLUMNS)}")
    return names


def _value(path: str | PathLike[str], line: int, column: str, cell: str) -> float:
    expected = {
        "admit": "0 or 1",
        "gre": "a number such as 580",
        "gpa": "a number such as 3.61",
        "rank": "1, 2, 3 or 4",
    }[column]
    if not _NUMBER.fullmatch(cell):
        what = f"{_quoted(cell)} is not a number" if cell else "the cell is empty"
        _fail(path, f"line {line}, column {column}: {what}; expected {expected}")
    value = float(cell)
    allowed = {"admit": (0, 1), "rank": RANKS}.get(column)
    if not math.isfinite(value) or (allowed is not None and value not in allowed):
        _fail(path, f"line {line}, column {column}: {_quoted(cell)} is out of range; expected {expected}")
    return value


def _standardized(
    values: "pd.Series[float]", fitted_on: "pd.Series[float]", path: str | PathLike[str], standardize: str
) -> "pd.Series[float]":
    where = f"column {values.name}"
    if fitted_on.nunique() < 2:
        rows = "every value" if standardize == "all" else "every training value"
        _fail(path, f"{where}: {rows} is {fitted_on.iloc[0]:g}; it has no deviation to standardise by: expected different values")
    with np.errstate(all="ignore"):
        mean, deviation = fitted_on.mean(), fitted_on.std(ddof=1)
        scaled = (values - mean) / deviation
        check = (fitted_on - mean) / deviation
        # Where squares overflow or vanish, or neighbours are ulps apart, the result is finite and means nothing.
        is_sound = abs(check.mean()) <= _SCALED and abs(check.std(ddof=1) - 1) <= _SCALED and np.isfinite(scaled).all()
    if not is_sound:
        _fail(path, f"{where}: the values are too large, too small or too close together to standardise: rescale the column")
    return scaled


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _fail(path: str | PathLike[str], what: str) -> NoReturn:
    raise DataError(f"{os.fsdecode(path)!r}: {what}") from None
