"""What a step leaves as it was drawn, and its outputs depend on: an array that begins as weights and biases do, and is no data."""

import ast
import re
from collections.abc import Iterator, Mapping

import numpy as np

from ...support.arrays import Array
from ...userfile.shapes.spellings import is_bias
from .moving import TINY, influenced, noise
from .step import Places, Step
from .watch import Measure

_DRAWS = re.compile(r"(^|[._])(rand\w*|normal|uniform|zeros|ones|full|gauss|choice|standard_normal)$")
_CARRIED = re.compile(r"(^|[._])[hc]\d*$|prev|hidden|state|memory|context|mask", re.IGNORECASE)      # may begin at 0 each time
_MARK = re.compile(r"^(w|b|weights?|bias(es)?)_?|_?(w|b|weights?|bias(es)?)$", re.IGNORECASE)      # of a weight's name, or a bias's
_LEAST = 3      # records, to tell what is of one of them from what is of all
_LOOKED = 4      # rows of data
_MOST = 40      # arrays that are looked at


def left_as_drawn(step: Step, before: Measure, base: Mapping[str, Array], outputs: Places) -> Iterator[str]:
    """Yield attributes, of objects that the step trains, which a constructor draws, and drawn variables that are of all records."""
    owners = {path.rpartition(".")[0] for path in step.paths}
    attributes, variables = drawn_in(step.file.tree)
    known = {*step.paths, *step.still, *step.carried, *(state.path for state in step.states)}
    others = [path for path in before.start if path not in known and path not in before.whole][:_MOST]
    of_objects = [path for path in others if "." in path and path.rpartition(".")[0] in owners and _last(path) in attributes]
    alone = [path for path in others if path in variables and before.start[path].ndim and not _CARRIED.search(path)]
    beside = [path for path in alone if is_bias(path) and _stem(path) in {_stem(each) for each in step.paths}]
    for path in (*of_objects, *beside):
        if influenced(before, _moved(step, before, base, path) or before) & outputs:
            yield path
    if alone and any(_is_of_records(step, before, base, outputs, path) for path in step.data):
        for path in (each for each in alone if each not in beside):
            rows = _rows(before, _moved(step, before, base, path, 0), outputs)
            columns = _rows(before, _moved(step, before, base, path, -1, axis=-1), outputs)
            if min(rows, columns) > 1:
                yield path


def _stem(path: str) -> str:
    """Return what the name of a bias has in common with that of its weights."""
    return _MARK.sub("", _last(path), count=1)


def drawn_in(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Return the names of the attributes that constructors give what they draw, and of variables that are given such."""
    gives = [each for each in ast.walk(tree) if isinstance(each, ast.Assign) and _draws(each.value)]
    makers = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    made = {id(each) for node in makers for each in ast.walk(node)}
    targets = [(each, part) for each in gives for target in each.targets for part in getattr(target, "elts", [target])]
    attributes = {part.attr for each, part in targets if isinstance(part, ast.Attribute) and id(each) in made}
    return attributes, {part.id for _, part in targets if isinstance(part, ast.Name)}


def _draws(value: ast.AST) -> bool:
    return any(isinstance(each, ast.Call) and _DRAWS.search(ast.unparse(each.func)) for each in ast.walk(value))


def _is_of_records(step: Step, before: Measure, base: Mapping[str, Array], outputs: Places, path: str) -> bool:
    """Return whether each row of an array, or each column, has an influence on one row of the output at most, and some has."""
    for axis in range(min(before.start[path].ndim, 2)):
        size = before.start[path].shape[axis]
        found = [_rows(before, _moved(step, before, base, path, at, axis), outputs) for at in range(min(size, _LOOKED))]
        if size >= _LEAST and max(found) == 1:
            return True
    return False


def _moved(step: Step, before: Measure, base: Mapping[str, Array], path: str, at: int | None = None, axis: int = 0) -> Measure | None:
    """Return a run from where an array is moved, or what is at one place of its axis alone."""
    way = TINY * noise(before.start[path], np.random.default_rng(0))
    if at is not None:
        only = np.zeros_like(way)
        np.moveaxis(only, axis, 0)[at] = np.moveaxis(way, axis, 0)[at]
        way = only
    return step.measured({**base, path: base.get(path, 0) + way})


def _rows(before: Measure, moved: Measure | None, outputs: Places) -> int:
    """Return how many records of the output are others: rows or columns, whichever are fewer; 0 where there are too few."""
    if moved is None:
        return 0
    for one, other in zip(before.pairs, moved.pairs, strict=False):
        for is_second in (False, True):
            old, new = (one.other, other.other) if is_second else (one.one, other.one)
            if (one.place, is_second) in outputs and one.place == other.place and old.shape == new.shape and old.ndim and old.size:
                changed = old != new
                counts = [int(np.sum(np.any(np.moveaxis(changed, axis, 0).reshape(size, -1), axis=1)))
                          for axis, size in enumerate(old.shape[:2]) if size >= _LEAST]      # fmt: skip
                return min(counts, default=0)
    return 0


def _last(path: str) -> str:
    return path.rpartition(".")[2].split("[")[0]
