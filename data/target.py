"""The target column: which cells each kind of target allows, and how labels become numbers."""

from collections.abc import Iterable
from os import PathLike
from typing import Any, Literal

import pandas as pd

from .columns import Check, Column, listed
from .faults import LabelsError, fail
from .reading import quoted, shown

Kind = Literal["regression", "binary", "classes"]

_WHOLE = 2**53      # from here on, neighbouring whole numbers share one float64


def _number(cell: str, number: float | None) -> str | None:
    return None


def _zero_or_one(cell: str, number: float | None) -> str | None:
    what = f"{quoted(cell)} is neither 0 nor 1; expected those or two text labels for kind 'binary': recode it, or choose 'classes'"
    return what if number not in (None, 0, 1) else None


def _whole(cell: str, number: float | None) -> str | None:
    if number is not None and not number.is_integer():
        return f"{quoted(cell)} is not whole; expected whole numbers or text labels for kind 'classes': quantities are for 'regression'"
    if number is not None and abs(number) >= _WHOLE:
        return f"{quoted(cell)} is out of range; expected whole numbers below 2**53 or text labels for kind 'classes'"
    return None


CHECKS: dict[Kind, Check] = {"regression": _number, "binary": _zero_or_one, "classes": _whole}


def as_targets(path: str | PathLike[str], column: Column, kind: Kind) -> tuple["pd.Series[Any]", tuple[str, ...]]:
    """Return the targets of checked cells, and the labels of their classes.

    Raises `DataError` for too few classes, and LabelsError for text where numbers are expected, or more than two labels where two are.
    """
    if kind == "regression" and column.is_numeric:
        return pd.Series(column.numbers, name=column.name, dtype="float64"), ()
    values: Iterable[int] | Iterable[str] = [int(number) for number in column.numbers] if column.is_numeric else column.texts
    distinct: list[Any] = sorted(set(values))
    classes = tuple(str(value) for value in distinct)
    where, two = f"column {shown(column.name)}", kind == "binary"
    if kind == "regression":
        what = f"{where} is text, with {len(classes)} labels, {listed(classes)}"
        raise LabelsError(path, what, "expected numbers for kind 'regression': text labels are for 'binary' or 'classes'", classes)
    if len(classes) == 1:
        fail(path, f"{where}: every value is {shown(classes[0])}; expected records of {'both' if two else 'two or more'} classes")
    if len(classes) > 2 and two:
        what = f"{where}: there are {len(classes)} labels, {listed(classes)}"
        raise LabelsError(path, what, "expected two for kind 'binary': choose 'classes'", classes)
    index_of = {value: index for index, value in enumerate(distinct)}
    return pd.Series([index_of[value] for value in values], name=column.name, dtype="float64" if two else "int64"), classes
