"""How fast a step goes along a loss: one rate for all that is trained, and one decay of weights, or the groups that go elsewhere."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...support.arrays import Array
from ...userfile.shapes.languages import translated
from .step import Candidate
from .watch import Measure

FACTOR = 10      # how many times what differences can be off is allowed
_WEIGHT = re.compile(r"(^|[._'\"])w[\d_]*\b|weight|kernel|theta", re.IGNORECASE)      # of which all decay, or none
_LEAST = 2      # equations that a rate and a decay fit whatever they are
_MOST_DECAY = 0.5      # of a weight in one step
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
        """What the numbers that the step changes are along the direction, from which it begins."""
        changed = {path: self.run.start[path] != self.run.end[path] for path in self.direction}
        return float(sum(np.sum(self.run.start[path] * way * changed[path]) for path, way in self.direction.items()))

    def signs(self) -> float:
        """What the signs of these numbers are along the direction."""
        changed = {path: self.run.start[path] != self.run.end[path] for path in self.direction}
        return float(sum(np.sum(np.sign(self.run.start[path]) * way * changed[path]) for path, way in self.direction.items()))

    def is_of_one(self) -> bool:
        """Whether the group is a single number."""
        return sum(way.size for way in self.direction.values()) == 1

    def norm(self) -> float:
        """How far everything that is trained goes."""
        trained = self.run.kept & self.run.end.keys()
        return float(np.sqrt(sum(np.sum((self.run.end[path] - self.run.start[path]) ** 2) for path in trained)))

    def along(self, path: str) -> float:
        """How far the numbers at another path go along the direction."""
        way = next(iter(self.direction.values()))
        return float(np.sum(self.run.end[path] * way))

    def goes_down(self, loss: Candidate) -> bool:
        """Return whether the step goes against the loss's slope."""
        return self.gone() * self.slopes[loss][0] < 0

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
        return self.is_finite(loss) and bool(_SAYS * self.doubt(loss) < 1)

    def doubt(self, loss: Candidate) -> float:
        """Return which share of the slope its error is."""
        slope, error = self.slopes[loss]
        return error / abs(slope) if slope else np.inf


@dataclass(frozen=True)
class Course:
    """The rate at which a step goes along a loss, the groups that do not, and the share by which weights become less besides."""

    rate: float
    wrong: Sequence[str]
    decay: float = 0.0
    decayed: Sequence[str] = ()
    is_scaled: bool = False      # whether the rate is another from other weights, as where gradients are clipped by their norm


def course_along(loss: Candidate, gone: Sequence[tuple[Equation, float]], *, may_decay: bool = True) -> Course:
    """Return how fast most of what is gone goes along the loss, and by what share of themselves numbers become less."""
    course = _at_one_rate(loss, gone, may_decay and _count(gone) > _LEAST)
    return course if not course.wrong or (clipped := _clipped(loss, gone)) is None else clipped


def _count(gone: Sequence[tuple[Equation, float]]) -> int:
    """Return how many of the equations say something of their own: along a single number all directions are one."""
    kinds = [(id(each.run), each.group, 0 if each.is_of_one() else number) for number, (each, _) in enumerate(gone)]
    return len(set(kinds))


def _clipped(loss: Candidate, gone: Sequence[tuple[Equation, float]]) -> Course | None:
    """Return the course of a gradient that is clipped by its norm: from each base at a rate of its own, and equally far."""
    bases = [[(other, far) for other, far in gone if other.run is run] for run in {id(each.run): each.run for each, _ in gone}.values()]
    courses = [_at_one_rate(loss, own, False) for own in bases]
    if len(bases) < 2 or any(each.wrong or each.rate <= 0 or len(own) < 4 for each, own in zip(courses, bases, strict=True)):
        return None
    norms = [own[0][0].norm() for own in bases]
    is_so = max(norms) - min(norms) <= 1e-9 * max(norms)
    return Course(max(each.rate for each in courses), [], is_scaled=True) if is_so else None


def _at_one_rate(loss: Candidate, gone: Sequence[tuple[Equation, float]], may_decay: bool) -> Course:
    saying = sorted([(each, far) for each, far in gone if each.says(loss)], key=lambda one: one[0].doubt(loss))
    rates = [-far / each.slopes[loss][0] for each, far in saying]      # the surest first
    agreeing = {rate: sum(each.agrees(loss, rate, far) for each, far in gone) for rate in rates if rate > 0}
    rate = max(agreeing, key=lambda each: agreeing[each], default=0.0)
    if may_decay and agreeing.get(rate, 0) <= 1 and (both := _with_decay(loss, gone)) is not None:
        rate = both
    left = [(each, far) for each, far in gone if not each.agrees(loss, rate, far)]
    wrong = list(dict.fromkeys(each.group for each, _ in left))
    if rate <= 0:      # nothing goes along it
        return Course(rate, list(dict.fromkeys(each.group for each, _ in gone if each.says(loss))))
    if not left or not may_decay:
        return Course(rate, wrong)
    of_wrong = [(each, far) for each, far in gone if each.group in wrong]
    shares = [-(far + rate * each.slopes[loss][0]) / held for each, far in of_wrong if (held := each.held())]
    decay = float(np.median(shares)) if shares else 0.0
    if 0 < decay < _MOST_DECAY and all(each.agrees(loss, rate, far + decay * each.held()) for each, far in of_wrong):
        others = {each.group for each, _ in gone} - {*wrong}
        missing = [group for group in others if _is_weight(group)] if any(_is_weight(group) for group in wrong) else []
        return Course(rate, missing, decay, wrong)
    return Course(rate, wrong)


def _is_weight(group: str) -> bool:
    return _WEIGHT.search(translated(group)) is not None


def _with_decay(loss: Candidate, gone: Sequence[tuple[Equation, float]]) -> float | None:
    """Return the rate at which everything goes along the loss, if everything becomes less by one share too."""
    matrix = np.array([[each.slopes[loss][0], each.held()] for each, _ in gone])
    found, *_ = np.linalg.lstsq(matrix, -np.array([far for _, far in gone]), rcond=None)
    rate, decay = map(float, found)
    is_so = rate > 0 and 0 < decay < _MOST_DECAY and all(each.agrees(loss, rate, far + decay * each.held()) for each, far in gone)
    return rate if is_so else None
