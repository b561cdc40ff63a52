"""Load a file's definitions without running the rest: for adapters of files that also load data, train and plot."""

import ast
import re
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from ..text import TextError, python_text

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)      # whose bodies run later
ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_STEPS = {"train_step": (4, 5), "gradients": (3, 4), "trace": (3, 4, 5)}      # of the contract, and how many arguments they take
_MAGIC = re.compile(r"(?m)^([ \t]*)[%!?].*$")


def load(path: Any) -> Any:
    """Return the file as a module: its imports, functions, classes and the constants that these use. Use it as an adapter's `load`."""
    whole, code, level = _compiled(Path(path), Path(path).read_bytes())
    module = ModuleType(f"attempt_{Path(path).stem}")
    vars(module)["__tree__"] = whole
    module.__file__, module.__package__ = str(path), ".".join(folder.name for folder in reversed(Path(path).parents[:level]))
    sys.modules[module.__name__] = module
    exec(code, vars(module))
    return module


@lru_cache(maxsize=16)
def _compiled(path: Path, content: bytes) -> tuple[ast.Module, CodeType, int]:
    """Return the whole tree, which nobody changes, the code of the definitions, and how many folders up relative imports reach.

    A file is loaded anew for each trial, some hundred times in a check.
    """
    tree = _parsed(path, content)
    whole = ast.Module(list(tree.body), [])
    body = [each for each in tree.body if is_definition(each) or isinstance(each, ASSIGNMENTS)]
    tree.body = [each if is_definition(each) else attempted(each) for each in needed_for(body, ())]
    level = max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)
    return whole, compile(ast.fix_missing_locations(tree), str(path), "exec"), level


def parsed(path: Any) -> Any:
    """Return the file's syntax tree, without a notebook's magics. Raises SyntaxError."""
    return _parsed(Path(path), Path(path).read_bytes())


def _parsed(path: Path, content: bytes) -> Any:
    source = python_text(path, content)[0]
    with suppress(SyntaxError):
        return ast.parse(source, str(path))
    return ast.parse(_MAGIC.sub(r"\1pass", source), str(path))


def offers_contract(path: Path) -> bool:
    """Return whether the file defines a function of the contract by its arguments, or declares a PROBLEM; or cannot be parsed."""
    try:
        tree = parsed(path)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError, TextError):
        return True
    defined = {each.name: each.args for each in tree.body if isinstance(each, ast.FunctionDef)}
    is_forward = "forward" in defined and [each.arg for each in defined["forward"].args] == ["params", "x"]
    if is_forward or steps_in(tree):
        return True
    assigned = [target for each in tree.body if isinstance(each, ast.Assign) for target in each.targets]
    imported = {alias.asname or alias.name for each in tree.body if isinstance(each, ast.ImportFrom) for alias in each.names}
    return bool((_STEPS.keys() | {"PROBLEM"}) & ({each.id for each in assigned if isinstance(each, ast.Name)} | imported))


def steps_in(tree: Any) -> Any:
    """Return the names of the file's functions that make a step of the contract, by their names and how many arguments they take.

    Others may have such a name: `trace(root)` draws the graph of an engine.
    """
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name in _STEPS]
    return [each.name for each in functions if each.args.vararg or len(each.args.posonlyargs + each.args.args) in _STEPS[each.name]]


def needed_for(body: Any, names: Any) -> Any:
    """Return all definitions, the statements that assign the names, and the earlier statements that these need."""
    definitions = [each for each in body if is_definition(each)]
    needed = set(names).union(*(_used(compile(ast.Module([each], []), "", "exec")) for each in definitions))
    imports = [node for each in definitions for node in ast.walk(each) if isinstance(node, ast.Import)]
    modules = {(alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names}
    chosen: list[ast.stmt] = []
    for statement in reversed(body):
        if statement in definitions or needed & (_changed(statement) - modules):
            chosen.insert(0, statement)
            needed |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return chosen


def is_definition(statement: Any) -> Any:
    """Return whether it is or contains an import, a function or a class, or changes sys.path."""
    is_search = isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("sys.path.")
    return is_search or any(isinstance(node, DEFINITIONS) for node in ast.walk(statement))


def is_main_guard(statement: Any) -> bool:
    """Return whether it is `if __name__ == "__main__":`."""
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def attempted(statement: Any) -> Any:
    """Return the statement with its exceptions ignored, for constants from data that are missing; code that needs one will raise."""
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    return ast.copy_location(ast.Try([statement], [handler], [], []), statement)


def _changed(statement: Any) -> Any:
    """Return the names that a statement assigns, wholly or in part; for a bare call, the object or the function's arguments."""
    parts = []
    for node in ast.walk(statement):
        if isinstance(getattr(node, "ctx", None), ast.Store):
            parts.append(node)
        elif isinstance(node, ast.keyword) and node.arg == "out":
            parts.append(node.value)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            name = call.func.id if isinstance(call.func, ast.Name) else None
            parts += [call.func] if name is None else call.args if name not in ("print", "display") else []
    return {name.id for part in parts for name in ast.walk(part) if isinstance(name, ast.Name)}


def _used(code: Any) -> Any:
    """Return the names that code takes from outside itself."""
    return set(code.co_names).union(*(_used(each) for each in code.co_consts if isinstance(each, CodeType)))
