"""The columns of a CSV file: each holds numbers or text, whichever most of its cells are, and every cell is checked."""

import math
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from typing import Literal, get_args

from .faults import MOST, Faults, fail
from .reading import NUMBER, quoted, read_rows, shown
from .spelling import is_grouped, is_missing, meant

_NAMED = 8      # the most columns that a message lists
_MIXED = "a text column may hold no numbers and a numeric one no text: correct the cell"
_EMPTY = "expected a number or text: fill it in, delete the record, or choose --missing drop or mean"

Check = Callable[[str, float | None], str | None]
"""Takes a target's cell and its number, None for text, and returns what is wrong with it, or None."""
Missing = Literal["drop", "mean"]


@dataclass(frozen=True)
class Choice:
    """Which columns are features, by name, all if None; which are left out; and what becomes of records with missing cells."""

    features: Collection[str] | None = None
    drop: Collection[str] = ()
    missing: Missing | None = None

    def __post_init__(self) -> None:
        """Raise `ValueError` for what is none of these."""
        for what, names in (("features", self.features), ("drop", self.drop)):
            if names is not None and (isinstance(names, str) or not all(isinstance(name, str) for name in names)):
                raise ValueError(f"{what} is {names!r}; expected a list of columns' names")
        if self.missing not in (None, *get_args(Missing)):
            raise ValueError(f"missing is {self.missing!r}; expected 'drop', 'mean' or None")


class Column:
    """One column, by record: its `numbers`, NaN where there is none, and its `texts`, empty where there is a number.

    The numbers of a target must pass `check`.
    """

    def __init__(self, name: str, check: Check | None = None) -> None:
        self.name = name
        self.numbers = array("d")
        self.texts: list[str] = []
        self.is_numeric = True
        self._check = check
        self._written: dict[int, str] = {}      # the first numbers, as the file has them
        self._wrong: dict[int, tuple[str, str]] = {}      # numbers that are none to use

    def add(self, cell: str) -> None:
        """Append the next record's cell."""
        number = float(cell) if NUMBER.fullmatch(cell) else None
        if number is not None:
            i = len(self.numbers)
            if len(self._written) < MOST:
                self._written[i] = cell
            if not math.isfinite(number):
                self._wrong[i] = f"{quoted(cell)} is out of range", "expected a finite number"
            elif self._check is not None and (what := self._check(cell, number)) is not None:
                self._wrong[i] = what, ""
        self.numbers.append(math.nan if number is None else number)
        self.texts.append(cell if number is None else "")

    def settle(self) -> None:
        """Decide whether it is a column of numbers, from all of its cells."""
        likely = [cell for cell in self.texts if cell and not is_missing(cell)]
        grouped = sum(map(is_grouped, likely))
        numbers = sum(not math.isnan(number) for number in self.numbers) + grouped
        self.is_numeric = numbers > 0 and numbers >= len(likely) - grouped

    def is_missing(self, i: int) -> bool:
        """Return whether the cell is empty, or in a column of numbers spelled as a missing one."""
        return math.isnan(self.numbers[i]) and (is_missing(self.texts[i]) if self.is_numeric else not self.texts[i])

    def keep(self, kept: Collection[int]) -> None:
        """Leave out all other records."""
        self.numbers, self.texts = array("d", [self.numbers[i] for i in kept]), [self.texts[i] for i in kept]

    def faults(self, lines: Sequence[int], missing: Missing | None) -> Iterator[tuple[int, str, str]]:
        """Yield each cell that cannot be used: its record, what is wrong and what to do."""
        has_mean = self.is_numeric and self._check is None
        for i, number in enumerate(self.numbers):
            if self.is_missing(i):
                if missing is None or (missing == "mean" and not has_mean):
                    yield i, *self._gap(self.texts[i], missing)
            elif math.isnan(number) == self.is_numeric:
                yield i, *self._mixture(i, lines)
            elif i in self._wrong:
                yield i, *self._wrong[i]

    def _gap(self, text: str, missing: Missing | None) -> tuple[str, str]:
        if missing == "mean":
            of = "the target" if self._check else "a column of text"
            return f"the cell is {'empty' if not text else quoted(text)}, and {of} has no mean", "expected a value, or --missing drop"
        return (f"{quoted(text)} is not a number; it {meant(text)}", "") if text else ("the cell is empty", _EMPTY)

    def _mixture(self, i: int, lines: Sequence[int]) -> tuple[str, str]:
        """Say that the cell is of another kind than the column, and what it may have been meant to be."""
        if self.is_numeric and (like := meant(self.texts[i])):
            return f"{quoted(self.texts[i])} is not a number; it {like}", ""
        first = next(j for j, number in enumerate(self.numbers) if math.isnan(number) != self.is_numeric and not self.is_missing(j))
        cell, other = (quoted(self.texts[j] or self._written.get(j, f"{self.numbers[j]:g}")) for j in (i, first))
        what, is_one = ("is not a number", "is one") if self.is_numeric else ("is a number", "is text")
        return f"{cell} {what} and {other} on line {lines[first]} {is_one}", _MIXED


