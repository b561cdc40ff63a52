"""Mistakes of precision: a value that is held in fewer bits somewhere in the middle, or as an integer."""

from typing import Any

import numpy as np

from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded
from ..formulas import Formula, is_elementwise
from ..graph import At
from ..mistake import Mistake, Where, anywhere


def _has_numbers(problem: Problem, layer: int) -> bool:
    """Where targets are no class indices."""
    return all(batch[1].ndim == 2 for batch in problem.batches)


def _rounded(a: Bounded, dtype: Any) -> Bounded:
    """The value in that dtype: exact, but where its bound lies across a boundary between two of its numbers."""
    lowest = (a.value - a.error).astype(dtype).astype(np.float64)
    highest = (a.value + a.error).astype(dtype).astype(np.float64)
    return a.like((lowest + highest) / 2, np.abs(highest - lowest) / 2)


def _cast(stage: str, dtype: Any) -> Formula:
    if stage.startswith("*"):
        return lambda at, kind: _rounded(at.right(kind + stage[1:]), dtype)

    def formula(at: At) -> Any:
        value = at.right(stage)
        return _rounded(value, dtype) if isinstance(value, Bounded) else value.astype(dtype).astype(np.float64)

    return formula


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
_DIVIDED: tuple[tuple[str, str, Where], ...] = (
    ("error", "the error", "once"),
    ("delta", "δ of {layer}", "layer"),
    ("*_used", "the gradients of {layer}", "layer"),
    ("*_taken", "the update of {layer}", "layer"),
)
_FLOATS = ("float32", "float16")      # many places, and what they come to is like nothing else: to be looked for last


def _slope_of_cast(dtype: Any) -> Formula:
    """f′ by the activation a, where it is written so, a(1 − a) or 1 − a²; in that dtype throughout, if there is one."""

    def formula(at: At) -> Bounded:
        a: Bounded = at("a")

        def held(value: Bounded) -> Bounded:
            return value if dtype is None else _rounded(value, dtype)

        if at.function == "sigmoid":
            return held(a * held(1 - a))
        if at.function == "tanh":
            return held(1 - held(a * a))
        return at.right("slope")

    return formula


def _parts(dtype: Any) -> Formula:
    """The weight gradient as the sum of each record's part, cast."""

    def formula(at: At) -> Bounded:
        delta, a = at("grad_delta"), at("grad_input")
        return _rounded(delta[:, :, None] * a[:, None, :], dtype).sum(0)

    return formula


def _floored(stage: str) -> Formula:
    """The whole number below, as // has it."""

    def formula(at: At, kind: str = "") -> Bounded:
        a = at.right(stage.replace("*", kind))
        lowest, highest = np.floor(a.value - a.error), np.floor(a.value + a.error)
        return at.exact((lowest + highest) / 2, (highest - lowest) / 2)

    return formula


_FLOORED = tuple(
    Mistake("floor-division", f"// stands for / in {what}, which leaves whole numbers", "a / b", "⌊a / b⌋", {stage: _floored(stage)}, where,
            alone=True)
    for stage, what, where in _DIVIDED
)

_RATE = Mistake("float32-cast", "the learning rate is float32", "float64 throughout", "a cast to float32",
                {"lr": lambda at: float(np.float32(at.now.lr))}, "all", alone=True, slow=True)

_PARTS = tuple(
    Mistake(f"{name}-cast", f"each record's part of the weight gradient of {{layer}} is cast to {name}", "float64 throughout",
            f"a cast to {name}", {"weight_grad": _parts(dtype)}, "layer", lambda problem, layer: not problem.is_large, alone=True,
            slow=name in _FLOATS)
    for name, dtype in _DTYPES
)

_ACTIVATIONS = tuple(
    Mistake(f"{name}-cast", f"the activations of {{layer}} are cast to {name}", "float64 throughout", f"a cast to {name}",
            {"a": _cast("a", dtype), "slope": _slope_of_cast(within)}, "layer",
            lambda problem, layer: is_elementwise(problem.layers[layer - 1].function), slow=name in _FLOATS)
    for name, dtype in _DTYPES
    for within in (None, dtype)
)

_EACH = tuple(
    Mistake(f"{name}-cast", f"{of} cast to {name}", "float64 throughout", f"a cast to {name}", {stage: _cast(stage, dtype)}, where,
            _has_numbers if stage == "y" else anywhere, alone=stage not in ("x", "y"), slow=name in _FLOATS)
    for name, dtype in _DTYPES
    for stage, of, where in _STAGES
)

CASTS = (*_EACH, *_ACTIVATIONS, *_PARTS, _RATE, *_FLOORED)
