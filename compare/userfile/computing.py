"""What of a file computes: its functions and methods with arithmetic, and those that call others of the file in a loop."""

import ast
import re
from collections.abc import Collection, Iterator, Sequence

COMPUTING = ("dot", "matmul", "exp", "log", "tanh", "maximum", "where", "multiply", "clip", "outer")
BESIDE = re.compile(r"plot|draw|show|load|read|print|accuracy|split|shuffle|one_?hot|fetch|save|init|repr|str__", re.IGNORECASE)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def parsed(text: str) -> ast.Module:
    """Return the module of that text; an empty one where it is no Python."""
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module([], [])


def functions_of(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Yield the functions and methods of a module with their names."""
    for node in tree.body:
        if isinstance(node, Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{each.name}", each) for each in node.body if isinstance(each, Function))


def own_names(tree: ast.Module) -> set[str]:
    """Return the names of the file's functions, methods and classes."""
    return {name.rpartition(".")[2] for name, _ in functions_of(tree)} | {each.name for each in tree.body if isinstance(each, ast.ClassDef)}


def calls_in_loop(function: Function, own: Collection[str]) -> bool:
    """Return whether the function calls one of the file's own in a loop, as one that trains does."""
    inner = [each for loop in ast.walk(function) if isinstance(loop, (ast.For, ast.While)) for each in ast.walk(loop)]
    calls = [each.func for each in inner if isinstance(each, ast.Call)]
    return any((each.id if isinstance(each, ast.Name) else getattr(each, "attr", "")) in own for each in calls)


def has_arithmetic(body: Sequence[ast.stmt]) -> bool:
    """Return whether the statements compute with arrays or numbers, beyond counting and putting texts together."""
    return any(_computes(node) for each in body for node in ast.walk(each))


def _computes(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in COMPUTING
    if isinstance(node, ast.AugAssign):
        return not isinstance(node.value, (ast.Constant, ast.JoinedStr, ast.List))
    if not isinstance(node, ast.BinOp) or isinstance(node.op, (ast.Mod, ast.FloorDiv)):
        return False
    is_count = isinstance(node.op, (ast.Add, ast.Sub)) and isinstance(node.right, ast.Constant)
    is_text = any(isinstance(each, ast.JoinedStr) or isinstance(getattr(each, "value", None), str) for each in (node.left, node.right))
    return not is_count and not is_text