@dataclass(frozen=True)
class Columns:
    """The features' columns in the order of the file, the target's, and how many records were left out, and cells are to be filled in."""

    features: list[Column]
    target: Column
    dropped: int
    filled: int


def read_columns(faults: Faults, target: str, check: Check | None = None, choice: Choice = Choice()) -> Columns:
    """Return the columns that are chosen; note the cells that cannot be used. Raises `DataError` for a header that cannot."""
    rows = read_rows(faults, f"{shown(target)},…")
    names = next(rows)[1]
    _check_header(faults.path, names, target)
    kept = _chosen(faults.path, names, target, choice)
    columns = [Column(names[place], check if names[place] == target else None) for place in kept]
    lines = array("Q")
    for line, cells in rows:
        lines.append(line)
        for place, column in zip(kept, columns, strict=True):
            column.add(cells[place])
    for column in columns:
        column.settle()
        for i, what, advice in column.faults(lines, choice.missing):
            faults.add(f"line {lines[i]}, column {shown(column.name)}: {what}", advice, lines[i])
    gaps = [{i for i in range(len(lines)) if column.is_missing(i)} for column in columns]
    dropped = set().union(*gaps) if choice.missing == "drop" else set()
    if dropped:
        for column in columns:
            column.keep([i for i in range(len(lines)) if i not in dropped])
    features = [column for column in columns if column.name != target]
    filled = sum(map(len, gaps)) if choice.missing == "mean" else 0
    return Columns(features, next(column for column in columns if column.name == target), len(dropped), filled)


def _chosen(path: str | PathLike[str], names: list[str], target: str, choice: Choice) -> list[int]:
    """Return the places of the target and of the features that are chosen; raises `DataError` for names that are no column's."""
    for what, asked in (("features", choice.features or ()), ("drop", choice.drop)):
        for name in asked:
            if name not in names:
                fail(path, f"line 1: there is no column {quoted(name)}", f"expected {what} among {listed(names)}{_meant(name, names)}")
            if name == target:
                fail(path, f"column {shown(name)} is the target; expected {what} to be other columns")
    both = sorted(set(choice.features or ()) & set(choice.drop))
    if both:
        fail(path, f"column {shown(both[0])} is among features and drop; expected it in one of them")
    wanted = (set(names) if choice.features is None else {*choice.features, target}) - set(choice.drop)
    if len(wanted) < 2:
        fail(path, f"no feature is left; expected one at least beside {shown(target)}, among {listed(names)}")
    return [place for place, name in enumerate(names) if name in wanted]


def _check_header(path: str | PathLike[str], names: list[str], target: str) -> None:
    numbers = [name for name in names if NUMBER.fullmatch(name)]
    if len(numbers) == len(names):
        fail(path, f"line 1: there are only numbers, {listed(names)}; expected the columns' names: add a header such as x1,x2,y")
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        if not name:
            fail(path, f"line 1: column {position} has no name; expected a name for each column: name it, or delete the column")
        if name in seen:
            fail(path, f"line 1: column {shown(name)} stands twice; expected each name once: rename or delete one of them")
        seen.add(name)
    if len(names) == 1:
        other = next((f", and no {mark!r}: save it with commas" for mark in ";\t|" if mark in names[0]), "")
        said = f"expected the target and a feature, with a comma between them{other}"
        fail(path, f"line 1: there is only one column, {shown(names[0])}; {said}")
    if target not in seen:
        hint = f"; if {quoted(numbers[0])} is a record's, add a header" if numbers else _meant(target, names)
        fail(path, f"line 1: there is no column {quoted(target)}; expected the target to be one of {listed(names)}{hint}")


def _meant(name: str, names: list[str]) -> str:
    """Return "; did you mean NAME?", or an empty text if no column's name is like it."""
    spelled = {each.lower(): each for each in reversed(names)}
    found = get_close_matches(name.lower(), spelled, n=1)
    return f"; did you mean {shown(spelled[found[0]])}?" if found else ""


def listed(names: Iterable[str]) -> str:
    """Return the first few names for a message, and the number of the rest."""
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(shown(name) for name in names[:_NAMED]) + more
