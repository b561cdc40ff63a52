"""Any CSV file with a header and a target column to predict from the others: read strictly, and prepared as the lesson's data are."""

from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike
from typing import Any

import pandas as pd

from .columns import Choice, Column, Missing, read_columns
from .faults import Faults, fail, public
from .preparing import Standardize, check_choices, split, standardized
from .reading import quoted, shown
from .target import CHECKS, Kind, as_targets

MOST_TEXTS = 100
_LEAVE_OUT = "delete the column, or leave it out with drop"
_IS_NAMES = 10      # so many records with texts that are all different: these say which record it is, and nothing about it


@dataclass(frozen=True)
class Table:
    """The records, split and prepared.

    `features` (n, d) are float64 columns called `names`; `targets` (n,) are float64, or for kind "classes" int64 indices into `classes`.
    `classes` are the labels, as text, that the targets 0, 1, … stand for; a regression has none. Of what was missing, `dropped` records
    were left out, and `filled` cells filled in.
    """

    features: pd.DataFrame
    targets: "pd.Series[Any]"
    features_test: pd.DataFrame
    targets_test: "pd.Series[Any]"
    names: tuple[str, ...]
    classes: tuple[str, ...]
    dropped: int = 0
    filled: int = 0


@public
def load_table(
    path: str | PathLike[str],
    target: str,
    *,
    kind: Kind,
    split_seed: int = 21,
    standardize: Standardize = "all",
    features: Collection[str] | None = None,
    drop: Collection[str] = (),
    missing: Missing | None = None,
) -> Table:
    """`load_table("houses.csv", "price", kind="regression")`: read, one-hot encode, standardise and split the records.

    Every column but the target is a feature, in the order of the file, or those of `features`, without those of `drop`. A column of numbers
    is standardised: mean and sample deviation (ddof = 1) over all records, or with `standardize="train"` over the training records. A
    column of text becomes one column `name=value` of 0.0 and 1.0 for each value of the file, sorted. The split is that of
    `load_admissions`: nine tenths for training, in the order in which `numpy.random.RandomState(split_seed)` draws them; the others, in
    file order, are the test set.

    The target's kind is
      - "regression": numbers, unchanged. They are not standardised: their scale is the user's to choose.
      - "binary": 0 and 1, or two text labels, of which the first in sorted order is 0.0 and the other 1.0.
      - "classes": whole numbers or text labels, of two or more values: in sorted order they are the classes 0 … K-1. So the numbers
        0 … K-1 stay unchanged; of 1, 2, 3 the 1 is class 0, and of 0, 2 the 2 is class 1.

    An empty cell, or in a column of numbers one such as NA, is a fault, or with `missing="drop"` its record is left out; with "mean" it is
    the column's mean over the records that it is standardised by, for numbers of a feature.

    Raises `DataError` with all that is wrong with the file, `ValueError` for another argument that is invalid.
    """
    if kind not in list(CHECKS):
        raise ValueError(f"kind is {kind!r}; expected 'regression', 'binary' or 'classes'")
    check_choices(split_seed, standardize)
    faults = Faults(path)
    read = read_columns(faults, target, CHECKS[kind], Choice(features, drop, missing))
    faults.check()
    training, test = split(path, pd.RangeIndex(len(read.target.numbers)), split_seed)
    prepared: dict[str, pd.Series[float]] = {}
    for column in read.features:
        with faults.gathered():
            for name, values in _prepared(path, column, training, standardize).items():
                if name in prepared:
                    where, clash = f"column {shown(column.name)}", f"its feature {quoted(name)} has the name of another one"
                    fail(path, f"{where}: {clash}", "expected other names: rename the column")
                prepared[name] = values
    faults.check()
    targets, classes = as_targets(path, read.target, kind)
    frame = pd.DataFrame(prepared)
    parts = frame.loc[training], targets.loc[training], frame.loc[test], targets.loc[test]
    return Table(*parts, names=tuple(prepared), classes=classes, dropped=read.dropped, filled=read.filled)


def _prepared(path: str | PathLike[str], column: Column, training: pd.Index, standardize: Standardize) -> "dict[str, pd.Series[float]]":
    """Return the features that one column becomes, by name."""
    if column.is_numeric:
        numbers = pd.Series(column.numbers, name=column.name, dtype="float64")
        return {column.name: standardized(path, numbers, training, standardize)}
    texts = sorted(set(column.texts))
    where = f"column {shown(column.name)}"
    if len(texts) == 1:
        fail(path, f"{where}: every value is {quoted(texts[0])}", f"expected values that tell records apart: {_LEAVE_OUT}")
    if len(texts) > MOST_TEXTS:
        fail(path, f"{where}: {len(texts)} different texts", f"expected at most {MOST_TEXTS}, a category and no identifier: {_LEAVE_OUT}")
    if len(texts) == len(column.texts) >= _IS_NAMES:
        what = f"all of its {len(texts)} texts are different, as names are"
        fail(path, f"{where}: {what}", f"expected a category: leave it out, as by --drop {shown(column.name)}, or drop in Python")
    place_of = {text: place for place, text in enumerate(texts)}
    places = pd.Series([place_of[text] for text in column.texts])
    return {f"{column.name}={text}": (places == place).astype("float64") for text, place in place_of.items()}
