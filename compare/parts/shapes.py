"""The shapes of files that are checked part by part: each has a name for `--adapter`, and is recognised by what the file defines."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..support.errors import CompareError
from ..userfile.file import FUNCTIONS
from ..userfile.source import Source
from .file import PartsFile
from .layers import check_layers, losses_in
from .pairs import pairs_in
from .result import Part

_Tree = ast.Module


@dataclass(frozen=True)
class Shape:
    """One shape: the words for it, what of a file it is recognised by, and the check."""

    words: str
    signs: Callable[[_Tree], list[str]]
    check: Callable[[PartsFile, int], Iterator[Part]]


def functions_of(tree: _Tree) -> list[str]:
    """Return the names of the file's functions."""
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def _layers(tree: _Tree) -> list[str]:
    names = functions_of(tree)
    return [*(pair.forward for pair in pairs_in(names)), *losses_in(names)]


SHAPES: Mapping[str, Shape] = {
    "layer_pairs": Shape("pairs of a forward and a backward function with a cache", _layers, check_layers),
}


def shape_of(path: Path) -> str | None:
    """Return the name of the shape that the file has, None if it has none of these, or defines a function of the contract."""
    try:
        tree = ast.parse("\n".join(Source.read(path).lines) + "\n")
    except (CompareError, SyntaxError):      # whoever executes the file says so
        return None
    if set(functions_of(tree)) & set(FUNCTIONS):
        return None
    return next((name for name, shape in SHAPES.items() if shape.signs(tree)), None)
