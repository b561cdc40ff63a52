"""Data that is not there: drawn records for what a call returns under several names, and drawn tables."""

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from ..training import missing

_RECORDS, _FEATURES, _CLASSES = 20, 6, 4
_TARGETS = ("y", "t", "label", "target")


def with_data(tree: ast.Module, hooks: str) -> None:
    """Let assignments that call something, and do not find their file, take stand-ins of data in its place."""
    for at, node in enumerate(tree.body):
        names = _names(node)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(names) > 1 and len(node.targets) == 1:
            instead = ast.parse(f"{', '.join(names)} = {hooks}.data({names!r})").body
            handler = ast.ExceptHandler(ast.Name("FileNotFoundError", ast.Load()), None, instead)
            tree.body[at] = ast.copy_location(ast.Try([node], [handler], [], []), node)


@contextmanager
def with_tables(tree: ast.Module, notes: list[str]) -> Iterator[None]:
    """Let pandas and NumPy read drawn numbers where a table is not there, and note it."""
    missing.begin(missing.columns_in(tree))
    replaced = missing.readers()
    before = [(module, name, getattr(module, name)) for module, name, _ in replaced]
    for module, name, value in replaced:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
        notes += missing.notes()


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
