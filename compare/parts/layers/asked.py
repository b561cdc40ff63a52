"""What a function asks for of a layer's options: in training and evaluation, with running averages, with an ε of its own, or without."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from numpy.random import Generator

from ..binding import IS_TRAINING, is_dict, plain
from .draws import Case
from .table import Layer

_SMALL = 0.01      # and less: an ε that is written out
_USUAL = 1e-5


def as_asked(row: Layer, node: ast.AST | None, tree: ast.Module) -> Layer:
    """Return the layer without what the function has no place for: evaluation, running averages, and an ε that it is given."""
    if not isinstance(node, ast.FunctionDef) or _passes_on(node):
        return row
    asked = {plain(name) for name in _names_in(node)}
    has_modes, has_eps = "mode" in asked or not asked.isdisjoint(IS_TRAINING), not asked.isdisjoint(("eps", "epsilon"))
    own = next((each for part in (node, tree) for each in _small_numbers(part)), _USUAL)

    def draw(random: Generator) -> Iterator[Case]:
        for case in row.draw(random):
            fixed = {} if has_eps or "eps" not in case.options else {"eps": own}
            if has_modes or case.options.get("mode") != "test":
                yield replace(case, options={**case.options, **fixed})

    if row.is_running and "runningmean" not in asked:
        return replace(row, draw=draw, conventions=row.conventions[:1], is_running=False)
    return replace(row, draw=draw)


def _passes_on(node: ast.FunctionDef) -> bool:
    """Return whether the function hands a dict of options on, whose names others may ask for."""
    dicts = {each.arg for each in _parameters(node) if is_dict(each.arg)} | {each.arg for each in (node.args.kwarg,) if each}
    looked_into = {id(each.value) for each in ast.walk(node) if isinstance(each, (ast.Attribute, ast.Subscript))}
    return any(isinstance(each, ast.Name) and each.id in dicts and id(each) not in looked_into for each in ast.walk(node))


def _names_in(node: ast.FunctionDef) -> Iterator[str]:
    """Yield the names of the parameters that the function reads, and the keys in its text."""
    parameters = {each.arg for each in _parameters(node)}
    for each in (each for part in node.body for each in ast.walk(part)):
        if isinstance(each, ast.Name) and each.id in parameters:
            yield each.id
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def _parameters(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _small_numbers(node: ast.AST) -> Iterator[float]:
    numbers = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    yield from (each for each in numbers if isinstance(each, float) and 0 < each <= _SMALL)
