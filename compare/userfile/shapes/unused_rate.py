"""A learning rate that a file names, and takes no step with."""

import ast
from collections.abc import Iterator
from typing import Any

from .spellings import rates

_SURE = "learning_rate"
_SHOWS = ("print", "format", "repr", "str")


def unused_rate(tree: ast.Module) -> str | None:
    """Say in which line a file makes a learning rate that it passes on and prints at most; None where it uses it, or makes none."""
    nodes: Iterator[Any] = ast.walk(tree)
    made = [(each.lineno, name) for each in nodes if (name := _made(each)) is not None and _is_rate(name)]
    own = {each.name for each in ast.walk(tree) if isinstance(each, (ast.FunctionDef, ast.ClassDef))}
    if not made or any(_is_rate(name) for name in _used(tree, own)):
        return None
    line, name = min(made)
    return f"{name} (line {line}) is never used"


def _is_rate(name: str) -> bool:
    return name in rates((name, _SURE))


def _made(node: Any) -> str | None:
    """Return the name that an argument or an assignment makes."""
    if isinstance(node, ast.arg):
        return node.arg
    return _name(node) if isinstance(getattr(node, "ctx", None), ast.Store) else None


def _name(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _used(node: Any, own: set[str]) -> Iterator[str]:
    """Yield the names that are read, but for rates that are kept under another such name, passed on to the file's own code, or printed."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and _name(node.func) in _SHOWS):
        return
    left = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Assign) and all(_is_rate(_name(target) or "") for target in node.targets) and _name(node.value) is not None:
        return
    if isinstance(node, ast.Call) and _name(node.func) in own:
        left = [each for each in left if _name(each.value if isinstance(each, ast.keyword) else each) is None]
    if isinstance(getattr(node, "ctx", None), ast.Load) and (name := _name(node)) is not None:
        yield name
    for each in left:
        yield from _used(each, own)
