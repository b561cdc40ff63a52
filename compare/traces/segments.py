"""A segment of a trace: the `StepRecord`s of some steps, as the arrays of one safetensors file.

Arrays with a row for each record of a batch are concatenated over the steps, and the array `records` has each step's number of rows; all
other arrays have a leading axis of steps. Beside a module, where shapes may change from step to step, each array of each step is one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..sides.interface import PHASES, STAGES, StepRecord
from ..sides.validation import shapes_of
from ..support.arrays import Array
from ..support.errors import ProblemError
from ..support.kinds import kind_of
from .manifest import TraceError

_BY_RECORD = (*STAGES, "output")
_OF_STEP = re.compile(r"([0-9]{1,10})/([0-9]{1,10})/(\w+)(?:/(.+))?", re.DOTALL)      # step, place, phase and tensor
Arrays = Mapping[str, Any]


def to_arrays(problem: Problem, numbers: Sequence[int], blocks: Sequence[StepRecord]) -> dict[str, Array]:
    """Return the arrays of these steps from their `StepRecord`s, stacked in blocks."""
    columns: dict[str, list[Array]] = {}
    for block in blocks:
        for phase, tensor, array in block.tensors():
            rows = array.reshape(-1, array.shape[-1]) if phase in _BY_RECORD else array
            columns.setdefault(_name(phase, tensor), []).append(rows)
    return {name: np.concatenate(column) for name, column in columns.items()} | drawn(problem, numbers)


def drawn(problem: Problem, numbers: Sequence[int]) -> dict[str, Any]:
    """Return the arrays that the problem draws for these steps: numbers of records, drawn rows of the training data, dropout masks."""
    batches = [problem.batch(number) for number in numbers]
    arrays: dict[str, Any] = {"records": np.array([len(batch[0]) for batch in batches], np.int64)}
    if problem.batch_size is not None:
        arrays["rows"] = np.concatenate([problem.rows(number) for number in numbers])
    if problem.dropout:
        arrays |= {f"masks/{layer}": np.concatenate([batch[2][layer] for batch in batches]) for layer in batches[0][2]}
    return arrays


def checked_records(problem: Problem, numbers: Sequence[int], arrays: Arrays, stages: bool) -> list[StepRecord]:
    """Return the `StepRecord` of each of these steps; raises TraceError for other names, shapes, dtypes or drawn values than a run's."""
    counted = arrays.get("records")
    if counted is None or counted.shape != (len(numbers),):      # checked first, since drawing the arrays of many steps takes long
        raise TraceError(f"it has {'no' if counted is None else counted.shape} 'records'; expected {len(numbers)}, one for each step")
    inputs = drawn(problem, numbers)
    checked_arrays(arrays, {**_expected(problem, len(numbers), int(inputs["records"].sum()), stages), **inputs})
    for name, array in inputs.items():
        if not np.array_equal(arrays[name], array):
            raise TraceError(f"its {name} are others than this problem draws here; expected the NumPy that drew them")
    ends = np.cumsum(counted)
    return [_record(problem, arrays, position, slice(*rows)) for position, rows in enumerate(zip(ends - counted, ends, strict=True))]


def _record(problem: Problem, arrays: Arrays, position: int, rows: slice) -> StepRecord:
    fields: dict[str, Any] = {}
    for phase, shapes in shapes_of(problem, 0).items():
        place = rows if phase in _BY_RECORD else position
        if not isinstance(shapes, Mapping):
            fields[phase] = arrays[phase][place]
        elif any(_name(phase, tensor) in arrays for tensor in shapes):
            fields[phase] = {tensor: arrays[_name(phase, tensor)][place] for tensor in shapes}
    return StepRecord(**fields)


def checked_arrays(arrays: Arrays, expected: Arrays) -> Arrays:
    """Return the arrays; raises TraceError unless they have the names, shapes and dtypes of those expected."""
    if arrays.keys() != expected.keys():
        wrong = min(arrays.keys() ^ expected.keys())
        raise TraceError(f"it has {'no' if wrong in expected else 'an unknown'} {wrong!r}; expected {', '.join(expected)}")
    for name, wanted in expected.items():
        array = arrays[name]
        if (array.dtype, array.shape) != (wanted.dtype, wanted.shape):
            raise TraceError(f"its {name!r} is {array.dtype} {array.shape}; expected {wanted.dtype} {wanted.shape}")
    return arrays


def _expected(problem: Problem, steps: int, records: int, stages: bool) -> dict[str, Any]:
    """Return arrays with the shapes and dtype of a segment, which take no memory."""
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


def step_arrays(number: int, record: Any) -> dict[str, Array]:
    """Return copies of the arrays of a step beside a module, by step, place, phase and tensor; raises ProblemError for others."""
    arrays: dict[str, Array] = {}
    for phase in record.phases if isinstance(record, StepRecord) else ():
        shown = getattr(record, phase)
        for end, value in {f"/{name}": each for name, each in shown.items()}.items() if isinstance(shown, Mapping) else [("", shown)]:
            if not isinstance(value, (np.ndarray, np.generic, float, int)) or np.asarray(value).dtype.kind not in "fiub":
                raise ProblemError(f"step {number} shows {kind_of(value)} as {phase}{end}; expected an array of numbers")
            arrays[f"{number}/{len(arrays)}/{phase}{end}"] = np.array(value)
    if not arrays:
        what = "nothing" if isinstance(record, StepRecord) else f"{kind_of(record)}"
        raise ProblemError(f"step {number} returned {what}; expected a StepRecord of what it shows")
    return arrays


def step_records(numbers: range, arrays: Arrays) -> list[StepRecord]:
    """Return the `StepRecord` of each of these steps beside a module; raises TraceError for other names than a run's, or a step without."""
    found = {name: _OF_STEP.fullmatch(name) for name in arrays}
    unknown = [name for name, each in found.items() if each is None or int(each[1]) not in numbers or each[3] not in PHASES]
    if unknown:
        of = f"of steps {numbers[0]} to {numbers[-1]}"
        raise TraceError(f"it has an unknown {min(unknown)!r}; expected <step>/<place>/<phase>/<tensor>, {of}")
    placed = sorted((int(each[1]), int(each[2]), each[3], each[4] or "", name) for name, each in found.items() if each)
    shown: dict[int, dict[str, dict[str, Any]]] = {}
    for number, _, phase, tensor, name in placed:
        shown.setdefault(number, {}).setdefault(phase, {})[tensor] = arrays[name][()]      # of shape () a number, as it may have been
    if len(shown) < len(numbers):
        raise TraceError(f"it has {len(shown)} steps; expected steps {numbers[0]} to {numbers[-1]}")
    return [StepRecord(**{phase: each.get("", each) for phase, each in phases.items()}) for phases in shown.values()]
