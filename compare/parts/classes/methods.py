"""The classes of layers and losses in a file: which methods go forward and back, and how each class is to be called."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...support.errors import CompareError
from ...userfile.source import Source
from ..binding import plain
from .returned import names_returned
from .spellings import BACKWARDS, CACHES, FORWARDS, OF_PARTS, TARGETS, is_from_above, is_loss, is_rate, is_target, may_be_targets, number_of

Kind = Literal["layer", "last", "gate", "loss", "static"]


@dataclass(frozen=True)
class Methods:
    """A class with the names of its methods; `takes` are the arguments of the backward method that have no default.

    Among them are not the inputs, which some take again, nor a cache that the forward method returns last: `again` has for each argument
    the number of the input that it is, -1 for the cache, or None.
    """

    name: str
    forward: str
    backward: str
    kind: Kind
    takes: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    again: tuple[int | None, ...] = ()

    def given(self, inputs: Sequence[Any], others: Sequence[Any], cache: Any) -> list[Any]:
        """Return the arguments of the backward method: inputs again, the cache, and others."""
        left, known = iter(others), [*inputs, cache]
        return [next(left) if number is None else known[number] for number in self.again] if self.again else [*others]

    @property
    def has_cache(self) -> bool:
        """Whether the forward method returns a cache for the backward method."""
        return -1 in self.again

    @property
    def is_turned(self) -> bool:
        """Whether the forward method of a loss takes the target first."""
        return len(self.inputs) > 1 and plain(self.inputs[0]) in TARGETS and plain(self.inputs[1]) not in TARGETS

    @property
    def has_rate(self) -> bool:
        """Whether the backward method takes a learning rate beside the gradient."""
        return len(self.takes) > 1


def classes_in(tree: ast.Module) -> list[str]:
    """Return the names of the classes of layers; none in a file that has only losses."""
    found = methods_in(tree)
    return [each.name for each in found] if any(each.kind != "loss" for each in found) else []


def classes_beside(tree: ast.Module, folder: Path) -> list[str]:
    """Return the names of the classes of layers that a file imports from files beside it."""
    return [name for path, names in files_beside(tree, folder) for name in names if name in classes_in(_parsed(path))]


def files_beside(tree: ast.Module, folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield the files in that folder from which a file imports names, with the names."""
    for node in tree.body:
        path = folder / f"{node.module}.py" if isinstance(node, ast.ImportFrom) and node.module else None
        if isinstance(node, ast.ImportFrom) and path is not None and path.is_file():
            yield path, [alias.name for alias in node.names]


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse("\n".join(Source.read(path).lines) + "\n")
    except (CompareError, SyntaxError):      # whoever executes the file says so
        return ast.Module([], [])


def methods_in(tree: ast.Module) -> list[Methods]:
    """Return the classes that go forward and back, with methods of their own or of a class that they derive from."""
    owned = own_methods(tree)
    ways = _ways_of_names(owned) or _ways_of_structure(owned)
    found = []
    for name, methods in owned.items():
        pair = next(((forward, backward) for forward, backward in ways if forward in methods and backward in methods), None)
        each = None if pair is None else _classified(name, methods[pair[0]], methods[pair[1]])
        found += [] if each is None else [each]
    return found if any(each.kind == "layer" for each in found) else [each for each in found if each.kind != "last"]


