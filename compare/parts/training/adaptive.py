"""An update that divides by the root of a sum of squares, as Adam's, RMSProp's and AdaGrad's: whether all arrays follow it at one rate."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...support.arrays import Array
from .fits import Fit
from .step import State
from .watch import Measure

_CLOSE = 1e-5      # of the largest number: what rounding and differences explain
_LEAST = 8      # numbers, beside the four that are fitted


@dataclass(frozen=True)
class _Moment:
    """A running sum: what it is at the end, how much is kept of it, and by how much of the gradient, or its square, it grows."""

    end: Array
    kept: float
    gain: float


_Row = tuple[str, Array, _Moment | None, _Moment]


def follows_rule(fit: Fit) -> bool:
    """Return whether the update of all arrays is one rule of moments, by one rate and one ε, with a decay of weights or without.

    By the end of a step, with the moments m of the gradient and v of its square, Δw (√v + ε) = −η m, or Δw √(v + ε) = −η m. How m and v
    are corrected in the first steps is part of η and ε, and may be anything.
    """
    runs = {id(each.run): each.run for each in fit.equations}.values()
    return bool(runs) and all(_holds(fit, run) for run in runs)


def _holds(fit: Fit, run: Measure) -> bool:
    rows = [*_rows(fit, run)]
    if len(rows) != len(fit.step.groups):
        return False
    ratios = [first.gain**2 * (1 - second.kept) / (second.gain * (1 - first.kept) ** 2) for _, _, first, second in rows if first]
    if not np.allclose(ratios, 1, rtol=_CLOSE):      # the shares that are added are 1 less those that are kept
        return False
    if len({(first and round(first.kept, 9), round(second.kept, 9)) for _, _, first, second in rows}) > 1:
        return False
    start, gone, end, squares = (np.concatenate(each) for each in zip(*_arrays(rows, run, fit), strict=True))
    root = np.sqrt(np.abs(squares))
    outside = np.stack([end, gone, start * root, start], axis=1)
    inside = np.stack([end**2, gone**2], axis=1)
    return gone.size >= _LEAST and (_is_combined(outside, gone * root) or _is_combined(inside, gone**2 * squares))


def _is_combined(columns: Array, wanted: Array) -> bool:
    """Return whether an array is a sum of multiples of the columns."""
    scales = np.maximum(np.abs(columns).max(axis=0), 1e-300)
    found = np.linalg.lstsq(columns / scales, wanted, rcond=None)[0]
    return bool(np.abs(columns / scales @ found - wanted).max() <= _CLOSE * np.abs(wanted).max())


def _rows(fit: Fit, run: Measure) -> Iterator[_Row]:
    """Yield of each array its gradient, the moment of that, if it has one, and of its square; one number's are told by the others'."""
    kept: set[tuple[float | None, float]] = set()
    groups = [(group, path) for group, (path,) in fit.step.groups.items()]
    for group, path in sorted(groups, key=lambda each: run.start[each[1]].size == 1):
        gradient = run.end[(fit.gradients or {})[group]]
        own = [state for state in fit.step.states if state.of == path and state.kept is not None]
        firsts = [found for state in own if (found := _moment(state, run, gradient)) is not None]
        seconds = [found for state in own if (found := _moment(state, run, gradient**2)) is not None]
        if gradient.size == 1 and len(kept) == 1:
            one, two = next(iter(kept))
            firsts = [each for each in firsts if one is not None and np.isclose(each.kept, one, rtol=1e-9, atol=0)]
            seconds = [each for each in seconds if np.isclose(each.kept, two, rtol=1e-9, atol=0)]
        if len(firsts) <= 1 and len(seconds) == 1:
            kept = kept or {(firsts[0].kept if firsts else None, seconds[0].kept)}
            yield path, gradient, firsts[0] if firsts else None, seconds[0]


def _moment(state: State, run: Measure, of: Array) -> _Moment | None:
    """Return a state as a running sum of these numbers; None where it is none."""
    start, end = run.start.get(state.path), run.end.get(state.path)
    if start is None or end is None or start.shape != of.shape or state.kept is None:
        return None
    added = end - state.kept * start
    gain = float(np.sum(added * of) / np.sum(of * of))
    is_so = gain > 0 and bool(np.abs(added - gain * of).max() <= _CLOSE * np.abs(added).max())
    return _Moment(end, state.kept, gain) if is_so else None


def _arrays(rows: list[_Row], run: Measure, fit: Fit) -> Iterator[tuple[Array, Array, Array, Array]]:
    for path, gradient, first, second in rows:
        yield run.start[path], run.end[path] - run.start[path], gradient if first is None else first.end, second.end
