"""The line of the user's file in which a mistake was made: the first that assigns the numbers which the mistake makes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..formulas.sampled import Sampled
from ..support.arrays import Array
from ..userfile.line_trace import Assignment
from .graph import Node, Run
from .mistake import Cause

# The stages whose numbers a file is sure to compute, for a mistake in a stage: the stage itself, or the first such one after it.
_COMPUTED = {
    "slope": ("delta",),
    "back": ("back", "delta"),
    "back_delta": ("back", "delta"),
    "back_weight": ("back", "delta"),
    "delta": ("delta",),
    "a": ("a",),
    "z": ("z",),
    "term": ("error", "delta"),
    "error": ("error", "delta"),
    "share": ("error", "delta", "weight_used"),
    "grad_delta": ("weight_grad",),
    "grad_input": ("weight_grad",),
    "weight_grad": ("weight_grad",),
    "bias_grad": ("bias_grad",),
}
_PROPORTION = 1e-9      # the largest difference of two proportional arrays, relative to the largest number


def line_of(run: Run, cause: Cause, assignments: Sequence[Assignment]) -> int | None:
    """Return the first line that assigns, up to a factor, numbers of the first step that it has under the mistake alone; or None."""
    wrong = run.with_formulas(cause.formulas)
    values = [(assignment.line, np.squeeze(np.asarray(assignment.value))) for assignment in assignments]
    for stage, layer in cause.formulas:
        for computed in _COMPUTED.get(stage, (stage,)):
            at = layer or (run.depth if computed in ("delta", "weight_used", "weight_grad") else 0)
            node: Node = computed, 0, at
            with np.errstate(all="ignore"):
                try:
                    mistaken, right = wrong.worked_out(*node), run.worked_out(*node)
                except (ValueError, IndexError, KeyError):
                    continue
            if not isinstance(mistaken, Sampled) or not isinstance(right, Sampled):
                continue
            for forms in (_whole, _records):
                mistaken_forms, right_forms = ([np.squeeze(form) for form in forms(each.value)] for each in (mistaken, right))
                for line, value in values:
                    if not any(_is_multiple(form, value) for form in mistaken_forms) or _is_given(run, value):
                        continue
                    singles = (np.squeeze(form) for single in _of_single_records(run, computed, at) for form in forms(single))
                    if not any(_is_multiple(form, value) for form in (*right_forms, *singles)):
                        return line
    return None


def _whole(value: Array) -> Iterator[Array]:
    """Yield the array and its transpose, since a file may hold either."""
    yield value
    yield value.T


def _records(value: Array) -> Iterator[Array]:
    """Yield the records of a matrix."""
    yield from value if value.ndim == 2 else ()


def _of_single_records(run: Run, stage: str, layer: int) -> Iterator[Array]:
    """Yield the right numbers of the stage for each record by itself, as a loop over the records computes them."""
    facts = run.steps[0]
    for row in range(len(facts.x)):
        masks = {number: mask[row : row + 1] for number, mask in facts.masks.items()}
        single = Run(run.problem, [replace(facts, x=facts.x[row : row + 1], y=facts.y[row : row + 1], masks=masks)])
        with np.errstate(all="ignore"):
            value: Array = single.worked_out(stage, 0, layer).value
        yield value


def _is_given(run: Run, value: Array) -> bool:
    """Return whether it is an argument of the file's function, or a row or column of one: no line of the file computed that."""
    step = run.steps[0]
    given = [form for array in (step.x, *step.before.values()) for form in (*_whole(array), *_records(array), *_records(array.T))]
    return any(np.array_equal(np.squeeze(form), value) for form in given)


def _is_multiple(one: Array, other: Array) -> bool:
    """Return whether the arrays are proportional, have at least two numbers, and not all the same."""
    if one.shape != other.shape or one.size < 2:
        return False
    at = np.unravel_index(int(np.argmax(np.abs(one))), one.shape)
    if not one[at] or not other[at] or not np.isfinite(other).all():
        return False
    factor = other[at] / one[at]
    if (one == one[at]).all():  # the same number everywhere says nothing
        return False
    return bool((np.abs(other - factor * one) <= _PROPORTION * np.abs(factor) * np.abs(one).max()).all())
