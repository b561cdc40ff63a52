"""Handwritten digits: the 1,797 images of the UCI repository, 8 × 8 pixels from 0 to 16, read strictly and split."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .faults import Faults, fail, public
from .preparing import check_choices, split
from .reading import quoted, read_rows, shown

DIGITS_CSV = Path(__file__).parent / "digits.csv"
SIDE, LARGEST, CLASSES = 8, 16, 10
COLUMNS = (*(f"p{row}{column}" for row in range(SIDE) for column in range(SIDE)), "digit")


@dataclass(frozen=True)
class Digits:
    """The images (n, 8, 8) with pixels from 0.0 to 1.0, and the digits (n,) of 0 to 9, for training and for a test."""

    images: NDArray[np.float64]
    digits: NDArray[np.int64]
    images_test: NDArray[np.float64]
    digits_test: NDArray[np.int64]


@public
def load_digits(path: str | PathLike[str] = DIGITS_CSV, *, split_seed: int = 21) -> Digits:
    """Read and split the images: nine tenths, drawn by `RandomState(split_seed)`, for training, and the others, in file order, for a test.

    Raises `DataError` if the file cannot be used, `ValueError` for an invalid `split_seed`.
    """
    check_choices(split_seed, "all")
    faults = Faults(path)
    rows = read_rows(faults, "p00,p01,…,p77,digit")
    header = tuple(next(rows)[1])
    if header != COLUMNS:
        wrong = next((name for name, right in zip(header, COLUMNS, strict=False) if name != right), None)
        what = f"{len(header)} columns" if wrong is None else f"the column {shown(wrong)}"
        fail(path, f"line 1: {what}; expected the {len(COLUMNS)} columns p00,p01,…,p77,digit, in this order")
    numbers = np.array([[_value(faults, line, name, cell) for name, cell in zip(COLUMNS, cells, strict=True)] for line, cells in rows])
    faults.check()
    images, digits = numbers[:, :-1].reshape(-1, SIDE, SIDE) / LARGEST, numbers[:, -1]
    training, test = split(path, pd.RangeIndex(len(numbers)), split_seed)
    return Digits(images[training], digits[training], images[test], digits[test])


def _value(faults: Faults, line: int, column: str, cell: str) -> int:
    """Return the cell's number; note a fault and return 0 if it is none, or out of range."""
    most = CLASSES - 1 if column == "digit" else LARGEST
    if cell.isascii() and cell.isdigit() and int(cell) <= most:
        return int(cell)
    faults.add(f"line {line}, column {column}: {quoted(cell)}", f"expected a whole number from 0 to {most}", line)
    return 0
