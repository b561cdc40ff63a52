"""A file whose parts are called one by one: executed once, its functions found with their lines, and what they raise reported by line."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar

import numpy as np

from ..userfile.file import Attempt
from ..userfile.imports import Imports
from ..userfile.shapes import scientific
from ..userfile.shapes.definitions import ASSIGNMENTS, is_definition, needed_for
from . import signal
from .nested import tree_of
from .small_numbers import NoSmallNumbers


class PartsFile(Attempt):
    """A user's file whose definitions are executed in this process, and may be called by name.

    Raises UnusableFileError, or AttemptError for what executing it raises.
    """

    MODULES: ClassVar[Mapping[str, Any]] = scientific.MODULES | signal.MODULES      # for imports of what is not installed

    def __init__(self, path: Path, seed: int = 0, *, has_small_numbers: bool = True) -> None:
        self.path, self.adapter, self.name = path, None, path.name
        self._begin(seed)
        self._imports: Imports = Imports(path, self.notes)
        self._imports.provide(self.MODULES)
        self._imports.place(self._imports.attempt)
        source = self._imports.attempt.sources[str(path)]
        self.tree = tree_of("\n".join(source.lines) + "\n")
        tree = definitions_alone(self.tree)
        code = compile(tree if has_small_numbers else NoSmallNumbers().visit(tree), str(path), "exec", dont_inherit=True)
        self._imports.attempt.sources[str(path)] = replace(source, code=code)
        self.module = self._executed(path, self._imports.attempt)
        self._definitions = {node.name: node for node in _definitions(self.tree)}

    def own(self) -> dict[str, Any]:
        """Return the file's own functions and classes by name, in their order, and not what it imports."""
        return {name: vars(self.module)[name] for name in self._definitions if self._is_own(vars(self.module).get(name))}

    @contextmanager
    def with_arrays_of(self, module: Any) -> Iterator[None]:
        """Let the file, and the modules that it imports from beside it, use this module in NumPy's place."""
        spaces = [vars(each) for each in {id(each): each for each in (*self._imports.modules.values(), self.module)}.values()]
        own = [(space, name) for space in spaces for name, value in space.items() if value is np]
        for space, name in own:
            space[name] = module
        try:
            yield
        finally:
            for space, name in own:
                space[name] = np

    def run(self, name: str, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call the function and return its answer; raises AttemptError, with the line, for what it raises."""
        return self._run(name, (lambda: function(*args, **named)) if named else function, *(() if named else args), watch=nullcontext())

    def lines_of(self, name: str) -> tuple[int, int] | None:
        """Return the first and last line of a function or class, or of a method as "Class.method"."""
        node = self.node_of(name)
        return None if node is None else (node.lineno, node.end_lineno or node.lineno)

    def node_of(self, name: str) -> ast.FunctionDef | ast.ClassDef | None:
        """Return the definition of a function or class, or of a method as "Class.method"."""
        outer, _, method = name.partition(".")
        node = self._definitions.get(outer)
        return next((each for each in _definitions(node) if each.name == method), None) if method and node is not None else node

    def _is_own(self, value: Any) -> bool:
        if isinstance(value, type):
            return str(value.__module__) == str(self.module.__name__)
        inner = inspect.unwrap(value) if callable(value) else value
        return not isinstance(inner, FunctionType) or inner.__code__.co_filename == str(self.path)


def definitions_alone(tree: ast.Module) -> ast.Module:
    """Return the file's imports, functions and classes, and the assignments that these need, if they can be executed."""
    body = [each for each in tree.body if is_definition(each) or isinstance(each, ASSIGNMENTS)]
    nothing = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    needed = [each if is_definition(each) else ast.Try([each], [nothing], [], []) for each in needed_for(body, ())]
    return ast.fix_missing_locations(ast.Module(needed, []))


def _definitions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Yield the functions and classes defined in it, not those inside of these."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            yield from _definitions(node)


def lines_that_assign(node: ast.AST, name: str) -> list[int]:
    """Return the lines on which a function assigns to that name, or to an entry of it."""
    found = []
    for each in ast.walk(node):
        if not isinstance(each, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            continue
        for target in each.targets if isinstance(each, ast.Assign) else [each.target]:
            names = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
            if any(_base(part) == name for part in names):
                found.append(each.lineno)
    return sorted(set(found))


def line_of_returned(node: ast.AST, name: str, place: int | None) -> int | None:
    """Return the last line of a function that assigns to what it returns by that name, or in that place."""
    names = returned_names(node) if isinstance(node, ast.FunctionDef) else []
    same = [each for each in names if each.lower().replace("_", "") in (name.lower(), f"grad{name[1:]}".lower())]
    if not same and place is not None and place < len(names):
        same = [names[place]]
    lines = lines_that_assign(node, same[0]) if same and same[0] else []
    return lines[-1] if lines else None


def returned_names(node: ast.FunctionDef) -> list[str]:
    """Return the names that a function's last return statement returns, "" for what is no name."""
    return [part.id if isinstance(part, ast.Name) else "" for part in _returned(node)]


def nones_returned(node: ast.FunctionDef) -> list[int]:
    """Return the places at which a function's last return statement returns None."""
    return [at for at, part in enumerate(_returned(node)) if isinstance(part, ast.Constant) and part.value is None]


def _returned(node: ast.FunctionDef) -> list[ast.expr]:
    returns = [each for each in ast.walk(node) if isinstance(each, ast.Return) and each.value is not None]
    value = max(returns, key=lambda each: each.lineno).value if returns else None
    return [] if value is None else value.elts if isinstance(value, ast.Tuple) else [value]


def _base(node: ast.AST) -> str | None:
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
