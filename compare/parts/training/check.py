"""Check the steps of a file that trains something: how far each goes, beside how its loss changes there."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...lockstep.difference import Difference
from ...userfile.file import AttemptError
from ...userfile.shapes.definitions import ASSIGNMENTS
from ..result import Part
from .calls import ErrorPlan, Plan, plans_of
from .course import FACTOR, Course, Equation, course_along
from .losses import ABSOLUTE, kind_of
from .running import TrainingFile
from .steps import Candidate, Step, direction_in, moved_from, slopes_along, steps_of
from .watch import Survey

_BASES = 2      # from which numbers a step is taken
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

    @property
    def kind(self) -> str:
        """The kind of the loss, of one that the file names the kind of what goes the same way."""
        if self.loss.place is not None:
            return kind_of(self.loss.name)
        return next((kind_of(each.name) for each in self.step.losses if each.place and _are_one(self.equations, self.loss, each)), "own")


def programs_in(tree: ast.Module) -> list[str]:
    """Return the file's statements that do more than define: it may train something when it is run."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    others = [each for each in tree.body if not isinstance(each, kinds)]
    if any(isinstance(each, ast.Call) for other in others for each in ast.walk(other)):
        return ["what it runs"]
    return [each.name for each in tree.body if isinstance(each, (ast.ClassDef, ast.FunctionDef))]


def check_training(file: TrainingFile, seed: int) -> Iterator[Part]:
    """Yield a part for each group of numbers that the file trains, or else that a class of it does; nothing where no region is a step."""
    failed: AttemptError | None = None
    try:
        best = _best(file, seed)
    except AttemptError as error:
        best, failed = None, error
    if best is None:
        best = _of_classes(file, seed)
    if best is None and failed is not None:
        raise failed
    if best is not None:
        file.left_out = tuple(best.step.groups) if best.gradients else ()
        yield from _parts(best, seed)


def _of_classes(file: TrainingFile, seed: int) -> Fit | None:
    """Return the best fit of the first class whose methods make a step; of several ways to call them that in which most agrees."""
    space: dict[str, Any] = vars(file.module)
    found: tuple[Fit, Plan | ErrorPlan] | None = None
    failed, refused = dict[Any, str](), set[Any]()
    for plan in plans_of(space):
        if found is not None and found[1].made.name != plan.made.name:
            break
        if plan.records in refused:
            continue
        file.drive = plan
        try:
            survey = file.watched(Survey)
        except AttemptError as error:
            if failed.get(plan.records) == str(error):      # whatever the targets are
                refused.add(plan.records)
            failed[plan.records] = str(error)
            continue
        if not any(any(met.changed) for met in survey.regions.values()):
            continue
        fit = _best(file, seed)
        if fit is not None and len(fit.course.wrong) < len(fit.step.groups):
            if found is None or len(fit.course.wrong) < len(found[0].course.wrong):
                found = fit, plan
            if not fit.course.wrong:
                break
    if found is None:
        file.drive = None
        return None
    file.drive = found[1]
    file.notes.append(f"trained here: {found[1].said}")
    return found[0]


def _best(file: TrainingFile, seed: int) -> Fit | None:
    """Return the fit in which most of what a step trains agrees."""
    best: Fit | None = None
    for step in steps_of(file):
        fits = list(_fits(step, list(_equations(step, seed))))
        if not fits:
            continue
        own = [each for each in fits if each.kind == "own" or each.kind in step.kinds or not step.kinds]
        fit = min(own if any(own) and all(each.course.wrong for each in fits) else fits, key=_order)
        if best is None or len(fit.course.wrong) / len(step.groups) < len(best.course.wrong) / len(best.step.groups):
            best = fit
        if not fit.course.wrong:
            break
    return best


def _order(fit: Fit) -> tuple[int, bool, int, bool]:
    """Return what says which of two fits explains more."""
    return len(fit.course.wrong), fit.gradients is not None, len(fit.unsaid), fit.loss.place is not None


def _equations(step: Step, seed: int) -> Iterator[Equation]:
    plain = step.measured({})
    assert plain is not None
    for number in range(_BASES):
        random = np.random.default_rng(seed + number)
        base = moved_from(step, plain, random)
        run = step.measured(base)
        for group in step.groups if run is not None else ():
            for _ in range(_DIRECTIONS):
                direction = direction_in(step, plain, group, random)
                if run is not None and direction.keys() <= run.end.keys():
                    yield Equation(group, direction, run, slopes_along(step, base, direction))


def _fits(step: Step, equations: Sequence[Equation]) -> Iterator[Fit]:
    for loss in step.losses:
        usable = [each for each in equations if each.is_finite(loss)]
        told = {each.group for each in usable if each.says(loss)}
        if not told:
            continue
        course = course_along(loss, [(each, each.gone()) for each in usable])
        unsaid = [group for group in step.groups if group not in told and group not in course.wrong]
        yield Fit(step, equations, loss, course, unsaid)
        if course.wrong and (found := _gradients(step, usable, loss)) is not None and _has_state(step, equations):
            yield Fit(step, equations, loss, found[1], unsaid, found[0])


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
            fitting = [other for other, more in arrays.items() if not course_along(loss, [*gone, *more]).wrong]
            if not fitting:
                break
            chosen[group] = fitting[0]
            every += arrays[fitting[0]]
        if len(chosen) == len(found) and not (course := course_along(loss, every)).wrong and course.rate > 0:
            return chosen, course
    return None


