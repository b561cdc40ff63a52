"""Mistakes of precision: an intermediate that is held in fewer bits, or as an integer."""

from functools import partial
from typing import Any

import numpy as np

from ...formulas.sampled import Sampled
from ...problem.problem import Problem
from ..graph import At
from ..mistake import Mistake, Where, anywhere
from .where import mixes_units, unless


def _has_numbers(problem: Problem, layer: int) -> bool:
    """Return whether targets are numbers, not class indices."""
    return all(batch[1].ndim == 2 for batch in problem.batches)


def _rounded(a: Sampled, dtype: Any) -> Sampled:
    """Return the value in that dtype. Raises ValueError where it may be either of two whole numbers."""
    cast = a.apply(lambda rows: rows.astype(dtype).astype(np.float64))
    return _whole(cast) if np.issubdtype(dtype, np.integer) else cast


def _whole(a: Sampled) -> Sampled:
    """Return exact numbers; raise ValueError where one may be either of two: a bound of half a unit would explain all between them."""
    if (a.rows != a.rows[:1]).any():
        raise ValueError("a number that may be either of two whole ones")
    return a.like(a.value)


def _cast(at: At, stage: str, dtype: Any, kind: str = "") -> Any:
    value = at.right(stage.replace("*", kind))
    return _rounded(value, dtype) if isinstance(value, Sampled) else value.astype(dtype).astype(np.float64)


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
_FLOATS = ("float32", "float16")      # searched for last: there are many places, and no other mistake makes the same numbers


def _slope_of_cast(at: At, dtype: Any) -> Sampled:
    """Return f′ by the activation, a(1 − a) or 1 − a², each intermediate cast to the dtype, if there is one; else the right f′."""
    a: Sampled = at("a")

    def held(value: Sampled) -> Sampled:
        return value if dtype is None else _rounded(value, dtype)

    if at.function == "sigmoid":
        return held(a * held(1 - a))
    return held(1 - held(a * a)) if at.function == "tanh" else at.right("slope")


def _parts(at: At, dtype: Any) -> Sampled:
    """Return the weight gradient as the sum of each record's δₙᵀ aₙ, cast   (out, in)."""
    return _rounded(at("grad_delta")[:, :, None] * at("grad_input")[:, None, :], dtype).sum(0)


def _floored(at: At, stage: str, kind: str = "") -> Sampled:
    """Return the whole number below, as // does; raises ValueError where it may be either of two."""
    a = at.right(stage.replace("*", kind))
    return _whole(a.apply(np.floor))


_DIVIDED: tuple[tuple[str, str, Where], ...] = (
    ("error", "the error", "once"),
    ("delta", "δ of {layer}", "layer"),
    ("*_used", "the gradients of {layer}", "layer"),
    ("*_taken", "the update of {layer}", "layer"),
)
_FLOORED = tuple(
    Mistake("floor-division", f"// stands for / in {what}, which leaves whole numbers", "a / b", "⌊a / b⌋",
            {stage: partial(_floored, stage=stage)}, where, alone=True)
    for stage, what, where in _DIVIDED
)

_RATE = Mistake("float32-cast", "the learning rate is float32", "float64 throughout", "a cast to float32",
                {"lr": lambda at: float(np.float32(at.now.lr))}, "all", alone=True, slow=True)

_PARTS = tuple(
    Mistake(f"{name}-cast", f"each record's part of the weight gradient of {{layer}} is cast to {name}", "float64 throughout",
            f"a cast to {name}", {"weight_grad": partial(_parts, dtype=dtype)}, "layer", lambda problem, layer: not problem.is_large,
            alone=True, slow=name in _FLOATS)
    for name, dtype in _DTYPES
)

_ACTIVATIONS = tuple(
    Mistake(f"{name}-cast", f"the activations of {{layer}} are cast to {name}", "float64 throughout", f"a cast to {name}",
            {"a": partial(_cast, stage="a", dtype=dtype), "slope": partial(_slope_of_cast, dtype=within)}, "layer", unless(mixes_units),
            slow=name in _FLOATS)
    for name, dtype in _DTYPES
    for within in (None, dtype)
)

_EACH = tuple(
    Mistake(f"{name}-cast", f"{of} cast to {name}", "float64 throughout", f"a cast to {name}",
            {stage: partial(_cast, stage=stage, dtype=dtype)}, where, _has_numbers if stage == "y" else anywhere,
            alone=stage not in ("x", "y"), slow=name in _FLOATS)
    for name, dtype in _DTYPES
    for stage, of, where in _STAGES
)

CASTS = (*_EACH, *_ACTIVATIONS, *_PARTS, _RATE, *_FLOORED)
