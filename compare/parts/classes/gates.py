"""Classes of layers that take several inputs, as a gate of x and y, or a cell of x and the state before it."""

import ast
import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..binding import plain
from ..file import returned_names
from ..result import Part
from ..several_inputs import Code, part_of
from .gradients import gradients_kept
from .objects import Objects
from .weights import weights


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
    order = _order(objects, label)

    def forward(arrays: Sequence[Array]) -> Any:
        return objects.forward(copy.deepcopy(layer), *map(np.array, arrays[:count]))

    def backward(arrays: Sequence[Array], above: Array) -> list[Any]:
        after = copy.deepcopy(layer)
        objects.forward(after, *map(np.array, arrays[:count]))
        returned = objects.back_all(after, above)
        listed = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        kept = gradients_kept(layer, after, listed[count:])
        at_inputs = (listed + [None] * count)[:count]
        return [*(at_inputs[place] for place in order), *(kept.get(name) for name in own)]

    def on_tensors(values: Sequence[Any]) -> Any:
        leaves = {name: value.tensor for name, value in zip(own, values[count:], strict=True)}
        return objects.of_tensors(layer, leaves, values[0].tensor, *values[1:count])

    return Code(label, (*objects.methods.inputs, *own), forward, backward, on_tensors, tuple(own.values()))


def _order(objects: Objects, label: str) -> list[int]:
    """Return the place of each input's gradient among what the backward method returns, by the names in its return statement.

    Of one that says none of the inputs, the place is the one that is left.
    """
    inputs, node = [plain(each) for each in objects.methods.inputs], objects.file.node_of(label)
    said = [_of_gradient(name) for name in returned_names(node)][: len(inputs)] if isinstance(node, ast.FunctionDef) else []
    places = {name: said.index(name) for name in inputs if said.count(name) == 1}
    left = [place for place in range(len(inputs)) if place not in places.values()]
    if len(said) != len(inputs) or len(left) > 1:
        return [*range(len(inputs))]
    return [places[name] if name in places else left[0] for name in inputs]


def _of_gradient(name: str) -> str:
    """Return the name of which a name is the gradient, as x of dx and of grad_x."""
    return plain(name).removeprefix("grad").removeprefix("d")
