"""Trials of data as tables have them: counts, dummies, years, a column twice, outliers, rare classes, records in order."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..diagnosis.graph import parameter_name
from ..diagnosis.probes import Probe
from ..support.arrays import Array
from .direction import Direction, once
from .trial_probes import LARGE, PIXEL, SOME, TrialProbes, repeated, unchanged

MANY, RARE = 100, 151      # records, so that one may be far from all others, and a class rare
WHOLE = (10.0, 300.0, 50_000.0)      # beyond what 8 and 16 bits hold
UNEVEN = 10_000
PRINTED = 1001      # numbers, of which NumPy prints some of the first and last alone


def of_tables(draw: TrialProbes) -> Iterator[Direction]:
    """Yield inputs and targets as tables have them: counts, dummies, years, a column twice, outliers, rare classes, records in order."""
    inputs, of, records = draw.problem.sizes[0], draw.targets, (min(MANY, draw.most),)

    def whole(largest: float, of: Callable[[Array], Array] = unchanged) -> Probe:
        return _spread(draw, 32, SOME, lambda x: of(np.round(largest * x / np.abs(x).max())))

    zero_or_one = partial(draw.probe, 33, SOME, inputs=lambda x: 1.0 * (x > 0))
    signs = partial(draw.probe, 52, SOME, inputs=lambda x: np.where(x > 0, 1.0, -1.0))
    yield Direction("where all inputs are whole numbers up to {}", "are they taken for classes, cast or clipped?", whole, WHOLE)
    yield once("where all inputs are whole numbers from 0 to 255", "are they taken for pixels?", partial(whole, PIXEL, np.abs))
    yield once("where all inputs are 0 or 1", "are they taken for classes?", zero_or_one)
    yield once("where all inputs are -1 or 1", "are they taken for classes?", signs)
    if inputs > 1:
        indicators = partial(draw.probe, 34, SOME, inputs=lambda x: np.eye(inputs)[np.arange(len(x)) % inputs])
        yield once("where one input of each record is 1 and the others are 0", "are they taken for classes?", indicators)
        for share, how in ((0.0, ""), (1e-3, "nearly ")):
            twice = partial(draw.probe, 35, SOME, inputs=partial(_twice, share))
            yield once(f"where two inputs are {how}the same in every record", "is one left out?", twice)
    yield once("on inputs of very different mean and spread", "are they scaled?", partial(_spread, draw, 36, SOME, _years))
    where = f"where an input of one of {records[0]} records is far from all others"
    yield once(where, "is the record left out, or clipped?", partial(_spread, draw, 37, records, _far_from_others))
    yield once("on two batches that begin and end alike", "does it remember the step before?", partial(_alike_outside, draw))
    if draw.data is not None:
        return

    def in_order(y: Any) -> Any:      # classes by their number, others output by output
        return y[np.argsort(y if y.ndim == 1 else y.argmax(axis=1), kind="stable")] if of == "classes" else np.sort(y, axis=0)

    yield once("where records are in the order of their targets", "are they sorted?", lambda: draw.probe(38, SOME, targets=in_order))
    if draw.is_free:

        def counts(largest: float) -> Probe:
            return draw.probe(39, SOME, 0.3 / largest, targets=lambda y: np.round(largest * y / np.abs(y).max()))

        yield Direction("where all targets are whole numbers up to {}", "are they taken for classes, cast or clipped?", counts, WHOLE)
        if draw.problem.sizes[-1] > 1:
            uneven = partial(draw.probe, 43, SOME, 1e-4, targets=lambda y: y * UNEVEN ** (np.arange(y.shape[1]) % 2))
            yield once(f"where one output's targets are {UNEVEN} times as large as another's", "are they scaled?", uneven)
        far = partial(draw.probe, 40, records, 1e-2, targets=_far_from_others)
        where = f"where a target of one of {records[0]} records is far from all others"
        yield once(where, "is the record left out, or clipped?", far)
    elif of == "binary" or draw.problem.sizes[-1] > 1:

        def rare(few: int, is_rest: bool, y: Array) -> Any:      # of the first class or of the others; of each output, of 1 or 0
            number = np.arange(len(y))
            is_first = (number < few) != is_rest
            if of == "binary":
                return np.broadcast_to(is_first[:, None], y.shape).astype(np.float64)
            return draw.class_targets(np.where(is_first, 0, 1 + number % (draw.problem.sizes[-1] - 1)))

        what = "the first class" if of == "classes" else "a class"
        for stream, few, many in ((41, 2, records[0]), (53, 1, min(RARE, draw.most))):
            for is_rest, which in ((False, ""), (True, "not ")):
                where = f"where {few} of {many} records {'are' if few > 1 else 'is'} {which}of {what}"
                at = partial(draw.probe, stream, (many,), targets=partial(rare, few, is_rest))
                yield once(where, "are classes weighed?", at)


def _alike_outside(draw: TrialProbes) -> Probe:
    """Draw a batch of 0 and 1 inside a border of 0, as an image has it, then the same, of which all but the ends is in another order.

    The targets are the same. Shape, sum, and what NumPy prints of so many numbers, their ends, do not tell the two apart.
    """
    units = draw.problem.sizes[0]
    n = min(draw.most, PRINTED // units + 8)
    inside = (np.arange(units) > 0) & (np.arange(units) < units - 1) | (units < 3)
    probe = draw.probe(56, (n,), 0.1, inputs=lambda x: 1.0 * (x > 0) * inside)
    (x, y), = probe.batches
    return replace(repeated(probe, 2), batches=((x, y), (x[np.r_[:3, n - 4 : 2 : -1, n - 3 : n]], y)))


def _twice(share: float, x: Array) -> Array:
    """Return the inputs with the second column replaced by the first plus `share` times the second."""
    return np.hstack([x[:, :1], x[:, :1] + share * x[:, 1:2], x[:, 2:]])


def _years(x: Array) -> Array:
    """Return the inputs as years, thousands, thousandths, years …"""
    kind = np.arange(x.shape[1]) % 3
    return np.where(kind == 0, np.round(2000 + 5 * x), np.where(kind == 1, LARGE * x, x / LARGE))


def _far_from_others(array: Array) -> Array:
    """Return the array with its first number replaced by 30 times the largest."""
    changed = array.copy()
    changed[0, 0] = 30 * np.abs(array).max()
    return changed


def _spread(draw: TrialProbes, stream: int, records: tuple[int, ...], change: Callable[[Array], Array]) -> Probe:
    """Draw a probe with such inputs, and first weights that are small where these are large, so that z stays moderate."""
    probe = draw.probe(stream, records, 1e-2)
    (x, y), name = probe.batches[0], parameter_name(draw.problem, "weight", 1)
    x = change(x)
    weights = probe.parameters[name] / np.maximum(np.abs(x).max(axis=0), 1.0)
    return replace(probe, batches=((x, y),), parameters={**probe.parameters, name: weights})
