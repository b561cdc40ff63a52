"""Statements that run again on PyTorch's tensors, as autograd needs them: no array is changed as a whole in its place."""

import ast
import copy
from collections.abc import Sequence
from typing import Any


def repeatable(statements: Sequence[ast.stmt]) -> ast.Module:
    """Return a copy of the statements in which no array is changed as a whole in its place, as autograd may need what it was."""
    return ast.fix_missing_locations(_OutOfPlace().visit(ast.Module([copy.deepcopy(each) for each in statements], [])))      # type: ignore[no-any-return]


class _OutOfPlace(ast.NodeTransformer):
    """Writes x += y as x = x + y, and takes a number from an array without leaving PyTorch."""

    def visit_Call(self, node: ast.Call) -> Any:
        """Replace float(x) by x, if that is an array or a tensor, and x.item() by its only entry's sum."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "item" and not node.args:
            node.func.attr = "sum"
        elif isinstance(node.func, ast.Name) and node.func.id == "float" and len(node.args) == 1:
            text = "lambda x: x.astype(float) if hasattr(x, 'astype') else x if hasattr(x, 'requires_grad') else float(x)"
            node.func = ast.copy_location(ast.parse(text, mode="eval").body, node.func)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """Replace the statement, if it changes a name."""
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name):
            return node
        value = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
        return ast.copy_location(ast.Assign([node.target], value), node)
