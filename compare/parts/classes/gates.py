"""Classes of layers that take several inputs, as a gate of x and y, or a cell of x and the state before it, or return several outputs."""

import ast
import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..result import Part
from ..several_inputs import Code, part_of
from .gradients import gradients_kept
from .objects import Objects
from .returned import by_role, names_of, returned
from .weights import is_gradient_of, weights

# Inputs and the states before them: rows, columns and a vector, then sequences of rows and columns; last what mixes the records.
_SHAPES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((4, 6), (4, 5)), ((6, 4), (5, 4)), ((6, 1), (5, 1)), ((6,), (5,)),
    ((3, 4, 6), (3, 5)), ((4, 3, 6), (3, 5)), ((4, 6, 1), (5, 1)), ((6, 4, 3), (5, 3)), ((4, 6, 3), (5, 3)), ((4, 6), (4, 4)),
)      # fmt: skip


def gate_part(objects: Objects) -> Part:
    """Return the part of such a class, by the first object whose gradients are compared."""
    label = objects.label
    lines = objects.file.lines_of(label) or objects.file.lines_of(objects.methods.name)
    part = Part(label, "not compared", lines=lines, reason="no arguments were found with which an object can be made")
    try:
        made = objects.file.run(label, lambda: [layer for layer, _ in objects.all()])
    except AttemptError as error:
        return Part(label, "could not run", lines=lines, line=error.line, reason=str(error))
    for layer in made:
        other = part_of(objects.file, _code(objects, label, layer), lines, objects.seed)
        part = other if other.compared or part.mark == "not compared" else part
        if part.compared:
            break
    return part


def _code(objects: Objects, label: str, layer: Any) -> Code:
    own, methods = weights(layer), objects.methods
    groups = [_taken_apart(objects.file.node_of(f"{methods.name}.{methods.forward}"), name) for name in methods.inputs]
    inputs = [name for group in groups for name in group]

    def given(values: Iterable[Any]) -> Iterator[Any]:
        left = iter(values)
        return (next(left) if len(group) == 1 else tuple(next(left) for _ in group) for group in groups)

    def compared(outs: list[Any]) -> list[Any]:
        return outs[: len(methods.takes)] if len(methods.takes) > 1 else [outs[objects.place if objects.place < len(outs) else 0]]

    def outs(arrays: Sequence[Array], after: Any) -> list[Array]:
        return [np.asarray(each) for each in compared(objects.outs(after, *given(map(np.array, arrays[: len(inputs)]))))]

    def forward(arrays: Sequence[Array]) -> Any:
        found = outs(arrays, copy.deepcopy(layer))
        return found[0] if len(found) == 1 else np.concatenate([each.ravel() for each in found])

    def backward(arrays: Sequence[Array], above: Array) -> list[Any]:
        after = copy.deepcopy(layer)
        found = outs(arrays, after)
        parts = np.split(np.ravel(above), np.cumsum([each.size for each in found])[:-1])
        aboves = [part.reshape(each.shape) for part, each in zip(parts, found, strict=True)]
        answer = objects.going_back(after, [*given(map(np.array, arrays[: len(inputs)]))], aboves)
        values = [(name, each) for name, each in returned(answer, objects.way_back) if each is not None]
        grads = by_role(values, inputs, [*own])
        kept = gradients_kept(layer, after, grads)
        left = {name: value for name in inputs for each, value in vars(after).items() if is_gradient_of(each, name)}
        return [*(grads.get(name, left.get(name)) for name in inputs), *(kept.get(name) for name in own)]

    def on_tensors(values: Sequence[Any]) -> Tensor:
        leaves = {name: value.tensor for name, value in zip(own, values[len(inputs) :], strict=True)}
        found: list[Tensor] = compared(objects.outs_of_tensors(layer, leaves, *given(values[: len(inputs)])))
        return found[0] if len(found) == 1 else torch.cat([each.reshape(-1) for each in found])

    shapes = [(x, *[state] * (len(inputs) - 1)) for x, state in _SHAPES]
    return Code(label, (*inputs, *own), forward, backward, on_tensors, tuple(own.values()), shapes, inputs, objects.size)


def _taken_apart(forward: ast.AST | None, name: str) -> list[str]:
    """Return the names of the arrays that a method takes from an argument, as h and c from a state; else the argument's own."""
    for each in ast.walk(forward) if forward is not None else ():
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Name) and each.value.id == name:
            names = [*names_of(each.targets[0])]
            if len(names) > 1:
                return names
    return [name]
