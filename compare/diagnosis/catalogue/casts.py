"""Mistakes of precision: a value that is held in fewer bits somewhere in the middle, or as an integer."""

from typing import Any

import numpy as np

from compare.diagnosis.graph import Formula, Run
from compare.diagnosis.mistake import Mistake, Where
from compare.problem import Problem
from compare.rounding import Bounded


def _rounded(a: Bounded, dtype: Any) -> Bounded:
    """The value in that dtype: exact, but where its bound lies across a boundary between two of its numbers."""
    lowest = (a.value - a.error).astype(dtype).astype(np.float64)
    highest = (a.value + a.error).astype(dtype).astype(np.float64)
    return Bounded((lowest + highest) / 2, np.abs(highest - lowest) / 2)


def _cast(stage: str, dtype: Any) -> Formula:
    if stage.startswith("*"):
        return lambda run, step, layer, kind: _rounded(run.right(kind + stage[1:], step, layer), dtype)

    def formula(run: Run, step: int, layer: int) -> Any:
        value = run.right(stage, step, layer)
        return _rounded(value, dtype) if isinstance(value, Bounded) else value.astype(dtype).astype(np.float64)

    return formula


def _has_numbers(problem: Problem, layer: int) -> bool:
    return all(batch[1].ndim == 2 for batch in problem.batches)


def _always(problem: Problem, layer: int) -> bool:
    return True


_STAGES: tuple[tuple[str, str, Where], ...] = (
    ("x", "the inputs are", "once"),
    ("y", "the targets are", "once"),
    ("weight", "the weights of {layer} are", "layer"),
    ("z", "z of {layer} is", "layer"),
    ("a", "the activations of {layer} are", "layer"),
    ("term", "the error is", "once"),
    ("delta", "δ of {layer} is", "layer"),
    ("weight_grad", "the weight gradient of {layer} is", "layer"),
    ("*_used", "the gradients of {layer} are", "layer"),
    ("*_step", "Δw of {layer} is", "layer"),
    ("*_after", "the new weights of {layer} are", "layer"),
)
_DTYPES = (("float32", np.float32), ("float16", np.float16), ("integer", np.int64))

CASTS = tuple(
    Mistake(
        f"{name}-cast",
        f"{of} cast to {name}",
        "float64 throughout",
        f"a cast to {name}",
        {stage: _cast(stage, dtype)},
        where,
        _has_numbers if stage == "y" else _always,
        alone=True,
    )
    for name, dtype in _DTYPES
    for stage, of, where in _STAGES
)
