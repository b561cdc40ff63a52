"""Which output and which gradient each value is that a method returns: by the names in its return statement, else by their order."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..as_tensors import array_module
from ..binding import plain
from .weights import is_gradient_of


def returned(value: Any, node: ast.AST | None) -> list[tuple[str, Any]]:
    """Return the values in what a method returned, also those in tuples and dicts within it, each with its name; "" for none."""
    parts, names, found = _flat(value, (tuple, list)), names_returned(node), list[tuple[str, Any]]()
    for name, part in zip(names if len(names) == len(parts) else [""] * len(parts), parts, strict=True):
        found += [(str(key), each) for key, each in part.items()] if isinstance(part, Mapping) else [(name, part)]
    return found


def names_returned(node: ast.AST | None) -> list[str]:
    """Return the names in a method's last return statement, also those in tuples within it; "" for what is no name."""
    returns = [each for each in ast.walk(node) if isinstance(each, ast.Return) and each.value is not None] if node is not None else []
    return [*names_of(max(returns, key=lambda each: each.lineno).value)] if returns else []


def names_of(node: ast.expr | None) -> Iterator[str]:
    """Yield the names of variables and attributes in a tuple, and in those within it; "" for what is no name."""
    if isinstance(node, (ast.Tuple, ast.List)):
        for each in node.elts:
            yield from names_of(each)
    else:
        yield node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _flat(value: Any, kinds: Any) -> list[Any]:
    return [part for each in value for part in _flat(each, kinds)] if isinstance(value, kinds) else [value]


def outputs_in(value: Any) -> list[Any]:
    """Return the outputs in what a forward method returned; a list of arrays is one."""
    return [_stacked(each) if isinstance(each, list) and each else each for each in _flat(value, (tuple,))]


def _stacked(values: list[Any]) -> Any:
    is_plain = not any(isinstance(each, type(array_module().zeros(()))) for each in values)
    return np.array(values) if is_plain else array_module().stack(values)


def place_of(gradient: str, forward: ast.AST | None) -> int:
    """Return the place among the outputs of the one whose gradient has that name, else the first."""
    names = [plain(each) for each in names_returned(forward)]
    return names.index(_of_gradient(gradient)) if _of_gradient(gradient) in names else 0


def by_role(values: Sequence[tuple[str, Any]], inputs: Sequence[str], weights: Sequence[str]) -> dict[str, Any]:
    """Return the values by the inputs and weights whose gradients they are.

    A value goes by its name, as dx or grad_x of x, or x itself; else by its first letter, as dh_next of h_prev; the rest in their order.
    """
    every, roles = [*inputs, *weights], dict[int, str]()
    for at, (name, _) in enumerate(values):
        said = [role for role in every if (is_gradient_of(name, role) or name == role) and role not in roles.values()]
        roles |= {at: said[0]} if said else {}
    for at, (name, _) in enumerate(values):
        alike = [role for role in inputs if role not in roles.values() and plain(role)[:1] == _of_gradient(name)[:1] != ""]
        roles |= {at: alike[0]} if at not in roles and len(alike) == 1 else {}
    left = [role for role in every if role not in roles.values()]
    roles |= dict(zip([at for at in range(len(values)) if at not in roles], left, strict=False))
    return {role: values[at][1] for at, role in roles.items()}


def _of_gradient(name: str) -> str:
    """Return the name of which a name is the gradient, as x of dx and of grad_x; "" for none."""
    text = plain(name)
    start = next((each for each in ("grad", "d") if text.startswith(each)), None)
    return "" if start is None else text.removeprefix(start)
