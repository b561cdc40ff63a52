"""What a step keeps from one to the next, on which its update depends beside the gradient: momenta, and sums of squares as Adam's."""

from collections.abc import Iterator, Mapping

import numpy as np

from ...support.arrays import Array
from .moving import differ, influenced, noise
from .step import Places, State, Step
from .watch import Measure

_MOST = 40      # that are looked at one by one
_LEAST_SHARE = 1e-6      # of a momentum; a step that is next to none is any small share of anything


def states_of(step: Step, base: Mapping[str, Array], run: Measure, random: np.random.Generator, outputs: Places) -> Iterator[State]:
    """Yield the states of the step's update, of which it is told how they go on where that is the same number for each entry."""
    others = [path for path in run.start if path in run.end and path not in step.paths and path not in step.data and path not in run.whole]
    kept = [path for path in others if run.end[path].shape == run.start[path].shape and differ(run.start[path], run.end[path])]
    sizes = {run.start[path].size for path in step.paths if path in run.start}
    kept = [path for path in kept if run.start[path].size in sizes][:_MOST]
    if not kept:
        return
    first = {path: noise(run.start[path], random) for path in kept}
    together = step.measured({**base, **{path: base.get(path, 0) + way for path, way in first.items()}})
    if together is not None and not _shifted(step, run, together):
        return
    elsewhere = {**base, **{path: base.get(path, 0) + 0.2 * noise(run.start[path], random) for path in step.paths if path in run.start}}
    second = step.measured(elsewhere)
    for path in kept if second is not None else ():
        moves = [(each, at, noise(run.start[path], random)) for each, at in ((run, base), (second, elsewhere)) if each is not None]
        runs = [(before, step.measured({**at, path: at.get(path, 0) + way}), way) for before, at, way in moves]
        if any(after is not None and influenced(before, after) & outputs for before, after, _ in runs):
            continue      # what it goes on to is more than the update
        ends = [{} if after is None else _shifted(step, before, after) for before, after, _ in runs]
        for trained in sorted(set().union(*ends)):
            if run.start[trained].size == run.start[path].size:
                shares = [_one_number(end.get(trained), way) for end, (_, _, way) in zip(ends, runs, strict=True)]
                lefts = [None if after is None else _one_number(after.end[path] - before.end[path], way) for before, after, way in runs]
                yield State(path, trained, _same_of(shares), _same_of(lefts))
            elif run.start[path].ndim:      # the momentum of another: one number alone may be a count
                yield State(path, trained)


def momenta_among(step: Step, base: Mapping[str, Array], run: Measure, random: np.random.Generator) -> Iterator[State]:
    """Yield the trained arrays by a multiple of which another goes in each run: a momentum on which the output depends, as Nesterov's."""
    if not step.paths <= run.start.keys():
        return
    runs = []
    for _ in range(2):
        ways = {path: base.get(path, 0) + noise(run.start[path], random) for path in step.paths}
        moved = step.measured({**base, **ways})
        if moved is None or not step.paths <= moved.end.keys():
            return
        runs.append(moved)
    for path in sorted(step.paths):
        for of in sorted(step.paths - {path}):
            if all(each.end[path].size == each.end[of].size for each in runs):
                ratios = [_one_number(each.end[of] - each.start[of], each.end[path]) for each in runs]
                share = _same_of(ratios)
                if share is not None and abs(share) > _LEAST_SHARE:
                    yield State(path, of)


def _shifted(step: Step, run: Measure, moved: Measure) -> dict[str, Array]:
    """Return by trained path how much else its end is."""
    both = {path: (run.end[path], moved.end[path]) for path in step.paths if path in run.end and path in moved.end}
    return {path: new - old for path, (old, new) in both.items() if old.shape == new.shape and differ(old, new)}


def _one_number(shift: Array | None, way: Array) -> float | None:
    """Return how many times the other the shift is, None if that is another number for some entry."""
    if shift is None or not np.isfinite(shift).all() or shift.shape != way.shape:
        return None
    ratio = float(np.sum(shift * way) / max(float(np.sum(way * way)), 1e-300))
    return ratio if np.allclose(shift, ratio * way, rtol=1e-6, atol=1e-9 * float(np.max(abs(way)))) else None


def _same_of(ratios: list[float | None]) -> float | None:
    first, *others = ratios
    is_same = first is not None and all(each is not None and abs(each - first) <= 1e-6 * abs(first) + 1e-9 for each in others)
    return first if is_same else None
