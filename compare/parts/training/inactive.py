"""What goes on where outputs are 0, as those of a relu that is not active: from weights where all are active its derivative is not seen."""

from dataclasses import replace

import numpy as np

from .fits import Fit, equations_from
from .moving import moved_from
from .step import Step
from .watch import Measure

_TRIED = 6      # other weights


def held_where_inactive(fit: Fit, seed: int) -> Fit:
    """Return a fit in which all agrees with what does not from other weights, at which outputs are 0 that were not; else as it is."""
    step, plain = fit.step, fit.step.measured({})
    if plain is None or fit.course.wrong or fit.course.is_scaled or fit.gradients is not None:
        return fit
    if any(_zeros(step, run) for run in {id(each.run): each.run for each in fit.equations}.values()):
        return fit
    for number in range(_TRIED):
        random = np.random.default_rng(seed + number)
        base = moved_from(step, plain, random)
        if number % 2:      # with the other sign
            base = {path: -2 * plain.start[path] - moved if path in step.paths else moved for path, moved in base.items()}
        run = step.measured(base)
        if run is not None and _zeros(step, run):
            found = [each for each in equations_from(step, plain, base, run, random) if each.is_finite(fit.loss)]
            decay = dict.fromkeys(fit.course.decayed, fit.course.decay)
            gone = [(each, each.gone() + decay.get(each.group, 0.0) * each.held()) for each in found]
            wrong = [each.group for each, far in gone if not each.agrees(fit.loss, fit.course.rate, far)]
            if wrong:
                return replace(fit, course=replace(fit.course, wrong=[*dict.fromkeys(wrong)]), is_inactive=True)
    return fit


def _zeros(step: Step, run: Measure) -> int:
    """Return how many of the outputs are 0."""
    outputs = {(each.place, each.is_second) for each in step.losses}
    ones = [pair.one for pair in run.pairs if (pair.place, False) in outputs]
    others = [pair.other for pair in run.pairs if (pair.place, True) in outputs]
    return sum(int(np.sum(each == 0)) for each in (*ones, *others))
