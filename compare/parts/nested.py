"""Classes in a class that does nothing but hold them: they are found as those of the file are."""

import ast
from collections.abc import Iterator


def tree_of(text: str) -> ast.Module:
    """Return the tree of a text in which such classes stand before the one that holds them; raises SyntaxError."""
    tree = ast.parse(text)
    tree.body = [each for node in tree.body for each in _lifted(node)]
    return ast.fix_missing_locations(tree)


def _lifted(node: ast.stmt) -> Iterator[ast.stmt]:
    inner = [each for each in node.body if isinstance(each, ast.ClassDef)] if isinstance(node, ast.ClassDef) else []
    if isinstance(node, ast.ClassDef) and inner and not any(isinstance(each, ast.FunctionDef) for each in node.body):
        yield from inner
        names = [ast.copy_location(ast.Assign([ast.Name(each.name, ast.Store())], ast.Name(each.name, ast.Load())), each) for each in inner]
        node.body = [*names, *(each for each in node.body if each not in inner)]
    yield node
