"""A segment of a trace: the records of some steps, as the arrays of one safetensors file.

What has a row for each record of a step's batch is put one step after the other, and `records` says how many rows are each step's; all
else has a leading axis of steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..sides.interface import STAGES, StepRecord
from ..sides.validation import shapes_of
from ..support.arrays import Array
from .manifest import TraceError

_BY_RECORD = (*STAGES, "output")
Arrays = Mapping[str, Any]


def to_arrays(problem: Problem, numbers: Sequence[int], blocks: Sequence[StepRecord]) -> dict[str, Array]:
    """The arrays of these steps, given their records in blocks, stacked."""
    columns: dict[str, list[Array]] = {}
    for block in blocks:
        for phase, tensor, array in block.tensors():
            rows = array.reshape(-1, array.shape[-1]) if phase in _BY_RECORD else array
            columns.setdefault(_name(phase, tensor), []).append(rows)
    return {name: np.concatenate(column) for name, column in columns.items()} | drawn(problem, numbers)


def to_records(problem: Problem, numbers: Sequence[int], arrays: Arrays) -> Iterator[StepRecord]:
    """The record of each of these steps, given their arrays."""
    ends = np.cumsum(arrays["records"])
    for position in range(len(numbers)):
        rows = slice(ends[position - 1] if position else 0, ends[position])
        fields: dict[str, Any] = {}
        for phase, shapes in shapes_of(problem, 0).items():
            place = rows if phase in _BY_RECORD else position
            if not isinstance(shapes, Mapping):
                fields[phase] = arrays[phase][place]
            elif any(_name(phase, tensor) in arrays for tensor in shapes):
                fields[phase] = {tensor: arrays[_name(phase, tensor)][place] for tensor in shapes}
        yield StepRecord(**fields)


def drawn(problem: Problem, numbers: Sequence[int]) -> dict[str, Any]:
    """What these steps are given: how many records, which of the training records if they are drawn, and dropout's masks."""
    batches = [problem.batch(number) for number in numbers]
    arrays: dict[str, Any] = {"records": np.array([len(batch[0]) for batch in batches], np.int64)}
    if problem.batch_size is not None:
        arrays["rows"] = np.concatenate([problem.rows(number) for number in numbers])
    if problem.dropout:
        arrays |= {f"masks/{layer}": np.concatenate([batch[2][layer] for batch in batches]) for layer in batches[0][2]}
    return arrays


def check_segment(problem: Problem, numbers: Sequence[int], arrays: Arrays, stages: bool) -> None:
    """Raise TraceError unless the arrays are just those that a run of the problem shows of these steps."""
    counted = arrays.get("records")
    if counted is None or counted.shape != (len(numbers),):      # looked at first: to draw what so many steps are given takes long
        raise TraceError(f"it has {'no' if counted is None else counted.shape} 'records'; expected {len(numbers)}, one for each step")
    given = drawn(problem, numbers)
    check_arrays(arrays, {**_expected(problem, len(numbers), int(given["records"].sum()), stages), **given})
    for name, array in given.items():
        if not np.array_equal(arrays[name], array):
            raise TraceError(f"its {name} are others than this problem draws here; expected the NumPy that drew them")


def check_arrays(arrays: Arrays, expected: Arrays) -> None:
    """Raise TraceError unless the arrays have the names, shapes and dtypes of those expected."""
    if arrays.keys() != expected.keys():
        wrong = min(arrays.keys() ^ expected.keys())
        raise TraceError(f"it has {'no' if wrong in expected else 'an unknown'} {wrong!r}; expected {', '.join(expected)}")
    for name, wanted in expected.items():
        array = arrays[name]
        if (array.dtype, array.shape) != (wanted.dtype, wanted.shape):
            raise TraceError(f"its {name!r} is {array.dtype} {array.shape}; expected {wanted.dtype} {wanted.shape}")


def _expected(problem: Problem, steps: int, records: int, stages: bool) -> dict[str, Any]:
    """Arrays of the shapes and the dtype that the records of so many steps have; they take up no memory."""
    arrays: dict[str, Any] = {}
    for phase, shapes in shapes_of(problem, records).items():
        if phase in STAGES and not stages:
            continue
        for tensor, shape in (shapes if isinstance(shapes, Mapping) else {phase: shapes}).items():
            whole = shape if phase in _BY_RECORD else (steps, *shape)
            arrays[_name(phase, tensor)] = np.broadcast_to(np.zeros((), problem.dtype), whole)
    return arrays


def _name(phase: str, tensor: str) -> str:
    return phase if phase == tensor else f"{phase}/{tensor}"
