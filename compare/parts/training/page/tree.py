"""A file's statements at top level as one page: what runs it as the main program stands among them, and a mark comes after each."""

import ast
from collections.abc import Iterator

from ..instrumented import WATCH, instrumented

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_ENDS = (ast.Return, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)


def page_of(tree: ast.Module) -> ast.Module:
    """Return the code, changed in place, with the calls that `watch.Hooks` has, and one of `after` with its number after each statement."""
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    body: list[ast.stmt] = []
    for number, node in enumerate(_statements(tree.body, functions)):
        body.append(node)
        if not isinstance(node, _DEFINITIONS) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            mark = ast.parse(f"{WATCH}.after({number}, {isinstance(node, (ast.For, ast.While))})").body[0]
            body.append(ast.copy_location(mark, node))
    tree.body = body
    return instrumented(tree)


def _statements(body: list[ast.stmt], functions: dict[str, ast.FunctionDef]) -> Iterator[ast.stmt]:
    """Yield the statements, in place of `if __name__ == …` those in it, and in place of `main()` those of the function."""
    for node in body:
        if isinstance(node, ast.If) and any(isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(node.test)):
            yield from _statements(node.body, functions)
        elif (function := _called(node, functions)) is not None:
            yield from _statements(function.body, {name: each for name, each in functions.items() if each is not function})
        else:
            yield node


def _called(node: ast.stmt, functions: dict[str, ast.FunctionDef]) -> ast.FunctionDef | None:
    """Return the function without arguments that a statement calls, if what it does may as well stand at top level."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args or call.keywords:
        return None
    function = functions.get(call.func.id)
    if function is None or function.args.args or any(isinstance(each, _ENDS) for each in ast.walk(function)):
        return None
    return function