def _has_state(step: Step, equations: Sequence[Equation]) -> bool:
    """Return whether each group has a state of its own beside it, of an update that is more than a multiple of the gradient."""
    run = equations[0].run
    kept = [(old, run.end[path]) for path, old in run.start.items() if path not in step.paths and path in run.end]
    sizes = {old.size for old, new in kept if not np.array_equal(old, new)}
    return all(run.start[path].size in sizes for path in step.paths)


def _are_one(equations: Sequence[Equation], one: Candidate, other: Candidate) -> bool:
    """Return whether two losses change alike, but for one factor."""
    both = [each for each in equations if each.says(one) and each.says(other)]
    ratios = [each.slopes[one][0] / each.slopes[other][0] for each in both]
    return bool(ratios) and max(ratios) - min(ratios) <= 1e-4 * abs(ratios[0])


def _beside_own(fit: Fit) -> str | None:
    """Say which loss the file computes, if the step goes along one of another kind."""
    own = [each for each in fit.step.losses if each.place is None]
    kinds = dict.fromkeys(fit.step.kinds, "") | {replace(fit, loss=each).kind: each.name for each in own}
    if (penalized := next((each for each in own if _is_penalized(fit, each)), None)) is not None and not fit.course.decay:
        return f"{penalized.name}, the loss that it computes, has a penalty of the weights, which its step lacks"
    if not kinds.keys() - {"own", ABSOLUTE} or fit.kind in kinds or fit.kind == "own":
        return None
    kind, name = next((kind, name) for kind, name in kinds.items() if kind not in ("own", ABSOLUTE))
    return f"its step goes along {_in_words(fit)}, and what it computes as its loss is one of {kind}{f', {name}' if name else ''}"


def _is_penalized(fit: Fit, own: Candidate) -> bool:
    """Return whether a loss that the file computes is that along which its step goes, and grows with the squares of weights besides."""
    both = [each for each in fit.equations if each.is_finite(own) and each.says(fit.loss)]
    return fit.loss != own and bool(course_along(fit.loss, [(each, -each.slopes[own][0]) for each in both]).decay)


def _parts(fit: Fit, seed: int) -> Iterator[Part]:
    tree, beside = ast.parse(fit.step.file.text), _beside_own(fit)
    decay = f", with a decay of {fit.course.decay / fit.course.rate:.6g}" if fit.course.decay else ""
    said = f"the slope of {_in_words(fit)}{decay}"
    for group in fit.step.groups:
        count, line = sum(each.group == group for each in fit.equations), _line(tree, group)
        if fit.gradients is not None:
            said = f"the slope of {_in_words(fit)}{decay}, as {fit.gradients[group]}"
        if group in fit.unsaid:
            yield Part(group, "not compared", reason="no direction was found in which the loss changes with it", line=line)
        elif group in fit.course.wrong:
            yield Part(group, "wrong", said, count, _difference(fit, group, seed), line=line, why=_why(fit, group))
        elif beside is not None:
            yield Part(group, "wrong", "", count, None, line=line, why=beside)
        else:
            yield Part(group, "agrees", said, count)
    for path in fit.step.still:
        yield Part(path, "wrong", "", 1, None, line=_line(tree, path), why="the output depends on it, and the step leaves it as it is")


def _why(fit: Fit, group: str) -> str | None:
    """Say how many times as far as it should the group goes, if that is one number."""
    own = [each for each in fit.equations if each.group == group and each.says(fit.loss)]
    if not own or not fit.course.rate:
        return None
    ratios = [-each.gone() / (fit.course.rate * each.slopes[fit.loss][0]) for each in own]
    if max(ratios) - min(ratios) > 1e-5 * abs(ratios[0]):
        return None
    if abs(ratios[0]) < 1e-6:
        return "the step leaves it as it is"
    return "it goes uphill" if abs(ratios[0] + 1) < 1e-5 else f"it goes {ratios[0]:.6g} times as far as it should, beside the others"


def _difference(fit: Fit, group: str, seed: int) -> Difference | None:
    """Return a number of the group that goes elsewhere than the slope says."""
    step, plain = fit.step, fit.step.measured({})
    base = {} if plain is None else moved_from(step, plain, np.random.default_rng(seed))
    run = step.measured(base)
    if run is None:
        return None
    for path in step.groups[group]:
        gone = run.end[path] - run.start[path]
        for index in map(int, np.argsort(-np.abs(gone))[:3]):
            direction = {path: (np.arange(gone.size) == index).astype(float)}
            equation = Equation(group, direction, run, slopes_along(step, base, direction))
            if not equation.agrees(fit.loss, fit.course.rate, equation.gone()):
                slope, error = equation.slopes[fit.loss]
                allowed = np.array(fit.course.rate * FACTOR * error + equation.rounding())
                where = (index,) if gone.size > 1 else ()
                found = Difference.at(1, "delta", path, (), np.array(equation.gone()), np.array(-fit.course.rate * slope), allowed)
                return replace(found, index=where or None)
    return None


def _in_words(fit: Fit) -> str:
    return fit.loss.name if fit.loss.place is None else f"{fit.loss.name} at line {fit.loss.place[0]}"


def _line(tree: ast.Module, path: str) -> int | None:
    """Return the last line that assigns to the name or the attribute of a path."""
    name = path.split("[")[0].split(".")[-1]
    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ASSIGNMENTS):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in [part for each in targets for part in (each.elts if isinstance(each, (ast.Tuple, ast.List)) else [each])]:
            while isinstance(target, ast.Subscript):
                target = target.value
            if name == (target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", None)):
                lines.append(target.lineno)
    return max(lines, default=None)
