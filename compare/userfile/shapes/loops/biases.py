"""The biases that a loop carries under any name: a product has them added, and none has itself times a number, as a velocity has."""

import ast
from collections.abc import Iterator
from functools import lru_cache

from .training_loop import stored

_PRODUCTS = ("dot", "matmul", "inner", "einsum", "tensordot", "mm", "multi_dot")


@lru_cache(maxsize=16)
def added_biases(tree: ast.Module) -> tuple[str, ...]:
    """Return the names that are added to a product, as `v` in `x @ w + v`, in a statement that does not assign them."""
    found, scaled = list[str](), set[str]()
    for statement in ast.walk(tree):
        if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)):
            own = set(stored(statement))
            found += [name for name in _added(statement) if name not in own]
            scaled |= own & set(_scaled(statement))
    return tuple(name for name in dict.fromkeys(found) if name not in scaled)


def _added(statement: ast.AST) -> Iterator[str]:
    for each in ast.walk(statement):
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Add):
            for one, other in ((each.left, each.right), (each.right, each.left)):
                if isinstance(one, ast.Name) and _is_product(other):
                    yield one.id


def _scaled(statement: ast.AST) -> Iterator[str]:
    for each in ast.walk(statement):
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Mult):
            yield from (side.id for side in (each.left, each.right) if isinstance(side, ast.Name))


def _is_product(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        return name in _PRODUCTS
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
