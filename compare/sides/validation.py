"""The layout of a step's record: the names, shapes and dtype of its arrays."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..support.arrays import Array, Batch
from .interface import PHASES, StepRecord


class LayoutError(Exception):
    """A record that cannot be compared: something in it is missing, unknown, misshapen or of another dtype."""

    def __init__(self, reason: str, phase: str, tensor: str) -> None:
        super().__init__(reason)
        self.phase, self.tensor = phase, tensor
        self.position = 0      # of the record in its block
        self.before: StepRecord | None = None      # the records of the block before it, stacked


def checked_record(
    record: StepRecord, problem: Problem, batch: Batch, phases: Collection[str] | None = None, dtype: str | None = None
) -> StepRecord:
    """Return a copy of the record; raise LayoutError unless its arrays have the problem's names and shapes, and `dtype` or the problem's.

    It must show the `phases` that earlier steps showed, if any, or a comparison would pass over them.
    A float or a list is converted to the dtype; a NumPy array must have it.
    """
    if not isinstance(record, StepRecord):
        raise LayoutError(f"step returned {type(record).__name__}; expected a StepRecord", "step", "step")
    expected = shapes_of(problem, len(batch[0]))
    dtype = problem.dtype if dtype is None else dtype
    fields: dict[str, Any] = {}
    for phase in PHASES:
        shown, shapes = getattr(record, phase), expected[phase]
        if phases is not None and (shown is not None) != (phase in phases):
            change = "not shown any more" if shown is None else "shown, and were not in the steps before"
            raise LayoutError(f"{phase} are {change}; expected the same at every step", phase, phase)
        if shown is None:
            continue
        if not isinstance(shapes, Mapping):
            fields[phase] = checked_array(shown, shapes, dtype, phase, phase)
            continue
        if not isinstance(shown, Mapping) or set(shown) != set(shapes):
            found = ", ".join(map(str, shown)) if isinstance(shown, Mapping) else type(shown).__name__
            wrong = sorted(set(shapes) ^ set(shown if isinstance(shown, Mapping) else ()), key=str)
            raise LayoutError(f"{phase} shows {found}; expected {', '.join(shapes)}", phase, str(wrong[0]))
        fields[phase] = {name: checked_array(shown[name], shape, dtype, phase, name) for name, shape in shapes.items()}
    return StepRecord(**fields)


def checked_array(values: Any, shape: tuple[int, ...], dtype: str, phase: str = "prediction", tensor: str = "prediction") -> Array:
    """Return a copy of the values as an array of that shape and dtype; raise LayoutError, of that phase and tensor, where they are not."""
    if isinstance(values, (np.ndarray, np.generic)) and values.dtype != dtype:
        raise LayoutError(f"it is {values.dtype}; expected {dtype}", phase, tensor)
    try:
        array = np.array(values, dtype=dtype)
    except (TypeError, ValueError):
        raise LayoutError(f"it is {type(values).__name__}; expected an array of numbers", phase, tensor) from None
    if array.shape != shape:
        raise LayoutError(f"it has shape {array.shape}; expected {shape}", phase, tensor)
    return array


def shapes_of(problem: Problem, records: int) -> dict[str, Any]:
    """Return the shapes that a step on so many records may show: of each phase's array, or of its arrays by name."""
    parameters = problem.shapes()
    return {
        "activations": {layer.activation: (records, layer.units) for layer in problem.layers},
        "buffers": problem.buffer_shapes(),
        "output": (records, problem.sizes[-1]),
        "loss": (),
        "errors": {layer.linear: (records, layer.units) for layer in problem.layers},
        "grads": parameters,
        "state": problem.state_shapes(),
        "deltas": parameters,
        "params": parameters,
    }
