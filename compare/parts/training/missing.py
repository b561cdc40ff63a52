"""Stand-ins for files of data that are not there, as tables of numbers by their names: drawn digits, irises, or any numbers.

Where the program asks a table for columns by their names, it has these.
"""

import ast
import io
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

_TABLES = re.compile(r"\.(csv|txt|data|dat|tsv|xlsx?)$", re.IGNORECASE)
_CLASSES = re.compile(
    r"y|t|class(es)?|label|target|outcome|survived|diagnosis|quality|species|variety|alvo|clase|classe|klasse|ziel", re.IGNORECASE
)
_READS = re.compile(r"(^|\.)read_(csv|excel|table)$")
_RECORDS, _MOST = 60, 40
_FEW, _OTHERS = 2, ("a", "b", "c", "d")      # columns, beside which are others
stood_in: dict[str, str] = {}      # by the paths of files that were not there what stands in
columns: list[str] = []      # that the program asks tables for


def columns_in(tree: ast.Module) -> list[str]:
    """Return the names of columns that a program asks the tables for that it reads; none where it reads none by pandas."""
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    if not any(_READS.search(ast.unparse(each.func)) for each in calls):
        return []
    asked = [each.slice for each in ast.walk(tree) if isinstance(each, ast.Subscript)]
    asked += [each.args[0] for each in calls if each.args and isinstance(each.func, ast.Attribute) and each.func.attr in ("drop", "pop")]
    asked += [keyword.value for each in calls for keyword in each.keywords if keyword.arg in ("columns", "usecols")]
    names = [one.value for each in asked for one in ast.walk(each) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return list(dict.fromkeys(names))[:_MOST]


def opened(open_file: Callable[..., Any], file: Any, mode: str, *arguments: Any, **named: Any) -> Any:
    """Open a file to read; a table that is not there has drawn numbers."""
    try:
        return open_file(file, mode, *arguments, **named)
    except FileNotFoundError:
        text = table(file, "," if str(file).lower().endswith("csv") else " ")
        if text is None:
            raise
        return io.BytesIO(text.encode()) if "b" in mode else io.StringIO(text)


def begin(asked: Sequence[str]) -> None:
    """Forget what stood in before, for a program that asks tables for these columns."""
    stood_in.clear()
    columns[:] = asked


def notes() -> list[str]:
    """Say what stood in."""
    return [f"{name} is not there: {said} stand in for it" for name, said in stood_in.items()]


def readers() -> list[tuple[Any, str, Any]]:
    """Return functions that read tables, by their modules and names, which take stand-ins for those that are not there."""
    separators = {"read_csv": ",", "read_table": "\t", "read_excel": None}
    found: list[tuple[Any, str, Any]] = [(pd, name, reader(getattr(pd, name), each)) for name, each in separators.items()]
    return found + [(np, name, loader(getattr(np, name))) for name in ("loadtxt", "genfromtxt")]


def loader(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of NumPy that loads a table, with drawn numbers where that is not there."""

    def loads(file: Any, *arguments: Any, **named: Any) -> Any:
        is_missing = isinstance(file, (str, os.PathLike)) and not os.path.exists(file)
        text = table(file, named.get("delimiter") or " ") if is_missing else None
        return load(file if text is None else io.StringIO(text), *arguments, **named)

    return loads


def reader(read: Callable[..., Any], separator: str | None = None) -> Callable[..., Any]:
    """Return a function of pandas that reads a table, with drawn numbers where that is not there; an Excel file has no separator."""

    def reads(file: Any, *arguments: Any, **named: Any) -> Any:
        if not isinstance(file, (str, os.PathLike)) or os.path.exists(file):
            return read(file, *arguments, **named)
        own = separator and (named.get("sep") or named.get("delimiter") or separator)
        has_names = named.get("header", 0) is not None and "names" not in named
        text = table(file, own if own and len(own) == 1 else ",", columns if has_names else ())
        if text is None:
            return read(file, *arguments, **named)
        return read(io.StringIO(text), *arguments, **named) if own else pd.read_csv(io.StringIO(text), header=named.get("header", 0))

    return reads


def table(file: Any, separator: str, named: Sequence[str] = ()) -> str | None:
    """Return the text of a table, with these columns, that may stand in for a file of that name; None where it is no table by its name."""
    name = os.path.basename(str(file)).lower()
    if not _TABLES.search(name):
        return None
    random = np.random.default_rng(0)
    numbers, kind = [each for each in named if not _CLASSES.fullmatch(each)], [each for each in named if _CLASSES.fullmatch(each)]
    if re.search("mnist|digit", name):
        said, header = "60 drawn digits of 784 pixels", [*(kind or ["label"])[:1], *(f"pixel{k}" for k in range(784))]
        rows = [[str(k % 10), *map(str, random.integers(0, 256, 784))] for k in range(_RECORDS)]
    elif "iris" in name:
        said, header = "60 drawn irises", [*numbers, *(each for each in _OTHERS if each not in named)][:4] + (kind or ["species"])[:1]
        kinds = ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
        rows = [[*(f"{each:.1f}" for each in random.uniform(0.1, 7.9, 4)), kinds[k % 3]] for k in range(_RECORDS)]
    elif named:
        header = [*numbers, *(each for each in _OTHERS if len(named) < _FEW and each not in named), *kind]
        said = f"60 rows of drawn numbers in {', '.join(header)}"
        rows = [[str(k % 2) if each in kind else f"{random.uniform(0.5, 5):.3f}" for each in header] for k in range(_RECORDS)]
    else:
        said, header = "60 rows of 5 drawn numbers and 0 or 1", []
        rows = [[*(f"{each:.3f}" for each in random.normal(size=5)), str(k % 2)] for k in range(_RECORDS)]
    stood_in[os.path.basename(str(file))] = said
    return "\n".join(separator.join(row) for row in ([header] if named else []) + rows) + "\n"
