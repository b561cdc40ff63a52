"""A file with functions left out: signature, docstring and the comments above stay, and the rest of each raises NotImplementedError."""

import ast
import io
import json
import tokenize
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..support.errors import ProblemError
from ..support.suggest import did_you_mean

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def blanked(text: str, names: Sequence[str], where: str) -> str:
    """Return the text of a Python file without the bodies of these functions; a method's name is Class.method.

    Raises ProblemError for a name that the file does not define exactly once, and for a file that is not Python; `where` is its name.
    """
    try:
        functions = list(_functions(ast.parse(text)))
    except (SyntaxError, ValueError) as error:
        raise ProblemError(f"{where} cannot be read: {error}; expected Python") from None
    chosen = [_only(name, functions, where) for name in names]
    inside = next((f"{a.name} lies inside {b.name}" for a in chosen for b in chosen if a is not b and a in ast.walk(b)), None)
    if inside:
        raise ProblemError(f"--leave-out: {inside}; expected the outer one alone")
    for function in sorted(chosen, key=lambda each: each.lineno, reverse=True):      # the last first: lines before it stay where they are
        text = _without_body(text, function)
    return text


def first_line(text: str) -> str:
    """Return the first line of the module's docstring, without its full stop; "" if there is none."""
    try:
        found = ast.get_docstring(ast.parse(text)) or ""
    except (SyntaxError, ValueError):
        return ""
    return found.partition("\n")[0].rstrip(".")


def functions_in(text: str) -> list[str]:
    """Return the names of all functions of a Python file; raises SyntaxError or ValueError for a text that is none."""
    return [name for name, _ in _functions(ast.parse(text))]


class Gap(NamedTuple):
    """Where a function raises NotImplementedError, and what it says is to be written."""

    line: int
    task: str


def first_gap(text: str) -> Gap | None:
    """Return the first gap of a Python file; None if it has none, or is no Python."""
    try:
        raised = [(node.lineno, node.exc) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Raise)]
    except (SyntaxError, ValueError):
        return None
    for line, call in sorted(raised, key=lambda each: each[0]):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "NotImplementedError" and call.args:
            task = call.args[0]
            if isinstance(task, ast.Constant) and isinstance(task.value, str):
                return Gap(line, task.value)
    return None


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, _Function]]:
    """Yield all functions with their names; one inside a function or class goes by that as well."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _Function):
            yield prefix + node.name, node
        inner = f"{prefix}{node.name}." if isinstance(node, (_Function, ast.ClassDef)) else prefix
        yield from _functions(node, inner)


def _only(name: str, functions: Sequence[tuple[str, _Function]], where: str) -> _Function:
    found = [function for full, function in functions if full == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ProblemError(f"{where} defines {name} {len(found)} times; expected it once")
    known = list(dict.fromkeys(full for full, _ in functions))
    if not known:
        raise ProblemError(f"{where} defines no function; expected a Python file with those to leave out")
    method = next((each for each in known if each.endswith(f".{name}")), None)
    meant = f"; did you mean {method}?" if method else did_you_mean(name, known)
    raise ProblemError(f"{where} has no function {name}; expected one of its functions: {', '.join(known)}{meant}")


def _without_body(text: str, function: _Function) -> str:
    lines = io.StringIO(text).readlines()      # as Python counts them
    body, docstring = function.body, ast.get_docstring(function)
    line, column = _end_of_signature(lines, function)
    is_below = body[0].lineno > line
    indent = _indent(lines[body[0].lineno - 1]) if is_below else _indent(lines[function.lineno - 1]) + "    "
    if docstring is not None and is_below:
        line, column = body[0].end_lineno or 0, body[0].end_col_offset or 0
    last = (function.end_lineno or 0) + _comments_after(lines[function.end_lineno or 0 :], function.col_offset)
    head = lines[line - 1].encode()[:column].decode().rstrip()
    task = " ".join((docstring or "").split("\n\n")[0].split())
    message = json.dumps(f"write {function.name}" + (f": {task}" if task else ""), ensure_ascii=False)
    return "".join([*lines[: line - 1], f"{head}\n{indent}raise NotImplementedError({message})\n", *lines[last:]])


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _end_of_signature(lines: Sequence[str], function: _Function) -> tuple[int, int]:
    """Return the line, and the column in bytes, after the colon that ends the signature."""
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO("".join(lines[function.lineno - 1 :])).readline):
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        if token.type == tokenize.OP and token.string == ":" and depth == 0:
            row, column = token.end
            return function.lineno + row - 1, len(token.line[:column].encode())
    raise AssertionError("a function without a colon")


def _comments_after(lines: Sequence[str], column: int) -> int:
    """Return how many lines after a function belong to it: comments that stand further in than its first line."""
    last = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if not line.lstrip().startswith("#") or len(line) - len(line.lstrip()) <= column:
            break
        last = number
    return last
