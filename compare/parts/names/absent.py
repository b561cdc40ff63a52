"""Data that is not there: drawn records for what a call returns under several names, and a drawn table for a file of one."""

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

_RECORDS, _FEATURES, _CLASSES = 20, 6, 4
_TARGETS = ("y", "t", "label", "target")
_FRAMES, _ARRAYS = ("read_csv", "read_table", "read_excel"), ("loadtxt", "genfromtxt")      # of pandas and NumPy
_COLUMNS = ("drop", "pop")      # methods of a frame that take names of columns


def with_data(tree: ast.Module, hooks: str) -> None:
    """Let assignments that call something, or read a table, and do not find their file, take stand-ins of data in its place."""
    for at, node in enumerate(tree.body):
        names = _names(node)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(names) > 1 and len(node.targets) == 1:
            instead = ast.parse(f"{', '.join(names)} = {hooks}.data({names!r})").body
            handler = ast.ExceptHandler(ast.Name("FileNotFoundError", ast.Load()), None, instead)
            tree.body[at] = ast.copy_location(ast.Try([node], [handler], [], []), node)
        elif isinstance(node, ast.Assign):
            node.value = _Tables(hooks, _columns(tree)).visit(node.value)


class _Tables(ast.NodeTransformer):
    """Replaces the reading of a table by a call that does so, or returns a drawn one."""

    def __init__(self, hooks: str, columns: Sequence[str]) -> None:
        self.hooks, self.columns = hooks, list(columns)

    def visit_Call(self, node: ast.Call) -> Any:
        """Replace the call."""
        self.generic_visit(node)
        name = _method(node)
        if name not in (*_FRAMES, *_ARRAYS):
            return node
        call: Any = ast.parse(f"{self.hooks}.table(lambda: 0, {self.columns!r}, {name in _FRAMES})", mode="eval").body
        call.args[0].body = node
        return ast.copy_location(call, node)


def _columns(tree: ast.Module) -> list[str]:
    """Return the names by which the file may take columns of a table."""
    taken = [each.slice for each in ast.walk(tree) if isinstance(each, ast.Subscript)]
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    taken += [part for each in calls if _method(each) in _COLUMNS for part in (*each.args, *(word.value for word in each.keywords))]
    texts = [each.value for part in taken for each in ast.walk(part) if isinstance(each, ast.Constant)]
    return list(dict.fromkeys(each for each in texts if isinstance(each, str)))


def _method(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _names(node: ast.stmt) -> list[str]:
    targets = node.targets[0] if isinstance(node, ast.Assign) else None
    parts = targets.elts if isinstance(targets, (ast.Tuple, ast.List)) else []
    return [each.id for each in parts if isinstance(each, ast.Name)] if all(isinstance(each, ast.Name) for each in parts) else []


def drawn_data(names: Sequence[str], seed: int) -> list[torch.Tensor]:
    """Return records for each name, and classes for those of targets."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randint(0, _CLASSES, (_RECORDS,), generator=generator)
        if name.lower().startswith(_TARGETS)
        else torch.randn((_RECORDS, _FEATURES), generator=generator, dtype=torch.float64)
        for name in names
    ]


def drawn_table(columns: Sequence[str], seed: int) -> pd.DataFrame:
    """Return a table of drawn numbers, and last of classes, which the named columns are, too."""
    random = np.random.default_rng(seed)
    numbers = pd.DataFrame(random.standard_normal((_RECORDS, _FEATURES)), columns=[f"number {i}" for i in range(_FEATURES)])
    classes = {name: random.permutation(np.arange(_RECORDS) % _CLASSES) for name in columns or ["class"]}
    return numbers.assign(**classes)
