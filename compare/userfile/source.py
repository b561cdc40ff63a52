"""A user's file as Python code: its text, its statements, and the names that each line can change."""

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb
from types import CodeType, TracebackType

from ..support.errors import CompareError
from ..support.suggest import did_you_mean
from .text import TextError, place_in, python_text

_UNCHANGING = {"range", "len", "zip", "enumerate"}      # functions that change nothing
_CATCHING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


class UnusableFileError(CompareError):
    """A file cannot be used: it is missing, not Python, or defines nothing that could be compared."""


@dataclass(frozen=True)
class Source:
    """A file's text as Python code; `guarded` are the lines whose imports may fail, `level` how many folders up relative imports reach."""

    path: Path
    lines: tuple[str, ...]
    code: CodeType
    statements: Mapping[int, int]      # by line, the first line of its statement
    changed: Mapping[int, frozenset[str]]      # by line, the names that it can change, if it certainly changes no others
    guarded: frozenset[int]
    level: int
    notes: tuple[str, ...] = ()      # what was converted

    @classmethod
    def read(cls, path: Path) -> "Source":
        """Read and compile the file; raises UnusableFileError."""
        if path.is_dir():
            raise UnusableFileError(f"{path} is a folder; expected a Python file")
        try:
            return _compiled(path, path.read_bytes())
        except FileNotFoundError:
            raise UnusableFileError(not_there(path)) from None
        except OSError as error:
            raise UnusableFileError(f"{path} cannot be read: {error.strerror}; expected a Python file") from None

    def line(self, number: int) -> str:
        """Return that line, from 1, without the spaces around it."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""

    def place(self, number: int) -> str:
        """Return where that line is in words: "line 7", or of a notebook "cell 3, line 7"."""
        return place_in("\n".join(self.lines), self.path, number)


def not_there(path: Path) -> str:
    """Return what is said of a path without a file, with the file beside it that may be meant."""
    meant = did_you_mean(path.name, [each.name for each in path.parent.glob("*") if each.suffix in (".py", ".ipynb")])
    return f"{path} is not there; expected a Python file{meant}"


@lru_cache(maxsize=256)
def _compiled(path: Path, content: bytes) -> Source:
    try:
        text, notes = python_text(path, content)
    except TextError as error:
        raise UnusableFileError(str(error)) from None
    lines = text.split("\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while True:
            text = "\n".join(lines) + "\n"
            try:
                tree = ast.parse(text, str(path))
                code = compile(tree, str(path), "exec", dont_inherit=True)
                break
            except SyntaxError as error:
                magic = re.match(r"(\s*)[%!?]", lines[error.lineno - 1]) if error.lineno and error.lineno <= len(lines) else None
                if magic is None:
                    raise UnusableFileError(_not_python(path, error)) from None
                lines[(error.lineno or 1) - 1] = f"{magic[1]}pass"
            except (ValueError, RecursionError, MemoryError) as error:
                raise UnusableFileError(f"{path.name} is not Python: {error}; expected a text file of Python 3") from None
    statements: dict[int, int] = {}
    guarded: set[int] = set()
    level = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            statements.update(dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), node.lineno))
        if isinstance(node, ast.ImportFrom):
            level = max(level, node.level)
        if (isinstance(node, ast.Try) and any(map(_catches, node.handlers))) or (isinstance(node, ast.With) and _suppresses(node)):
            guarded.update(range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1))
    return Source(path, tuple(lines), code, statements, _changed(tree), frozenset(guarded), level, notes)


def _changed(tree: ast.AST) -> dict[int, frozenset[str]]:
    """Return, by line, the names that its statements assign to, if they call nothing that may change others."""
    found: dict[int, frozenset[str] | None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            head, targets = _head(node)
            names = frozenset(each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            for line in range(node.lineno, last + 1):
                others = found.get(line, names)
                found[line] = None if head is None or others is None or any(map(_may_change, head)) else names | others
    return {line: names for line, names in found.items() if names is not None}


def _head(statement: ast.stmt) -> tuple[list[ast.expr] | None, list[ast.expr]]:
    """Return the expressions of a statement without its body, or None for other kinds, and those of them that it assigns to."""
    match statement:
        case ast.Assign():
            return [*statement.targets, statement.value], statement.targets
        case ast.AugAssign():
            return [statement.target, statement.value], [statement.target]
        case ast.For():
            return [statement.target, statement.iter], [statement.target]
        case ast.If() | ast.While():
            return [statement.test], []
        case _:
            return None, []


def _may_change(expression: ast.expr) -> bool:
    """Return whether the expression calls a function that may change something, or assigns by itself."""
    calls = (each.func for each in ast.walk(expression) if isinstance(each, ast.Call))
    if any(not isinstance(each, ast.Name) or each.id not in _UNCHANGING for each in calls):
        return True
    return any(isinstance(each, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)) for each in ast.walk(expression))


def _not_python(path: Path, error: SyntaxError) -> str:
    text = (error.text or "").strip()
    is_old = "call to 'print'" in error.msg or "call to 'exec'" in error.msg or "multiple exception types" in error.msg
    hint = "; this is Python 2: `2to3 -w` mends it, or write print(…)" if is_old else "; expected Python 3"
    return f"{path.name} is not Python: line {error.lineno}: {error.msg}" + (f": `{text}`" if text else "") + hint


def _catches(handler: ast.ExceptHandler) -> bool:
    """Return whether the handler catches an import that fails."""
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in _CATCHING for name in caught)


def _suppresses(node: ast.With) -> bool:
    return any(isinstance(item.context_expr, ast.Call) and ast.unparse(item.context_expr.func).endswith("suppress") for item in node.items)


def user_lines(traceback: TracebackType | None, sources: Mapping[str, Source]) -> list[tuple[Source, int]]:
    """Return the lines of those sources in a traceback, the outermost first."""
    lines = ((frame.f_code.co_filename, line) for frame, line in walk_tb(traceback))
    return [(sources[file], line) for file, line in lines if file in sources]
