"""A script with calls of hooks before and after each place with gradients by hand, and few rounds of the loops around them."""

import ast
import copy
from typing import Any

from .absent import with_data
from .tree import clusters_in


def instrumented(tree: ast.Module, hooks: str) -> ast.Module:
    """Return the module as the main one, with calls of the hooks before and after each place, and few rounds of the loops around them."""
    tree = copy.deepcopy(tree)
    for cluster in clusters_in(tree):
        calls = {cluster.first: [_call(f"{hooks}.begin({cluster.number}, globals(), locals())")]}
        for at, names in cluster.fresh.items():
            calls.setdefault(at, []).extend(_call(f"{hooks}.keep({cluster.number}, {name!r}, {name})") for name in names)
        for at in sorted(calls, reverse=True):
            if at > cluster.last:
                continue
            cluster.body[at:at] = calls[at]
        end = cluster.last + 1 + sum(len(each) for at, each in calls.items() if at <= cluster.last)
        cluster.body[end:end] = [_call(f"{hooks}.end({cluster.number}, locals())")]
        if not cluster.scope:
            for loop in cluster.outer:
                if isinstance(loop, ast.For):
                    loop.iter = _expression(f"{hooks}.few(0)", loop.iter)
                elif isinstance(loop, ast.While):
                    loop.test = _expression(f"{hooks}.once({id(loop)}, 0)", loop.test)
    with_data(tree, hooks)
    tree = _AsMain().visit(tree)
    body = tree.body
    start = next((at for at, each in enumerate(body) if not _is_first(each)), 0)
    body[start:start] = ast.parse(f"import {hooks}\nopen = {hooks}.open").body
    return ast.fix_missing_locations(tree)


class _AsMain(ast.NodeTransformer):
    """Replaces the module's name by that of the main module."""

    def visit_Name(self, node: ast.Name) -> Any:
        """Replace the name."""
        is_name = node.id == "__name__" and isinstance(node.ctx, ast.Load)
        return ast.copy_location(ast.Constant("__main__"), node) if is_name else node


def _is_first(node: ast.stmt) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def _call(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


def _expression(text: str, value: ast.expr) -> ast.expr:
    call: Any = ast.parse(text, mode="eval").body
    call.args[-1] = value
    copied: ast.expr = ast.copy_location(call, value)
    return copied
