"""How fast a step goes along a loss: one rate for all that is trained, and one decay of weights, or the groups that go elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...support.arrays import Array
from .steps import Candidate
from .watch import Measure

FACTOR = 10      # how many times what differences can be off is allowed
_SAYS = 1e4      # how many times that a slope must be, to say something


@dataclass(frozen=True)
class Equation:
    """Along one direction in a group: how each loss changes, with how far that can be off, and the run from its base."""

    group: str
    direction: Mapping[str, Array]
    run: Measure
    slopes: Mapping[Candidate, tuple[float, float]]

    def gone(self) -> float:
        """How far the step goes."""
        return float(sum(np.sum((self.run.end[path] - self.run.start[path]) * way) for path, way in self.direction.items()))

    def held(self) -> float:
        """What the numbers are along the direction, from which the step begins."""
        return float(sum(np.sum(self.run.start[path] * way) for path, way in self.direction.items()))

    def along(self, path: str) -> float:
        """How far the numbers at another path go along the direction."""
        way = next(iter(self.direction.values()))
        return float(np.sum(self.run.end[path] * way))

    def rounding(self) -> float:
        """How much of how far the step goes may be its last rounding."""
        ends = sum(np.sum((abs(self.run.end[path]) + abs(self.run.start[path])) * abs(way)) for path, way in self.direction.items())
        return 8 * float(np.finfo(float).eps) * float(ends)

    def agrees(self, loss: Candidate, rate: float, gone: float) -> bool:
        """Return whether that is as far as the loss at this rate says."""
        slope, error = self.slopes[loss]
        return bool(abs(gone + rate * slope) <= abs(rate) * FACTOR * error + self.rounding())

    def is_finite(self, loss: Candidate) -> bool:
        """Return whether the loss could be measured."""
        return bool(np.isfinite(self.slopes[loss]).all())

    def says(self, loss: Candidate) -> bool:
        """Return whether the slope is so much larger than its error that it says something."""
        slope, error = self.slopes[loss]
        return self.is_finite(loss) and bool(abs(slope) > _SAYS * error)


@dataclass(frozen=True)
class Course:
    """The rate at which a step goes along a loss, the groups that do not, and the share by which weights become less besides."""

    rate: float
    wrong: Sequence[str]
    decay: float = 0.0


def course_along(loss: Candidate, gone: Sequence[tuple[Equation, float]]) -> Course:
    """Return how fast most of what is gone goes along the loss, and by what share of themselves numbers become less."""
    rates = [-far / each.slopes[loss][0] for each, far in gone if each.says(loss)]
    agreeing = {rate: sum(each.agrees(loss, rate, far) for each, far in gone) for rate in rates if rate > 0}
    rate = max(agreeing, key=lambda each: agreeing[each], default=0.0)
    if agreeing.get(rate, 0) <= 1 and (both := _with_decay(loss, gone)) is not None:
        rate = both
    left = [(each, far) for each, far in gone if not each.agrees(loss, rate, far)]
    wrong = list(dict.fromkeys(each.group for each, _ in left))
    if not left or rate <= 0:
        return Course(rate, wrong)
    of_wrong = [(each, far) for each, far in gone if each.group in wrong]
    shares = [-(far + rate * each.slopes[loss][0]) / held for each, far in of_wrong if (held := each.held())]
    decay = float(np.median(shares)) if shares else 0.0
    if decay > 0 and all(each.agrees(loss, rate, far + decay * each.held()) for each, far in of_wrong):
        return Course(rate, [], decay)
    return Course(rate, wrong)


def _with_decay(loss: Candidate, gone: Sequence[tuple[Equation, float]]) -> float | None:
    """Return the rate at which everything goes along the loss, if everything becomes less by one share too."""
    matrix = np.array([[each.slopes[loss][0], each.held()] for each, _ in gone])
    found, *_ = np.linalg.lstsq(matrix, -np.array([far for _, far in gone]), rcond=None)
    rate, decay = map(float, found)
    is_so = rate > 0 and decay > 0 and all(each.agrees(loss, rate, far + decay * each.held()) for each, far in gone)
    return rate if is_so else None
