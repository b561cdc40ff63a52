"""The attributes of a file's objects that are drawn, or begin at one number, as weights and biases do."""

import ast
import re

_DRAWS = re.compile(r"(^|[._])(rand\w*|normal|uniform|zeros|ones|full|gauss|choice|standard_normal)$")


def drawn_in(tree: ast.Module) -> set[str]:
    """Return the names of the attributes that a constructor gives what it draws."""
    makers = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    gives = [each for node in makers for each in ast.walk(node) if isinstance(each, ast.Assign) and _draws(each.value)]
    return {target.attr for each in gives for target in each.targets if isinstance(target, ast.Attribute)}


def _draws(value: ast.AST) -> bool:
    return any(isinstance(each, ast.Call) and _DRAWS.search(ast.unparse(each.func)) for each in ast.walk(value))
