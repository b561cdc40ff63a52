"""The parts of a page: each is named after the gradient that the file has, at its line, or after the parameter that becomes another."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ....lockstep.difference import Difference
from ....userfile.shapes.definitions import ASSIGNMENTS
from ....userfile.shapes.spellings import role
from ...result import Part
from .page import Page
from .shown import Shown

_TURNED, _UPHILL = "it is the slope with the other sign", "it goes uphill"


def said_of(page: Page, parts: Sequence[Part], *, is_wrong: bool = False) -> Iterator[Part]:
    """Yield the parts of its parameters as those of what is shown; `is_wrong` says that all of it should go the other way."""
    tree = ast.parse(page.file.text)
    page.file.caveats = (f"no gradient of {', '.join(page.lacking)} is made",) if page.lacking else ()
    for path, where, size, other in page.misfits:
        yield Part(where, "wrong", "", 1, line=_line(tree, where), why=f"it has {other} numbers, and {path} has {size}")
    for part in sorted(parts, key=lambda each: each.mark == "wrong" and each.first is None):
        shown = page.shown[part.name]
        first = part.first if shown.is_new or part.first is None else _of_gradient(part.first, shown)
        line = _line(tree, shown.path) if is_wrong or part.mark != "agrees" else None
        one = replace(part, name=shown.path, first=first, line=line)
        yield replace(one, mark="wrong", why=_UPHILL if shown.is_new else _TURNED) if is_wrong and part.mark == "agrees" else one


def is_free(page: Page) -> bool:
    """Return whether the parameters may as well go the other way: what is shown are steps by their names, or by a learning rate in them."""
    tree = ast.parse(page.file.text)
    return all(each.is_free or (not each.is_new and _reads_rate(tree, each.path)) for each in page.shown.values())


def is_update(page: Page) -> bool:
    """Return whether the file names a loss, and makes something new of each parameter by a learning rate: that is meant as a step."""
    tree = ast.parse(page.file.text)
    are_new = all(each.is_new and _reads_rate(tree, each.path) for each in page.shown.values())
    return are_new and any(each.place is None for each in page.losses)


def _of_gradient(first: Difference, shown: Shown) -> Difference:
    """Return the difference of a parameter's step as one of its gradient."""
    sign = 1 if shown.is_turned else -1
    if first.actual is None or first.expected is None:
        return first
    return replace(first, phase="gradients", tensor=shown.path, actual=sign * first.actual, expected=sign * first.expected)


def _reads_rate(tree: ast.Module, path: str) -> bool:
    """Return whether what assigns to a path reads a learning rate: it is a step, and no gradient."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ASSIGNMENTS) and node.value and _assigns(node, path)]
    return any(isinstance(each, ast.Name) and role(each.id) == "lr" for node in assigned if node.value for each in ast.walk(node.value))


def _line(tree: ast.Module, path: str) -> int | None:
    """Return the last line that assigns to the path's last name, or else to its first."""
    for name in dict.fromkeys((_names(path)[-1], _names(path)[0])):
        lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ASSIGNMENTS) and _assigns(node, name)]
        keys = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
        lines += [key.lineno for key in keys if isinstance(key, ast.Constant) and key.value == name]
        if lines:
            return max(lines)
    return None


def _names(path: str) -> list[str]:
    return [each for each in path.replace("[", ".").replace("]", "").replace("'", "").split(".") if not each.isdigit()]


def _assigns(node: ast.Assign | ast.AnnAssign | ast.AugAssign, path: str) -> bool:
    """Return whether a statement assigns to the last name of a path, as a variable, an attribute or an entry under that key."""
    name = _names(path)[-1]
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        for each in ast.walk(target):
            if isinstance(each, ast.Constant):
                found = each.value
            else:
                found = each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", None)
            if found == name:
                return True
    return False
