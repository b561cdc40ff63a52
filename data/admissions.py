"""Graduate admissions: a strict reader of the lesson's columns, and the lesson's preparation of its records.

The reader repairs nothing. A cell that is not a plain finite number, a row of another length, a header that differs: all that is wrong is
said in one `DataError`, which names the file, the lines and the columns.
"""

import math
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from .faults import Faults, fail, public
from .preparing import Standardize, check_choices, split, standardized
from .reading import NUMBER, quoted, read_rows
from .spelling import meant

LESSON_CSV = Path(__file__).parent / "binary.csv"
STANDARDIZED = ("gre", "gpa")
RANKS = (1, 2, 3, 4)
COLUMNS = {      # what a message expects in each, and the values that are allowed, if not all
    "admit": ("0 or 1", (0, 1)),
    "gre": ("a number such as 580", None),
    "gpa": ("a number such as 3.61", None),
    "rank": ("1, 2, 3 or 4", RANKS),
}
FEATURES = (*STANDARDIZED, *(f"rank_{rank}" for rank in RANKS))


@dataclass(frozen=True)
class Admissions:
    """The records, split and prepared: `features` (n, 6) in the order of `FEATURES`, `targets` (n,) of 0.0 and 1.0."""

    features: pd.DataFrame
    targets: "pd.Series[float]"
    features_test: pd.DataFrame
    targets_test: "pd.Series[float]"


@public
def load_admissions(path: str | PathLike[str] = LESSON_CSV, *, split_seed: int = 21, standardize: Standardize = "all") -> Admissions:
    """Read, one-hot encode, standardise and split the records: by default exactly as the lesson's `data_prep` does.

    Nine tenths of the rows are drawn for training, in the order in which `numpy.random.RandomState(split_seed)` draws them; the
    others, in file order, are the test set. `standardize="all"` takes mean and sample deviation (ddof = 1) of gre and gpa over all
    records, so that the test rows have a part in them, as in the lesson; `"train"` takes them over the training rows only.

    Raises `DataError` if the file cannot be used, `ValueError` for an invalid `split_seed` or `standardize`.
    """
    check_choices(split_seed, standardize)
    records = read_admissions(path)
    training, test = split(path, records.index, split_seed)
    if records["admit"].nunique() < 2:
        fail(path, f"column admit: every value is {records['admit'].iloc[0]:g}; expected records of both classes, 0 and 1")
    features = pd.DataFrame(
        {name: standardized(path, records[name], training, standardize) for name in STANDARDIZED}
        | {f"rank_{rank}": (records["rank"] == rank).astype(float) for rank in RANKS}
    )
    targets = records["admit"]
    return Admissions(features.loc[training], targets.loc[training], features.loc[test], targets.loc[test])


@public
def read_admissions(path: str | PathLike[str] = LESSON_CSV) -> pd.DataFrame:
    """Return every record of the file as float64 columns `admit, gre, gpa, rank`, in file order; raises `DataError`."""
    faults = Faults(path)
    rows = read_rows(faults, ",".join(COLUMNS))
    header = next(rows)[1]
    _check_header(path, header)
    records = [[_value(faults, line, name, cell) for name, cell in zip(header, cells, strict=True)] for line, cells in rows]
    faults.check()
    return pd.DataFrame(records, columns=pd.Index(header), dtype=float)[list(COLUMNS)]


def _check_header(path: str | PathLike[str], names: list[str]) -> None:
    expected = f"expected the columns {','.join(COLUMNS)}"
    for position, name in enumerate(names):
        if name not in COLUMNS:
            fail(path, f"line 1: unknown column {quoted(name)}", f"{expected}; of a file with other columns say the one to learn: --target")
        if name in names[:position]:
            fail(path, f"line 1: column {name} stands twice; expected each of {','.join(COLUMNS)} once")
    for name in COLUMNS:
        if name not in names:
            fail(path, f"line 1: column {name} is missing; {expected}")


def _value(faults: Faults, line: int, column: str, cell: str) -> float:
    """Return the cell's number; note a fault and return NaN if it is none, or out of range."""
    expected, allowed = COLUMNS[column]
    where, value = f"line {line}, column {column}", float(cell) if NUMBER.fullmatch(cell) else math.nan
    if not cell:
        faults.add(f"{where}: the cell is empty", f"expected {expected} as {column}", line)
    elif math.isnan(value):
        like = meant(cell)
        faults.add(f"{where}: {quoted(cell)} is not a number{f'; it {like}' if like else ''}", f"expected {expected} as {column}", line)
    elif not math.isfinite(value) or (allowed is not None and value not in allowed):
        faults.add(f"{where}: {quoted(cell)} is out of range", f"expected {expected} as {column}", line)
    return value
