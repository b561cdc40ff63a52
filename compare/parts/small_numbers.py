"""Small numbers in formulas, which keep logarithms and quotients from 0: without them the formula is that which is meant."""

import ast
from typing import Any

_SMALL = 1e-5


class NoSmallNumbers(ast.NodeTransformer):
    """Writes 0 for each small number."""

    def visit_Constant(self, node: ast.Constant) -> Any:
        """Replace the number."""
        return ast.copy_location(ast.Constant(0.0), node) if _is_small(node) else node


def has_small_numbers(tree: ast.AST) -> bool:
    """Return whether there are any."""
    return any(isinstance(node, ast.Constant) and _is_small(node) for node in ast.walk(tree))


def _is_small(node: ast.Constant) -> bool:
    return isinstance(node.value, float) and 0 < node.value <= _SMALL
