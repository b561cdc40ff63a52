"""How a step fits a loss: which of what it trains goes along it, and which does not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...support.arrays import Array
from .course import Course, Equation, course_along
from .losses import ABSOLUTE, kind_of
from .moving import direction_in, moved_from, slopes_along
from .step import Candidate, Step
from .watch import Measure

BASES = 2      # from which numbers a step is taken
_DIRECTIONS = 2      # in each group


@dataclass(frozen=True)
class Fit:
    """A loss, how the step goes along it, and the groups of which it says nothing."""

    step: Step
    equations: Sequence[Equation]
    loss: Candidate
    course: Course
    unsaid: Sequence[str]
    gradients: Mapping[str, str] | None = None      # by group the path of its gradient, where the step is none along it
    is_inactive: bool = False      # whether what is wrong is so only where outputs are 0

    @property
    def kind(self) -> str:
        """The kind of the loss, of one that the file names the kind of what goes the same way."""
        if self.loss.place is not None:
            return kind_of(self.loss.name)
        return next((kind_of(each.name) for each in self.step.losses if each.place and are_one(self.equations, self.loss, each)), "own")


def best_fit(step: Step, seed: int) -> Fit | None:
    """Return the fit of the step that explains most; None where it has no loss that says anything."""
    fits = [each for each in _fits(step, list(_equations(step, seed))) if each.kind != ABSOLUTE or step.file.takes_signs]
    own = [each for each in fits if each.kind == "own" or each.kind in step.kinds or not step.kinds]
    return min(own if any(own) and all(each.course.wrong for each in fits) else fits, key=_order, default=None)


def _order(fit: Fit) -> tuple[int, bool, int, bool]:
    """Return what says which of two fits explains more."""
    return len(fit.course.wrong), fit.gradients is not None, len(fit.unsaid), fit.loss.place is not None


def _equations(step: Step, seed: int) -> Iterator[Equation]:
    plain = step.measured({})
    if plain is None:
        return
    for number in range(BASES):
        random = np.random.default_rng(seed + number)
        base = moved_from(step, plain, random)
        run = step.measured(base)
        yield from equations_from(step, plain, base, run, random) if run is not None else ()


def equations_from(
    step: Step, plain: Measure, base: Mapping[str, Array], run: Measure, random: np.random.Generator
) -> Iterator[Equation]:
    """Yield equations along drawn directions in each group, from one base, given its run."""
    for group in step.groups:
        for _ in range(_DIRECTIONS):
            direction = direction_in(step, plain, group, random, run)
            if direction and direction.keys() <= run.end.keys():
                yield Equation(group, direction, run, slopes_along(step, base, direction))


def _fits(step: Step, equations: Sequence[Equation]) -> Iterator[Fit]:
    for loss in step.losses:
        usable = [each for each in equations if each.is_finite(loss)]
        told = {each.group for each in usable if each.says(loss)}
        if not told or len({id(each.run) for each in usable}) < len({id(each.run) for each in equations}):
            continue
        course = course_along(loss, [(each, each.gone()) for each in usable])
        unsaid = [group for group in step.groups if group not in told and group not in course.wrong]
        yield Fit(step, equations, loss, course, unsaid)
        if course.wrong and has_states(step) and (found := _gradients(step, usable, loss)) is not None:
            yield Fit(step, equations, loss, found[1], unsaid, found[0])


def has_states(step: Step) -> bool:
    """Return whether each array has a state of its own, of an update that is more than a multiple of the gradient."""
    return step.paths <= {each.of for each in step.states if each.share is None}


def _gradients(step: Step, equations: Sequence[Equation], loss: Candidate) -> tuple[dict[str, str], Course] | None:
    """Return by group the path of an array that is its gradient, all at one rate, which that is; None where some group has none."""
    found: dict[str, dict[str, list[tuple[Equation, float]]]] = {}
    for group, paths in step.groups.items():
        own = [each for each in equations if each.group == group]
        if len(paths) != 1 or not own:
            return None
        size = next(iter(own[0].direction.values())).size
        others = [path for path, value in own[0].run.end.items() if value.size == size and path not in step.paths]
        shared = [path for path in others if all(path in each.run.end for each in own)]
        found[group] = {path: [(each, -each.along(path)) for each in own] for path in shared}
    first = next(iter(found.values()))
    for path, gone in first.items():
        chosen, every = {next(iter(found)): path}, [*gone]
        for group, arrays in list(found.items())[1:]:
            fitting = [other for other, more in arrays.items() if not course_along(loss, [*gone, *more], may_decay=False).wrong]
            if not fitting:
                break
            chosen[group] = fitting[0]
            every += arrays[fitting[0]]
        if len(chosen) == len(found) and not (course := course_along(loss, every, may_decay=False)).wrong and course.rate > 0:
            return chosen, Course(course.rate, _against(step, equations, chosen))
    return None


def _against(step: Step, equations: Sequence[Equation], gradients: Mapping[str, str]) -> list[str]:
    """Return the groups that do not go against their gradient, or farther than others where all goes equally far, as Adam's first step."""
    run, far, wrong = equations[0].run, dict[str, float](), list[str]()
    for group, (path,) in step.groups.items():
        gone, gradient = run.end[path] - run.start[path], run.end[gradients[group]]
        moving = abs(gradient) > 1e-6 * float(np.max(abs(gradient)))
        if np.mean(gone[moving] * gradient[moving] < 0) < 0.9:
            wrong.append(group)
        sizes = abs(gone[moving])
        if float(np.ptp(sizes)) <= 1e-3 * float(np.max(sizes)):
            far[group] = float(np.median(sizes))
    if len(far) == len(step.groups) and (most := float(np.median(list(far.values())))):
        wrong += [group for group, size in far.items() if abs(size - most) > 0.01 * most and group not in wrong]
    return wrong


def are_one(equations: Sequence[Equation], one: Candidate, other: Candidate) -> bool:
    """Return whether two losses change alike, but for a factor from each base, as a root of a sum and the sum do."""
    both = [each for each in equations if each.says(one) and each.says(other)]
    for run in {id(each.run): each.run for each in both}.values():
        ratios = [each.slopes[one][0] / each.slopes[other][0] for each in both if each.run is run]
        if max(ratios) - min(ratios) > 1e-4 * abs(ratios[0]):
            return False
    return bool(both)
