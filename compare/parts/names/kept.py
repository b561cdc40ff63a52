"""Gradients that functions keep on the tensors themselves, as lin_grad(inp, out, w, b) does by inp.g = …; and data that is not there."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

_KEPT = ("g", "grad_", "gradient", "my_grad", "mygrad", "d")      # not grad, which is autograd's own
_RECORDS, _FEATURES, _CLASSES = 20, 6, 4
_TARGETS = ("y", "t", "label", "target")
Keepers = Mapping[str, list[tuple[int, str]]]


def keepers_in(tree: ast.Module) -> Keepers:
    """Return the functions that keep gradients on their arguments: the places of these, and the attribute of each."""
    found: dict[str, list[tuple[int, str]]] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names = [each.arg for each in node.args.args]
            kept = [(names.index(name), attribute) for name, attribute in _stored(node) if name in names]
            found |= {node.name: kept} if kept else {}
    return found


def kept_by(statement: ast.stmt, keepers: Keepers) -> Iterator[str]:
    """Yield each gradient that a statement keeps, as "w.g"."""
    for call in ast.walk(statement):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in keepers:
            for place, attribute in keepers[call.func.id]:
                if place < len(call.args) and isinstance(argument := call.args[place], ast.Name):
                    yield f"{argument.id}.{attribute}"
    yield from (f"{name}.{attribute}" for name, attribute in _stored(statement))


def _stored(node: ast.AST) -> Iterator[tuple[str, str]]:
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and each.attr in _KEPT and isinstance(each.value, ast.Name):
            yield each.value.id, each.attr


def kept_value(variables: Mapping[str, Any], name: str) -> Any:
    """Return the gradient of that name, None if it is not kept."""
    tensor, _, attribute = name.partition(".")
    return getattr(variables.get(tensor), attribute, None)


def with_data(tree: ast.Module, hooks: str) -> None:
    """Let assignments that call something, and do not find their file, take stand-ins of data in its place."""
    for at, node in enumerate(tree.body):
        names = _names(node)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(names) > 1 and len(node.targets) == 1:
            instead = ast.parse(f"{', '.join(names)} = {hooks}.data({names!r})").body
            handler = ast.ExceptHandler(ast.Name("FileNotFoundError", ast.Load()), None, instead)
            tree.body[at] = ast.copy_location(ast.Try([node], [handler], [], []), node)


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
