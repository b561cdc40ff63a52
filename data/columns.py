"""The columns of a CSV file: each holds numbers or text, never both, and every cell is checked."""

import math
from array import array
from collections.abc import Callable, Iterable
from os import PathLike

from .reading import NUMBER, fail, quoted, read_rows, shown

_NAMED = 8      # the most columns that a message lists

Check = Callable[[str, float | None], str | None]
"""Takes a target's cell and its number, None for text, and returns what is wrong with it, or None."""


class Column:
    """One column: `numbers`, or `texts` if its first cell is not a number."""

    def __init__(self, path: str | PathLike[str], name: str, check: Check | None = None) -> None:
        self.name = name
        self.numbers = array("d")
        self.texts: list[str] = []
        self._path = path
        self._check = check
        self._first = (0, "")      # line and text of the first cell

    def __len__(self) -> int:
        return len(self.numbers) + len(self.texts)

    def add(self, line: int, cell: str) -> None:
        """Append the next record's cell; raises `DataError` for one that is empty, not finite, or not of the column's kind."""
        number = float(cell) if NUMBER.fullmatch(cell) else None
        if not cell:
            self._refuse(line, "the cell is empty; expected a number or text: fill it in, or delete the record")
        if number is not None and not math.isfinite(number):
            self._refuse(line, f"{quoted(cell)} is out of range; expected a finite number")
        if self.texts and number is not None:
            self._refuse_mixture(line, f"{quoted(cell)} is a number", "is text")
        if self.numbers and number is None:
            self._refuse_mixture(line, f"{quoted(cell)} is not a number", "is one")
        if self._check is not None and (what := self._check(cell, number)) is not None:
            self._refuse(line, what)
        if not len(self):
            self._first = (line, cell)
        if number is None:
            self.texts.append(cell)
        else:
            self.numbers.append(number)

    def _refuse_mixture(self, line: int, what: str, first_is: str) -> None:
        first_line, first = self._first
        both = f"{what} and {quoted(first)} on line {first_line} {first_is}"
        self._refuse(line, f"{both}; a text column may hold no numbers and a numeric one no text: correct one of the cells")

    def _refuse(self, line: int, what: str) -> None:
        fail(self._path, f"line {line}, column {shown(self.name)}: {what}")


def read_columns(path: str | PathLike[str], target: str, check: Check | None = None) -> tuple[list[Column], Column]:
    """Return the features' columns in the order of the file, and the target's, whose cells must pass `check`; raises `DataError`."""
    rows = read_rows(path, f"{shown(target)},…")
    names = next(rows)[1]
    _check_header(path, names, target)
    columns = [Column(path, name, check if name == target else None) for name in names]
    for line, cells in rows:
        for column, cell in zip(columns, cells, strict=True):
            column.add(line, cell)
    return [column for column in columns if column.name != target], columns[names.index(target)]


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
        fail(path, f"line 1: there is only one column, {shown(names[0])}; expected the target and a feature, with a comma between them")
    if target not in seen:
        hint = f"; if {quoted(numbers[0])} is a record's, add a header" if numbers else ""
        fail(path, f"line 1: there is no column {quoted(target)}; expected the target to be one of {listed(names)}{hint}")


def listed(names: Iterable[str]) -> str:
    """Return the first few names for a message, and the number of the rest."""
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(shown(name) for name in names[:_NAMED]) + more
