"""The other ways in which a program may be run by its own words: with an activation that it asks for and is not given, or a penalty."""

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

from ...userfile.shapes.spellings import ACTIVATION_NAMES, plain, role

_STRENGTH = 0.05
ANOTHER = "another"      # what none of the names is, for what comes after the last `else`
_DECAY = re.compile(r"(weight_?|l2_?)?(decay|penalty)", re.IGNORECASE)
Change = Callable[[ast.Module], ast.Module]


def variants_of(tree: ast.Module) -> Iterator[tuple[str, Change]]:
    """Yield in words what is another way, and what changes the code to it: constants alone, so that each line stays where it is."""
    for name, asked in _asked(tree).items():
        given = {each.value for each in _strings(tree) if each.value in asked}
        if len(given) == 1:
            one = next(iter(given))
            yield from ((f"{name} {other!r}", _Strings(one, other).visit) for other in asked if other != one)
            yield (f"{ANOTHER} {name}", _Strings(one, ANOTHER).visit)
    numbers = sorted({name for name, constant in _defaults(tree) if constant.value == 0 and _is_strength(name)})
    yield from ((f"{name} {_STRENGTH:g}", _Numbers(name).visit) for name in numbers)


def _asked(tree: ast.Module) -> dict[str, list[str]]:
    """Return by what it is called each text that is compared with names, some of which are activations', with these names."""
    found = dict[str, list[str]]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and (name := _called(node.left)) is not None:
            parts = [part for other in node.comparators for part in ast.walk(other) if isinstance(part, ast.Constant)]
            found.setdefault(name, []).extend(part.value for part in parts if isinstance(part.value, str))
    names = {name: list(dict.fromkeys(asked)) for name, asked in found.items()}
    return {name: asked for name, asked in names.items() if any(plain(each) in ACTIVATION_NAMES for each in asked)}


def _called(node: ast.expr) -> str | None:
    """Return the name of a variable, an attribute, or an entry."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None


def _strings(tree: ast.Module) -> Iterator[Any]:
    """Yield the texts of a file that are not compared with."""
    compared = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Compare) for part in ast.walk(node)}
    texts = (each for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str))
    yield from (each for each in texts if id(each) not in compared)


def _defaults(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    """Yield the numbers that are given to names: as a default, an argument or a variable."""
    for node in ast.walk(tree):
        pairs: list[tuple[Any, Any]] = []
        if isinstance(node, ast.FunctionDef):
            names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
            pairs = [*zip(reversed(names), reversed(node.args.defaults), strict=False)]
            pairs += [*zip((each.arg for each in node.args.kwonlyargs), node.args.kw_defaults, strict=True)]
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            pairs = [(_called(node.targets[0]) or "", node.value)]
        elif isinstance(node, ast.keyword):
            pairs = [(node.arg or "", node.value)]
        yield from ((name, value) for name, value in pairs if isinstance(value, ast.Constant) and type(value.value) in (int, float))


def _is_strength(name: str) -> bool:
    return role(name) == "reg" or _DECAY.fullmatch(name) is not None


class _Strings(ast.NodeTransformer):
    """Gives another text in the place of one, wherever that is not compared with."""

    def __init__(self, one: str, other: str) -> None:
        self.one, self.other = one, other

    def visit_Compare(self, node: ast.Compare) -> Any:
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        return ast.copy_location(ast.Constant(self.other), node) if node.value == self.one else node


class _Numbers:
    """Gives a strength in the place of the 0 that a name is given."""

    def __init__(self, name: str) -> None:
        self.name = name

    def visit(self, tree: ast.Module) -> ast.Module:
        """Return the code, changed in place."""
        for name, constant in _defaults(tree):
            if name == self.name and constant.value == 0:
                constant.value = _STRENGTH
        return tree
