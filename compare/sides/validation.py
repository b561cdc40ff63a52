"""The layout of a record: which arrays, of which shapes and dtype, a step of a problem shows."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..support.arrays import Array, Batch
from .interface import PHASES, StepRecord


class LayoutError(Exception):
    """A record that cannot be compared: something in it is missing, unknown, misshapen or of another dtype."""

    def __init__(self, reason: str, phase: str = "prediction", tensor: str = "prediction") -> None:
        super().__init__(reason)
        self.phase, self.tensor = phase, tensor
        self.position = 0
        self.before: StepRecord | None = None

    def at(self, position: int, before: StepRecord | None) -> "LayoutError":
        """The same, of the record at that position in its block, with the stacked records before it."""
        self.position, self.before = position, before
        return self


def checked_record(
    record: StepRecord, problem: Problem, batch: Batch, phases: Collection[str] | None = None, dtype: str | None = None
) -> StepRecord:
    """A copy of the record whose arrays have the problem's names, shapes and dtype, unless another is said; raises LayoutError.

    It must show the `phases` that earlier steps showed, if given, or a comparison would pass over them.
    What is no NumPy array (a float, a list) is taken in the problem's dtype; an array must have it already.
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
            fields[phase] = _checked(shown, shapes, dtype, phase, phase)
            continue
        if not isinstance(shown, Mapping) or set(shown) != set(shapes):
            found = ", ".join(map(str, shown)) if isinstance(shown, Mapping) else type(shown).__name__
            wrong = sorted(set(shapes) ^ set(shown if isinstance(shown, Mapping) else ()), key=str)
            raise LayoutError(f"{phase} shows {found}; expected {', '.join(shapes)}", phase, str(wrong[0]))
        fields[phase] = {name: _checked(shown[name], shape, dtype, phase, name) for name, shape in shapes.items()}
    return StepRecord(**fields)


def checked_array(values: Any, shape: tuple[int, ...], dtype: str) -> Array:
    """A copy of the values as an array of that shape and dtype; raises LayoutError."""
    if isinstance(values, (np.ndarray, np.generic)) and values.dtype != dtype:
        raise LayoutError(f"it is {values.dtype}; expected {dtype}")
    try:
        array = np.array(values, dtype=dtype)
    except (TypeError, ValueError):
        raise LayoutError(f"it is {type(values).__name__}; expected an array of numbers") from None
    if array.shape != shape:
        raise LayoutError(f"it has shape {array.shape}; expected {shape}")
    return array


def shapes_of(problem: Problem, records: int) -> dict[str, Any]:
    """The shapes of what a step on so many records may show: of each phase, or of its arrays by name."""
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


def _checked(values: Any, shape: tuple[int, ...], dtype: str, phase: str, tensor: str) -> Array:
    try:
        return checked_array(values, shape, dtype)
    except LayoutError as error:
        raise LayoutError(str(error), phase, tensor) from None
