"""The loop in which a file trains, at top level or in a function that is called: its body once, after the statements that it needs."""

import ast
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from ..definitions import FUNCTIONS, attempted, is_definition, is_main_guard, needed_for

OTHER = "given_instead"
LOOPS = (ast.For, ast.While)


@dataclass(frozen=True)
class Loop:
    """A loop, the statements before it, and the function that it is in, if any."""

    node: Any
    before: tuple[ast.stmt, ...]
    function: str | None
    owner: str | None = None      # the class whose method the function is

    @property
    def carried(self) -> list[str]:
        """The names whose value a pass through the loop takes from the one before, in the order in which they were made."""
        read: set[str] = set()
        carried: list[str] = []
        _walk_in_order(self.node.body, read, set(), carried)
        made = [name for statement in self.before for name in stored(statement)]
        return sorted(dict.fromkeys(carried), key=lambda name: made.index(name) if name in made else -1)

    @cached_property
    def read(self) -> list[str]:
        """The names that a pass takes from outside."""
        read: set[str] = set()
        _walk_in_order([self.node], read, set(), [])
        return sorted(read)

    def code(self, path: str, given: Sequence[str], wanted: Sequence[str], *, runs: bool) -> Any:
        """Compile what the wanted names need, without the assignments of the given names, and with `runs` one pass through the loop."""
        return _compiled(self, path, tuple(given), tuple(wanted), runs)

    def alone(self, path: str) -> Any:
        """Compile one pass through the loop by itself."""
        return replace(self, before=()).code(path, (), (), runs=True)


@lru_cache(maxsize=64)
def _compiled(loop: Loop, path: str, given: tuple[str, ...], wanted: tuple[str, ...], runs: bool) -> Any:
    body = [each for statement in deepcopy(list(loop.before)) for each in _without(statement, set(given))]
    names = {*wanted, *(loop.read if runs else ())} - set(given)
    sliced = [
        each if is_definition(each) else attempted(each)
        for each in needed_for([each for each in body if not _is_pure_definition(each)], names)
    ]
    if runs:
        sliced.append(_once(deepcopy(loop.node)))
    module = ast.fix_missing_locations(ast.Module([_Plain().visit(each) for each in sliced], []))
    return compile(module, path, "exec")


@lru_cache(maxsize=16)
def loops(tree: ast.Module) -> tuple[Loop, ...]:
    """Return the file's loops, the outermost first: those at top level, then those of functions."""
    return tuple(_loops(tree))


def _loops(tree: ast.Module) -> Iterator[Loop]:
    top: list[Any] = [each for part in tree.body for each in (getattr(part, "body", []) if is_main_guard(part) else [part])]
    yield from _in_block(top, (), None)
    inner = [each for part in tree.body if isinstance(part, ast.If) for each in part.body]
    for function in (each for each in [*top, *inner] if isinstance(each, ast.FunctionDef)):
        yield from _in_block(function.body, tuple(_bound(function, tree, top)), function.name)
    for owner in (each for each in tree.body if isinstance(each, ast.ClassDef)):
        for method in (each for each in owner.body if isinstance(each, ast.FunctionDef) and each.args.args):
            defaults = dict(zip(reversed(method.args.args), reversed(method.args.defaults), strict=False))
            bound = [
                ast.copy_location(ast.Assign([ast.Name(arg.arg, ast.Store())], deepcopy(value)), value) for arg, value in defaults.items()
            ]
            for loop in _in_block(method.body, tuple(bound), method.name):
                yield replace(loop, owner=owner.name)


def _in_block(block: Sequence[ast.stmt], before: tuple[ast.stmt, ...], function: str | None) -> Iterator[Loop]:
    for at, statement in enumerate(block):
        so_far = (*before, *block[:at])
        if isinstance(statement, LOOPS):
            yield Loop(statement, so_far, function)
            yield from _in_block(statement.body, (*so_far, *_first_target(statement)), function)
        elif isinstance(statement, (ast.If, ast.With, ast.Try)):
            yield from _in_block(statement.body, (*so_far, *_entered(statement)), function)


def _entered(statement: Any) -> list[ast.stmt]:
    """Return the assignments that stand for what a with statement binds."""
    bound = [each for each in getattr(statement, "items", ()) if each.optional_vars is not None]
    return [ast.copy_location(ast.Assign([deepcopy(each.optional_vars)], each.context_expr), statement) for each in bound]


def _first_target(loop: Any) -> list[ast.stmt]:
    """Return the assignment of a loop's first value to its target."""
    if isinstance(loop, ast.While):
        return []
    value = ast.parse("next(iter(()))", mode="eval").body
    value.args[0].args[0] = loop.iter  # type: ignore[attr-defined]
    return [ast.copy_location(ast.Assign([deepcopy(loop.target)], value), loop)]