def own_methods(tree: ast.Module) -> dict[str, dict[str, ast.FunctionDef]]:
    """Return the methods of each class by name, also those of the file's classes that it derives from."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    return {name: _methods(node, classes) for name, node in classes.items()}


def _methods(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> dict[str, ast.FunctionDef]:
    """Return the methods of a class by name, also those of the file's classes that it derives from."""
    bases = [classes[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in classes and base.id != node.name]
    inherited = [_methods(base, classes) for base in reversed(bases)]
    own = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
    return {name: method for methods in (*inherited, own) for name, method in methods.items()}


def _ways_of_names(owned: Mapping[str, Mapping[str, ast.FunctionDef]]) -> list[tuple[str, str]]:
    names = list(dict.fromkeys(name for methods in owned.values() for name in methods))
    forwards = sorted((name for name in names if plain(name) in FORWARDS), key=lambda name: plain(name) == "call")
    whole = [(forward, backward) for forward in forwards for backward in names if plain(backward) in BACKWARDS]
    of_part = [(form.format("forward"), form.format("backward")) for part in OF_PARTS for form in (f"{{}}_{part}", f"{part}_{{}}")]
    return [*whole, *(pair for pair in of_part if {*pair} <= {*names})]


def _ways_of_structure(owned: Mapping[str, Mapping[str, ast.FunctionDef]]) -> list[tuple[str, str]]:
    """Return the two names that several classes give to methods of which the second reads what the first keeps."""
    counts: dict[tuple[str, str], int] = {}
    for methods in owned.values():
        made = _stored(methods["__init__"]) if "__init__" in methods else set()
        plain_ones = {name: method for name, method in methods.items() if not name.startswith("__") and _returns(method)}
        for forward, one in plain_ones.items():
            kept = _stored(one) - made
            for backward, other in plain_ones.items():
                if forward != backward and kept & _loaded(other) and not (_stored(other) - made) & _loaded(one):
                    counts[forward, backward] = counts.get((forward, backward), 0) + 1
    return [max(counts, key=lambda pair: counts[pair])] if counts and max(counts.values()) > 1 else []


def _classified(name: str, forward: ast.FunctionDef, backward: ast.FunctionDef) -> Methods | None:
    """Return how a class is to be called, None if it is abstract, of nodes that take no input, or of a network that takes its targets."""
    if is_abstract(forward) or is_abstract(backward):
        return None
    if any(_is_static(each) for each in (forward, backward)):
        both = _is_static(forward) and _is_static(backward) and len(required(backward)) > 1
        return Methods(name, forward.name, backward.name, "static", tuple(required(backward))) if both else None
    inputs, takes = required(forward)[1:], tuple(required(backward)[1:])
    returns_more = len(names_returned(forward)) > 1
    again = tuple(number_of(each, inputs, has_cache=returns_more) for each in takes)
    others = tuple(each for each, number in zip(takes, again, strict=True) if number is None)
    if others and all(is_from_above(each) or is_rate(each) for each in others) and not any(is_target(each) for each in takes):
        takes = others
    else:      # a network that takes its records and targets
        again = ()
    if len(inputs) == 1 and takes and all(is_rate(each) for each in takes[1:]) and len(takes) <= 2:
        if not is_target(takes[0]):
            return Methods(name, forward.name, backward.name, "layer", takes, again=again)
        return None if _calls_on(forward) or _calls_on(backward) else Methods(name, forward.name, backward.name, "last", takes)
    of_loss = is_loss(name) or {plain(each) for each in takes} & {*TARGETS} or not takes
    are_gradients = not any(may_be_targets(each) or is_rate(each) for each in takes)
    has_several = are_gradients and len(takes) == len({*names_returned(forward)} - {*CACHES})
    if not of_loss and (has_several if len(takes) > 1 else len(inputs) > 1):
        return Methods(name, forward.name, backward.name, "gate", takes, tuple(inputs), again)
    if len(inputs) == 2 and {plain(each) for each in inputs} & {*TARGETS}:
        return Methods(name, forward.name, backward.name, "loss", takes, tuple(inputs))
    return None


def _calls_on(method: ast.FunctionDef) -> bool:
    """Return whether a method calls another object's that goes forward or back, as a network's does."""
    calls = [each.func for each in ast.walk(method) if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)]
    return any(plain(each.attr) in (*FORWARDS, *BACKWARDS) for each in calls)


def is_abstract(method: ast.FunctionDef) -> bool:
    """Return whether a method does nothing, or raises only."""
    body = [each for each in method.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
    return all(isinstance(each, (ast.Pass, ast.Raise)) for each in body) or "NotImplementedError" in ast.unparse(method)


def _is_static(method: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in method.decorator_list)


def required(method: ast.FunctionDef) -> list[str]:
    """Return the names of the arguments without a default, self among them."""
    names = [each.arg for each in (*method.args.posonlyargs, *method.args.args)]
    return names[: len(names) - len(method.args.defaults)]


def _returns(method: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Return) and each.value is not None for each in ast.walk(method))


def _stored(method: ast.FunctionDef) -> set[str]:
    return {name for _, name in _attributes(method, ast.Store)}


def _loaded(method: ast.FunctionDef) -> set[str]:
    return {name for _, name in _attributes(method, ast.Load)}


def _attributes(method: ast.FunctionDef, context: type[ast.expr_context]) -> Iterator[tuple[int, str]]:
    own = method.args.args[0].arg if method.args.args else ""
    for each in ast.walk(method):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == own and isinstance(each.ctx, context):
            yield each.lineno, each.attr


def attributes_stored(method: ast.AST | None) -> Sequence[str]:
    """Return the attributes that a method assigns, the last first."""
    found = sorted(_attributes(method, ast.Store), reverse=True) if isinstance(method, ast.FunctionDef) else []
    return list(dict.fromkeys(name for _, name in found))
