"""The functions that sort a graph of nodes, run it and make a step: on a small graph, beside its nodes one by one."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...sides.interface import Key
from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..file import PartsFile
from ..judged import judged
from ..result import Part
from .kind import Kind, gradient_of, value_of

_RATE = 0.3
_BESIDE = "its nodes one after the other, which are compared themselves"
_LEAVES = {"x": (4, 3), "w": (3, 5), "b": (5,), "w2": (5, 1), "b2": (1,), "y": (4, 1)}
_TRAINED = ("w", "b", "w2", "b2")


@dataclass(frozen=True)
class _Graph:
    """All nodes in an order in which they can be computed, those without inputs by name, and their numbers."""

    nodes: list[Any]
    leaves: dict[str, Any]
    numbers: dict[Any, Array]


def graph_parts(file: PartsFile, kinds: Mapping[str, Kind], seed: int) -> Iterator[Part]:
    """Yield the parts of the functions that run a graph and that make a step; a note names those that are not compared."""
    functions = {name: each for name, each in file.own().items() if inspect.isfunction(each)}
    used = set[str]()
    for names, part in _ran(file, functions, kinds, seed):
        used |= {*names}
        yield part
    if left := [name for name in functions if name not in used]:
        file.notes.append(f"not compared: {', '.join(left)}")


def _graph(kinds: Mapping[str, Kind], seed: int) -> _Graph | None:
    """Return a graph of a class of x, w and b, one of a single input, and one of two, in which it ends; None where one is missing."""
    by_count = {len(kind.inputs): kind for kind in reversed([*kinds.values()])}
    if not {1, 2, 3} <= set(by_count):
        return None
    random, affine = np.random.default_rng((seed, 31)), by_count[3]
    leaves = {name: affine.new_leaf() for name in _LEAVES}
    first = affine.of([leaves["x"], leaves["w"], leaves["b"]])
    second = by_count[1].of([first])
    third = affine.of([second, leaves["w2"], leaves["b2"]])
    nodes = [*leaves.values(), first, second, third, by_count[2].of([leaves["y"], third])]
    return _Graph(nodes, leaves, {leaves[name]: random.standard_normal(shape) for name, shape in _LEAVES.items()})


def _ran(file: PartsFile, functions: Mapping[str, Any], kinds: Mapping[str, Kind], seed: int) -> Iterator[tuple[list[str], Part]]:
    one = [name for name, each in functions.items() if _count(each) == 1]
    kind = next(iter(kinds.values()), None)
    try:
        graph = file.run("a graph of its nodes", _graph, kinds, seed)
        if graph is None or kind is None or len(one) < 2:
            return
        expected = file.run("a graph of its nodes", _one_by_one, graph, kind)
    except AttemptError:      # as where nodes need more than their inputs
        return
    for sort in one:
        other = _graph(kinds, seed)
        try:
            order = functions[sort]({node: number.copy() for node, number in other.numbers.items()}) if other is not None else None
        except Exception:      # whatever the function raises: it is another
            continue
        if other is None or not isinstance(order, list) or {*map(id, order)} != {*map(id, other.nodes)}:
            continue
        for run in (name for name in one if name != sort):
            try:
                file.run(run, functions[run], order)
            except AttemptError as error:
                yield [sort, run], Part(run, "could not run", _BESIDE, lines=file.lines_of(run), line=error.line, reason=str(error))
                return
            shown = {name: gradient_of(node) for name, node in other.leaves.items()}
            part = _part(file, run, {("gradients", f"gradient of {name}"): each for name, each in shown.items()}, expected, _BESIDE, seed)
            yield [sort, run], part
            if part.mark == "agrees":
                yield from _steps(file, functions, [other.leaves[name] for name in _TRAINED], seed)
            return


def _one_by_one(graph: _Graph, kind: Kind) -> list[Array]:
    """Return the gradients at the leaves of the graph, whose nodes go forward and back one after the other."""
    for node, number in graph.numbers.items():
        setattr(node, value_of(node), number.copy())
    for node in graph.nodes:
        getattr(node, kind.forward)()
    for node in reversed(graph.nodes):
        getattr(node, kind.backward)()
    return [np.array(gradient_of(node), float) for node in graph.leaves.values()]


def _steps(file: PartsFile, functions: Mapping[str, Any], nodes: list[Any], seed: int) -> Iterator[tuple[list[str], Part]]:
    """Yield the part of each function of nodes and a learning rate that changes the nodes' numbers."""
    for name, function in functions.items():
        if _count(function, needed=False) != 2:
            continue
        before = [(np.array(getattr(node, value_of(node))), np.array(gradient_of(node))) for node in nodes]
        try:
            function(nodes, _RATE)
        except Exception:      # whatever the function raises: it is another
            continue
        after = [np.array(getattr(node, value_of(node))) for node in nodes]
        if any(not np.array_equal(old, new) for (old, _), new in zip(before, after, strict=True)):
            shown: dict[Key, Any] = {("params", f"new {each}"): new for each, new in zip(_TRAINED, after, strict=True)}
            expected = [old - _RATE * grad for old, grad in before]
            yield [name], _part(file, name, shown, expected, "a step against the gradient", seed)


def _part(file: PartsFile, name: str, shown: Mapping[Key, Any], expected: Sequence[Array], beside: str, seed: int) -> Part:
    plain = {key: torch.from_numpy(each) for key, each in zip(shown, expected, strict=True)}

    def reference() -> Mapping[Key, torch.Tensor]:
        return plain

    result = judged(shown, reference, seed)
    return Part(
        name, "agrees" if result.first is None else "wrong", beside, sum(result.sizes.values()), result.first, lines=file.lines_of(name)
    )


def _count(function: Any, *, needed: bool = True) -> int:
    parameters = inspect.signature(function).parameters.values()
    return sum(each.default is each.empty or not needed for each in parameters)
