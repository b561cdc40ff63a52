"""The numbers of one step of both sides, by (phase, tensor): their layout, and how far they are apart."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..problem.module_copy import as_array
from ..sides.interface import Key, StepRecord
from ..support.arrays import Array
from ..support.kinds import kind_of
from .difference import ComparedStep, Difference, largest_share, record_of

PARTIAL = ("activations", "buffers", "errors", "state")      # of which a candidate may show some
_MASKED = ("activations", "output", "outputs", "errors", "prediction")      # where infinite numbers may be meant
Record = Mapping[Key, Array]


def layout_fault(number: int, record: Any, expected: Record, is_module: bool) -> Difference | None:
    """Return why the record cannot be compared, if it cannot: what is missing, unknown, misshapen or of another dtype.

    Of stages, buffers and state a record may show some; of a module, all parts of the output.
    """
    if not isinstance(record, StepRecord):
        return Difference(number, "step", "step", reason=f"step returned {kind_of(record)}; expected a StepRecord")
    names: dict[str, list[str]] = {}
    for phase, name in expected:
        names.setdefault(phase, []).append(name)
    for phase in record.phases:
        shown = getattr(record, phase)
        if phase in ("output", "loss"):
            shown = {phase: shown}
        if not isinstance(shown, Mapping):
            return Difference(number, phase, phase, reason=f"{phase} is {kind_of(shown)}; expected arrays by name")
        known = names.get(phase, [])
        missing = [name for name in known if name not in shown and (phase not in PARTIAL or (is_module and name.startswith("output[")))]
        wrong = [name for name in shown if name not in known] + missing
        if wrong:
            what = f"{phase} shows {', '.join(map(str, shown)) or 'nothing'}; expected {', '.join(known) or 'nothing'}"
            return Difference(number, phase, str(wrong[0]), reason=what)
        for name in [name for name in known if name in shown]:
            array = shown[name]
            right = expected[phase, name]
            if not isinstance(array, (np.ndarray, np.generic, float, int)) or np.shape(array) != right.shape:
                found = f"of shape {list(np.shape(array))}" if isinstance(array, np.ndarray) else kind_of(array)
                return Difference(number, phase, name, reason=f"it is {found}; expected an array of shape {list(right.shape)}")
            if isinstance(array, np.ndarray) and array.dtype != right.dtype:
                return Difference(number, phase, name, reason=f"it is of dtype {array.dtype}; expected {right.dtype}")
    return None


def as_arrays(numbers: Mapping[Key, Tensor]) -> dict[Key, Array]:
    """Return the tensors as arrays, which share their memory on the CPU; bfloat16 as float32."""
    return {key: as_array(each) for key, each in numbers.items()}


def as_tensors(arrays: Record) -> dict[Key, Tensor]:
    """Return tensors for a side to copy, which share the arrays' memory where they can."""
    return {key: torch.from_numpy(each) if each.flags.writeable else torch.tensor(each) for key, each in arrays.items()}


def in_double(arrays: Record) -> dict[Key, Tensor]:
    """Return tensors in float64, in which float32 and bfloat16 are exact; an optimiser's single numbers as they are."""
    same = {key: each.dtype.kind != "f" or (key[0] == "state" and each.ndim == 0) for key, each in arrays.items()}
    return {key: torch.tensor(each, dtype=None if same[key] else torch.float64) for key, each in arrays.items()}


def common(record: StepRecord, expected: Record, phases: Collection[str]) -> StepRecord:
    """Return the record without what the expected side does not have in these phases.

    Nor are the errors at a submodule's outputs that the two sides call unlike often: each is then a part of the sum, and not the same.
    """
    fields: dict[str, Any] = {}
    for phase in phases:
        if getattr(record, phase) is not None:
            shown = getattr(record, phase)
            right = {name for other, name in expected if other == phase}
            ours, theirs = (Counter(map(_uncounted, names)) for names in (shown, right))
            as_often = {name for name in shown if phase != "errors" or ours[_uncounted(name)] == theirs[_uncounted(name)]}
            kept = {name for name in shown if (name in right and name in as_often) or name.startswith("output[")}
            fields[phase] = {name: array for name, array in shown.items() if name in kept}
    return replace(record, **fields)


def _uncounted(name: str) -> str:
    return name.partition(", call ")[0]


def by_key(record: StepRecord, expected: Record) -> dict[Key, Any]:
    """Return the record's arrays by (phase, tensor), in the order of comparison: each phase's as the expected side has them."""
    shown = {(phase, name): array for phase, name, array in record.tensors()}
    names: dict[str, Any] = {}
    for phase, name in expected:
        if (phase, name) in shown:
            names.setdefault(phase, {})[name] = shown[phase, name]
    return {(phase, name): array for phase, name, array in StepRecord(**names).tensors()}


def nearest_difference(number: int, key: Key, actual: Array, expected: Array, allowed: Array) -> Difference:
    """Return the number of a tensor that is nearest to what is allowed."""
    floats = (each if each.dtype.kind == "f" else each.astype(np.float64) for each in (actual, expected, allowed))
    actual, expected, allowed = map(np.atleast_1d, floats)
    if key[0] in _MASKED:
        same = np.isinf(actual) & (actual == expected)
        actual, expected = (np.where(same, 0.0, each) for each in (actual, expected)) if same.any() else (actual, expected)
    return largest_share(number, key, actual, expected, allowed)


def gap(key: Key, actual: Array, expected: Array) -> Array:
    """Return |actual − expected|, and 0 where both are the same infinity in a stage, as in a mask."""
    if actual.dtype.kind != "f":
        return np.where(actual != expected, np.inf, 0.0)
    with np.errstate(invalid="ignore"):
        apart = np.asarray(np.abs(actual - expected))
    if key[0] in _MASKED and np.isnan(apart.max(initial=0.0)):
        apart = np.where(np.isinf(actual) & (actual == expected), 0.0, apart)
    return apart


def parameters(state: Record) -> dict[str, Array] | None:
    """Return the parameters and buffers of the state by name, or None if there are none."""
    return {name: array for (phase, name), array in state.items() if phase in ("params", "buffers")} or None


def compared_step(number: int, actual: Record, expected: Record, allowed: Record, start: Record) -> ComparedStep:
    """Return the step as reports show it."""
    starts = {name: array for (phase, name), array in start.items() if phase == "params"}
    return ComparedStep(number, record_of(actual), record_of(expected), record_of(allowed), starts)
