"""What the names of a loop stand for: the records and targets, the settings such as the rate, and the parameters that it carries."""

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Any, TypeGuard

from ..spellings import role
from .momentum import WRITTEN_OUT
from .training_loop import Loop

_SETTINGS = ("lr", "batch", "epochs", "reg", "momentum")


def data_of(module: Any, loop: Loop) -> dict[str, list[str]]:
    """Return the names of records and of targets that the loop takes from outside, or its method as arguments."""
    if loop.owner is None:
        own = vars(module)
        texts = _texts(module, loop)
        read = [name for name in loop.read if not inspect.isroutine(own.get(name)) and name not in texts]
        return {what: [name for name in read if role(name) == what] for what in ("x", "y")}
    arguments = _arguments(module, loop)      # what the method itself makes of them need not be given
    data = {what: [name for name in _read_by_method(loop) if role(name) == what] for what in ("x", "y")}
    return {what: [name for name in names if name in arguments] or names for what, names in data.items()}


def carriers(module: Any, loop: Loop, carried: list[str]) -> list[list[str]]:
    """Return the names in which the parameters may lie: those that the loop carries, or else those of objects that a pass changes."""
    if loop.owner is not None:
        return [["self"]]
    changed = [name for name in loop.read if role(name) is None and not is_code(vars(module).get(name)) and name not in carried]
    return [carried, changed]      # objects need not be assigned


def settings_of(loop: Loop, carried: list[str]) -> dict[str, list[str]]:
    """Return the names of the rate and of other settings by what they stand for."""
    found = {what: [name for name in loop.read if role(name) == what and name not in carried] for what in _SETTINGS}
    text = ast.unparse(loop.node)
    is_used = r"(?m)^\s*_?(v|m|prev|delta)\w*[\w\[\].]* = .*\b{}\b"
    of_state = {name for name in found["momentum"] if re.search(is_used.format(name), text) or _multiplies(name, loop.node, carried)}
    return found | {"momentum": [name for name in loop.read if name in of_state or name == WRITTEN_OUT]}


def _multiplies(name: str, node: ast.AST, carried: list[str]) -> bool:
    """Return whether the name is a velocity's factor: a carried name becomes that times a carried one and more, and not itself and more."""
    for each in (each for each in ast.walk(node) if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) in carried):
        terms = [*_terms(each.value)]
        factors = [{ast.unparse(side).lstrip("-") for side in (term.left, term.right)} for term in terms if _is_product(term)]
        if ast.unparse(each.targets[0]) not in map(ast.unparse, terms) and any(name in pair and pair & {*carried} for pair in factors):
            return True
    return False


def _terms(value: ast.expr) -> Iterator[ast.expr]:
    """Yield what a sum or a difference is made of."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub)):
        yield from _terms(value.left)
        yield from _terms(value.right)
    else:
        yield value


def _is_product(value: ast.expr) -> TypeGuard[ast.BinOp]:
    return isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult)


def frames_in(loop: Loop, data: dict[str, list[str]]) -> list[str]:
    """Return those of the data's names that are used as pandas' frames."""
    text = ast.unparse(loop.node)
    names = [name for each in data.values() for name in each]
    return [name for name in names if re.search(rf"\b{name}\.(values|iloc|loc|iterrows|to_numpy|columns)\b", text)]


def fractions_in(loop: Loop, carried: list[str]) -> list[str]:
    """Return the names that a pass reads, and that hold a fraction that is written out: one may be the rate, whatever its name."""
    assigned = [each for statement in loop.before for each in ast.walk(statement) if isinstance(each, ast.Assign)]
    written = [each for each in assigned if isinstance(each.value, ast.Constant) and isinstance(each.value.value, float)]
    names = {target.id for each in written for target in each.targets if isinstance(target, ast.Name)}
    return [name for name in loop.read if name in names and name not in carried and role(name) is None]


def is_code(value: Any) -> bool:
    """Return whether it is a function, a class or a module."""
    return inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value)


def _texts(module: Any, loop: Loop) -> set[str]:
    """Return the names of the function's arguments that are texts by default, as that of an activation is."""
    functions = [each.args for each in ast.walk(module.__tree__) if isinstance(each, ast.FunctionDef) and each.name == loop.function]
    pairs = [pair for each in functions for pair in zip(each.args[::-1], each.defaults[::-1], strict=False)]
    return {arg.arg for arg, default in pairs if isinstance(default, ast.Constant) and isinstance(default.value, str)}


def _read_by_method(loop: Loop) -> list[str]:
    """Return the names that a method reads before and in its loop, such as its arguments."""
    statements = [*loop.before, loop.node]
    return sorted(
        {node.id for each in statements for node in ast.walk(each) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    )


def _arguments(module: Any, loop: Loop) -> list[str]:
    """Return the names of the arguments of the method that the loop is in."""
    owners = [each for each in module.__tree__.body if isinstance(each, ast.ClassDef) and each.name == loop.owner]
    methods = [each for owner in owners for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == loop.function]
    return [arg.arg for each in methods for arg in each.args.args]