def _bound(function: ast.FunctionDef, tree: ast.Module, top: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the statements that lead to a call of the function, then assignments of its arguments; of the defaults without a call."""
    args = function.args
    names = [each.arg for each in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    values: dict[str, ast.expr] = {}
    for arg, default in zip(reversed((*args.posonlyargs, *args.args)), reversed(args.defaults), strict=False):
        values[arg.arg] = default
    values |= {arg.arg: default for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default is not None}
    at = len(top)
    for number, statement in enumerate(top):
        if isinstance(statement, FUNCTIONS):
            continue
        calls = [
            each
            for each in ast.walk(statement)
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == function.name
        ]
        if calls:
            call, at = calls[0], number
            values |= dict(zip(names, [each for each in call.args if not isinstance(each, ast.Starred)], strict=False))
            values |= {each.arg: each.value for each in call.keywords if each.arg}
            break
    before = [each for each in top[:at] if not isinstance(each, FUNCTIONS)]
    bindings = [ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], deepcopy(value)), value) for name, value in values.items()]
    own = [each for each in bindings if not (isinstance(each.value, ast.Name) and each.value.id == each.targets[0].id)]  # type: ignore[attr-defined]
    return [*before, *own]


def _is_pure_definition(statement: ast.stmt) -> bool:
    """Return whether the statement was executed when the file was loaded, and need not be again."""
    return isinstance(statement, (*FUNCTIONS, ast.Import, ast.ImportFrom))


def stored(node: ast.AST) -> list[str]:
    """Return the names that a statement assigns, wholly or in part, in order."""
    found = []
    for each in ast.walk(node):
        if isinstance(getattr(each, "ctx", None), ast.Store):
            inner: Any = each
            while isinstance(inner, (ast.Subscript, ast.Attribute, ast.Starred)):
                inner = inner.value
            if isinstance(inner, ast.Name):
                found.append(inner.id)
    return found


def loaded(node: ast.AST) -> list[str]:
    """Return the names that a statement or an expression reads."""
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)]


def _walk_in_order(block: Sequence[ast.stmt], read: set[str], made: set[str], carried: list[str]) -> None:
    """Collect the names that are read before a pass makes them, and those of them that it changes."""
    for statement in block:
        if isinstance(statement, LOOPS):
            head = [statement.iter] if isinstance(statement, ast.For) else [statement.test]
            read |= {name for each in head for name in loaded(each)} - made
            if isinstance(statement, ast.For):
                made |= set(stored(statement.target))
            _walk_in_order(statement.body, read, made, carried)
        elif isinstance(statement, (ast.If, ast.With, ast.Try)):
            head_of: list[ast.AST] = (
                [statement.test] if isinstance(statement, ast.If) else [each.context_expr for each in getattr(statement, "items", [])]
            )
            read |= {name for each in head_of for name in loaded(each)} - made
            _walk_in_order([*statement.body, *getattr(statement, "orelse", [])], read, made, carried)
        elif not isinstance(statement, FUNCTIONS):
            own = set(loaded(statement))
            if isinstance(statement, ast.AugAssign):
                own |= set(stored(statement))
            read |= own - made
            names = stored(statement)
            carried += [name for name in names if name in read and name not in carried]
            made |= set(names)


class _Plain(ast.NodeTransformer):
    """Takes out what is an error outside a function: return, global, nonlocal."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        return ast.copy_location(ast.Pass(), node)

    visit_Global = visit_Nonlocal = visit_Return  # type: ignore[assignment]


def _without(statement: ast.stmt, given: set[str]) -> list[ast.stmt]:
    """Return the statement without its assignments of the given names; nothing if it only changes one of them."""
    if isinstance(statement, ast.AugAssign) and set(stored(statement)) & given:
        return []
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and isinstance(statement.value.func, ast.Attribute):
        owner = statement.value.func.value
        if isinstance(owner, ast.Name) and owner.id in given:
            return []
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in given:
            node.id = OTHER
    if isinstance(statement, ast.Assign) and any(
        isinstance(target, ast.Subscript) and set(stored(target)) & given for target in statement.targets
    ):
        return []
    return [statement]


def _once(loop: Any) -> ast.stmt:
    """Return a loop that makes the first pass alone."""
    first: Any = ast.parse("for _ in [0]: pass").body[0]
    if isinstance(loop, ast.For):
        first = ast.parse("for _ in list(__import__('itertools').islice(iter(()), 1)): pass").body[0]
        first.target = loop.target
        first.iter.args[0].args[0].args[0] = loop.iter
    first.body = loop.body
    once: ast.stmt = ast.copy_location(first, loop)
    return once
