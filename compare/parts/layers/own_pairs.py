"""A pair of functions of several arrays that PyTorch has no function for: its gradients beside autograd of its own forward."""

import ast
import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..binding import BindingError, backward_arguments, gradients_by_role
from ..file import PartsFile, line_of_returned
from ..own_forward import on_tensors
from ..pairs import Pair
from ..result import Part
from ..several_inputs import Code, part_of
from .draws import Case
from .own_losses import required

_SEQUENCE, _IMAGE = (2, 3, 4), (2, 3, 5, 6)      # records of vectors, and of channels
_MOST = 4      # arrays that such a function takes


def own_pair(file: PartsFile, pair: Pair, name: str, seed: int) -> Part | None:
    """Return the part of a backward function, None where the forward takes no arrays alone, or none with which it runs is found."""
    forward, backward, tensors = vars(file.module)[pair.forward], vars(file.module)[name], on_tensors(file)[pair.forward]
    inputs, node = required(forward), file.node_of(name)
    if not 1 <= len(inputs) <= _MOST or not all(inspect.isfunction(each) for each in (forward, backward)):
        return None

    def back(arrays: Sequence[Any], above: Any) -> list[Any]:
        values = [np.array(each) for each in arrays]
        answer = forward(*values)
        out, *rest = answer if isinstance(answer, tuple) else (answer,)
        case = Case(dict(zip(inputs, map(np.array, arrays), strict=True)))
        try:
            arguments = backward_arguments(backward, [above], (rest[0] if len(rest) == 1 else tuple(rest) or None), case, out)
        except BindingError as error:
            raise TypeError(str(error)) from error
        roles = {role: tuple(each.shape) for role, each in case.arrays.items()}
        found, _ = gradients_by_role(backward(*arguments), roles, node if isinstance(node, ast.FunctionDef) else None)
        return [found.get(role) for role in inputs]

    shapes = [[shape] * len(inputs) for shape in (_SEQUENCE, _IMAGE)]
    code = Code(
        name, inputs, lambda arrays: _first(forward(*map(np.array, arrays))), back, lambda values: _first(tensors(*values)), shapes=shapes
    )
    part = part_of(file, code, file.lines_of(name), seed)
    if part.first is not None and isinstance(node, ast.FunctionDef):
        found = part.first.tensor.removeprefix("d")
        part = replace(part, line=line_of_returned(node, part.first.tensor, inputs.index(found)))
    return None if part.mark == "not compared" and not part.compared else part


def _first(answer: Any) -> Any:
    return answer[0] if isinstance(answer, tuple) else answer
