"""Run a script that trains at top level again, with other values for some of its names: for adapters of scripts."""

import ast
import re
import sys
from copy import deepcopy
from types import ModuleType
from typing import Any

from .definitions import FUNCTIONS, is_main_guard, needed_for, parsed

OTHER = "given_instead"
EPOCHS = re.compile(r"range\([\d, ]+\)|epoch|iterations|n_iter")
PASSES = re.compile(r"epoch|iterations|n_iter|[<>!]=? [\d.e-]+$|^(True|1)$")
NOT_SIMPLE = (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal)


class Script:
    """The script at `path`: its statements, including those under its main guard and of a simple main(), and all names in it."""

    def __init__(self, path: Any) -> None:
        self.path, self.tree = str(path), parsed(path)
        self.body = _with_called([each for part in self.tree.body for each in (part.body if is_main_guard(part) else [part])])
        self.names = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}

    def run(self, wanted: Any, given: Any, epochs: Any) -> Any:
        """Run only what the wanted names need, and return all variables by name.

        The `given` values replace the first values that their names get at top level or by import. A later assignment stays: one from
        the name's own value, or after the name was imported or used. The loop over epochs ends after `epochs` of them. Lines keep
        their numbers.
        """
        body = _with_epochs(_without_first(deepcopy(self.body), given), epochs)
        code = compile(ast.Module(needed_for(body, wanted), []), self.path, "exec").replace(co_name="script")
        space = {"__name__": "__main__", "__file__": self.path, **given}
        modules = {name: ModuleType(name) for name in ("data_prep", *_sources(self.tree, given))}
        for module in modules.values():
            vars(module).update(given)
        before = {name: sys.modules.get(name) for name in modules}
        sys.modules.update(modules)
        try:
            exec(code, space)
        finally:
            for name, earlier in before.items():
                sys.modules.pop(name)
                if earlier is not None:
                    sys.modules[name] = earlier
        return space


def _sources(tree: Any, given: Any) -> Any:
    """Return the modules from which the given names are imported."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module)
    return {node.module for node in imports if any(alias.name in given for alias in node.names)}


def _with_called(body: Any) -> Any:
    """Return the statements with each bare call of a simple function replaced by its body, if the two share no names."""
    functions = {each.name: each for each in body if isinstance(each, ast.FunctionDef) and _is_simple(each)}
    calls = {each: each.value.func.id for each in body if _is_bare_call(each) and each.value.func.id in functions}
    called = {name: _stored(functions[name].body) for name in calls.values()}
    top = _stored(body)
    chosen = {
        call: deepcopy([each for each in functions[name].body if not isinstance(each, ast.Return)])
        for call, name in calls.items()
        if list(calls.values()).count(name) == 1
        and not called[name] & top.union(*(names for other, names in called.items() if other != name))
    }
    return [each for statement in body for each in chosen.get(statement, [statement])]


def _is_simple(function: Any) -> Any:
    """Return whether a function has no parameters, and its statements would do the same outside it."""
    inner = [node for part in function.body for node in _run(part) if node is not function.body[-1]]
    return not (function.decorator_list or ast.unparse(function.args) or any(isinstance(node, NOT_SIMPLE) for node in inner))


def _is_bare_call(statement: Any) -> Any:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not (call.args or call.keywords)


def _run(node: Any) -> Any:
    """Yield the node and the nodes within it, without the bodies of functions and classes."""
    yield node
    if not isinstance(node, FUNCTIONS):
        for child in ast.iter_child_nodes(node):
            yield from _run(child)


def _stored(statements: Any) -> Any:
    """Return the names that the statements bind in any way."""
    found: set[Any] = set()
    for node in (each for statement in statements for each in _run(statement)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, FUNCTIONS):
            found.add(getattr(node, "name", None))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found - {None}


def _read(node: Any) -> Any:
    """Return the names whose earlier values a node uses."""
    names = [each for each in _run(node) if isinstance(each, ast.Name)]
    within = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    changed = {node.target.id} if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) else set()
    return {name.id for name in names if isinstance(name.ctx, ast.Load)} - within | changed


def _without_first(body: Any, given: Any) -> Any:
    """Return the statements, each given name renamed where it is first assigned, unless it was imported or used before."""
    left, inner = set(given), {}
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            own = {each.arg for each in ast.walk(statement) if isinstance(each, ast.arg)} | _stored(statement.body)
            inner[statement.name] = set().union(*map(_read, statement.body)) - own
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            read = _read(statement.value)
            left -= read.union(*(inner.get(name, ()) for name in read))
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            stored = [node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
            found = [node for node in stored if isinstance(node.ctx, ast.Store) and node.id in left]
            left -= {node.id for node in stored}
            for node in found:
                node.id = OTHER
        else:
            imports = [node for node in _run(statement) if isinstance(node, ast.ImportFrom)]
            left -= _read(statement).union(*({alias.name, alias.asname} for node in imports for alias in node.names))
    return body


def _with_epochs(body: Any, epochs: Any, bars: Any = ()) -> Any:
    """The statements, with only so many passes through a loop over a fixed range, or over something named after epochs."""
    bars = dict(bars)
    for at, statement in enumerate(body):
        items = [(each.optional_vars, each.context_expr) for each in getattr(statement, "items", ())]
        pairs = [(target, statement.value) for target in statement.targets] if isinstance(statement, ast.Assign) else items
        bars |= {target.id: ast.unparse(value) for target, value in pairs if isinstance(target, ast.Name) and _is_bar(value)}
        if isinstance(statement, ast.For):
            header = [statement.target, statement.iter]
            names = [node.id for node in ast.walk(statement.iter) if isinstance(node, ast.Name)]
            if EPOCHS.search(" in ".join([*map(ast.unparse, header), *(bars[name] for name in names if name in bars)])):
                first: Any = ast.parse(f"list()[:{epochs}]", mode="eval").body
                first.value.args = [statement.iter]
                statement.iter = ast.copy_location(first, statement.iter)
        elif isinstance(statement, ast.While) and PASSES.search(ast.unparse(statement.test)):
            loop: Any = ast.parse(f"for {OTHER} in range({epochs}):\n    if not ...: break").body[0]
            loop.body[0].test.operand = statement.test
            for node in ast.walk(loop):
                ast.copy_location(node, statement.test)
            loop.body += statement.body
            body[at] = loop
        elif isinstance(statement, (ast.With, ast.If)):
            statement.body = _with_epochs(statement.body, epochs, bars)
    return [ast.fix_missing_locations(statement) for statement in body]


def _is_bar(value: Any) -> Any:
    """Return whether a call wraps a loop's iterable in a progress bar."""
    return isinstance(value, ast.Call) and re.search(r"\bt(qdm|range)\b", ast.unparse(value.func)) is not None
