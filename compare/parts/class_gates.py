"""Classes of layers that take several inputs, as a gate of x and y, or a cell of x and the state before it."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..support.arrays import Array
from ..userfile.file import AttemptError
from .class_gradients import gradients_kept
from .class_objects import Objects, weights
from .result import Part
from .several_inputs import Code, part_of


def gate_part(objects: Objects) -> Part:
    """Return the part of a class whose forward takes several inputs, by the first object with which it runs."""
    label = f"{objects.methods.name}.{objects.methods.backward}"
    lines = objects.file.lines_of(label) or objects.file.lines_of(objects.methods.name)
    part = Part(label, "not compared", lines=lines, reason="no arguments were found with which an object can be made")
    try:
        made = objects.file.run(label, lambda: [layer for layer, _ in objects.all()])
    except AttemptError as error:
        return Part(label, "could not run", lines=lines, line=error.line, reason=str(error))
    for layer in made:
        part = part_of(objects.file, _code(objects, label, layer), lines, objects.seed)
        if part.compared or part.mark != "not compared":
            break
    return part


def _code(objects: Objects, label: str, layer: Any) -> Code:
    count, own = len(objects.methods.inputs), weights(layer)

    def forward(arrays: Sequence[Array]) -> Any:
        return objects.forward(copy.deepcopy(layer), *map(np.array, arrays[:count]))

    def backward(arrays: Sequence[Array], above: Array) -> list[Any]:
        after = copy.deepcopy(layer)
        objects.forward(after, *map(np.array, arrays[:count]))
        returned = objects.back_all(after, above)
        listed = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        kept = gradients_kept(layer, after, listed[count:])
        return [*(listed + [None] * count)[:count], *(kept.get(name) for name in own)]

    def on_tensors(values: Sequence[Any]) -> Any:
        leaves = {name: value.tensor for name, value in zip(own, values[count:], strict=True)}
        return objects.of_tensors(layer, leaves, values[0].tensor, *values[1:count])

    return Code(label, (*objects.methods.inputs, *own), forward, backward, on_tensors, tuple(own.values()))
