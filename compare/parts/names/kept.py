"""Gradients that functions keep on the tensors themselves, as lin_grad(inp, out, w, b) does by `inp.g = …`."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

_KEPT = ("g", "grad_", "gradient", "my_grad", "mygrad", "d")      # not grad, which is autograd's own
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
