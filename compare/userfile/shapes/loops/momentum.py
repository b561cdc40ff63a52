"""A momentum that a loop has as a number in its text: the factor of velocities, which go on from themselves, and only updates read."""

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ..spellings import role
from .training_loop import Loop, loaded, loops, stored

WRITTEN_OUT = "momentum_written_out"


@lru_cache(maxsize=16)
def named_loops(tree: ast.Module) -> tuple[Loop, ...]:
    """Return the file's loops, with a name in place of a momentum that is a number in the text, if it is one number for all velocities."""
    return tuple(map(_named, loops(tree)))


def _named(loop: Loop) -> Loop:
    node = deepcopy(loop.node)
    own = replace(loop, node=node)
    velocities = _velocities(own)
    numbers = [factor for _, factor, name in _scaled(own) if isinstance(factor, ast.Constant) and name in velocities]
    values = {each.value for each in numbers}
    if len(values) != 1 or not all(isinstance(each, float) and 0 < each < 1 for each in values):
        return loop
    return replace(own, node=_Named({id(each) for each in numbers}).visit(node))


def _velocities(loop: Loop) -> set[str]:
    """Return the names that are assigned themselves times a factor plus something, and that only what assigns carried names reads."""
    carried = {name for name in loop.carried if role(name) is None}
    found = {name for statement, _, name in _scaled(loop) if name in carried and name in stored(statement)}
    for statement in ast.walk(loop.node):
        if isinstance(statement, ast.stmt):
            heads = [getattr(statement, part) for part in ("test", "iter") if hasattr(statement, part)]
            reads = loaded(statement) if not hasattr(statement, "body") else [name for each in heads for name in loaded(each)]
            is_update = not hasattr(statement, "body") and carried & {*stored(statement)}
            found -= set() if is_update else {*reads}
    return found


def _scaled(loop: Loop) -> Iterator[tuple[ast.AST, Any, str]]:
    """Yield what is multiplied by a factor in a sum: the statement, the factor, a number or a name with either sign, and the name."""
    for statement in ast.walk(loop.node):
        for each in ast.walk(statement) if isinstance(statement, (ast.Assign, ast.AnnAssign)) else ():
            if isinstance(each, ast.BinOp) and isinstance(each.op, (ast.Add, ast.Sub)):
                for product in (each.left, each.right):
                    if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Mult):
                        for one, other in ((product.left, product.right), (product.right, product.left)):
                            factor = one.operand if isinstance(one, ast.UnaryOp) else one
                            if isinstance(other, ast.Name) and isinstance(factor, (ast.Name, ast.Constant)):
                                yield statement, factor, other.id


class _Named(ast.NodeTransformer):
    """Puts the name in place of these numbers."""

    def __init__(self, numbers: set[int]) -> None:
        self.numbers = numbers

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.copy_location(ast.Name(WRITTEN_OUT, ast.Load()), node) if id(node) in self.numbers else node
