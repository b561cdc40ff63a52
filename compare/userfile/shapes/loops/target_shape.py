"""Whether a file's targets are a vector (n,) or a column (n, 1), which NumPy broadcasts against each other: told by how they are made."""

import ast
import re
from collections.abc import Iterable

_VECTOR = re.compile(r"\.(ravel|flatten|squeeze)\(\)|reshape\(\(?-1,?\)?\)|\[:, ?-?\d+\]|\bloc\[:, ?'[^']*'\]")
_COLUMN = re.compile(
    r"reshape\(\(?(-1|len\([^)]*\)|[\w.]+(\[\d\]|\.size)?), ?1\)?\)|\[:, ?(None|np\.newaxis|numpy\.newaxis)\]|newaxis|expand_dims"
    r"|\[\[|\.T\b|column_stack|vstack|one_?hot|get_dummies|\[:, ?-?\d*:-?\d*\]|keepdims=True|atleast_2d|\(\w+, ?1\)",
    re.IGNORECASE,
)


def is_vector(statements: Iterable[ast.stmt], name: str) -> bool | None:
    """Return whether the last assignment of the name that tells makes a vector; None where none tells."""
    found: bool | None = None
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign):
                pairs = [pair for target in node.targets for pair in _pairs(target, node.value)]
                for target, value in pairs:
                    if isinstance(target, ast.Name) and target.id == name:
                        told = _tells(value)
                        found = told if told is not None else found
    return found


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """Return each target with its value, of tuples of as many."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def _tells(value: ast.expr) -> bool | None:
    text = ast.unparse(value)
    if _COLUMN.search(text):
        return False
    if _VECTOR.search(text):
        return True
    # a column of a table by its name: df['price'], a number for each record
    return True if any(_is_table_column(node) for node in ast.walk(value)) else None


def _is_table_column(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
