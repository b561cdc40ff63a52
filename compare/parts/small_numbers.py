"""Small numbers in formulas, which keep logarithms and quotients from 0: without them the formula is that which is meant."""

import ast
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .result import Part

_SMALL = 1e-5


def but_for_small_numbers(parts: Iterable[Part], exact: Iterable[Part]) -> list[Part]:
    """Return the parts, and in place of one that differs that of the same name without small numbers, if it agrees there."""
    others = {part.name: replace(part, beside=f"{part.beside}; but for the small number in it") for part in exact if part.mark == "agrees"}
    return [others.get(part.name, part) if part.mark in ("wrong", "unclear") else part for part in parts]


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
