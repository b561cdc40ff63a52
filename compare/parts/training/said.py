"""The parts of a file that trains: what is said of each group of numbers that a step trains."""

import ast
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace

import numpy as np

from ...lockstep.difference import Difference
from ...support.arrays import Array
from ...userfile.shapes.definitions import ASSIGNMENTS
from ..result import Part
from .course import FACTOR, Equation
from .fits import BASES, Fit
from .momentum import momenta_wrong
from .moving import moved_from, slopes_along
from .own_loss import beside_own, in_words
from .running import TrainingFile

_INACTIVE = "it goes on where an output is 0, as that of a relu that is not active, and the loss does not depend on it there"
_AGAINST = "it does not go against its gradient, or not as far as the others"
_UNSAID = "no direction was found in which the loss changes with it"


def parts_of(fit: Fit, seed: int) -> Iterator[Part]:
    """Yield a part for each group that the step trains, and for parameters that it leaves as they are."""
    file, beside = fit.step.file, beside_own(fit)
    momenta = momenta_wrong(fit.step)
    for group, paths in fit.step.groups.items():
        count, line = sum(each.group == group for each in fit.equations), _line(file, group)
        said = _said(fit, group)
        if group in fit.unsaid:
            yield Part(group, "not compared", reason=_UNSAID, line=line)
        elif group in fit.course.wrong:
            told = _INACTIVE if fit.is_inactive else _AGAINST if fit.gradients is not None else None
            first = _difference(fit, group, seed) if told is None else None
            yield Part(group, "wrong", said, count, first, line=line, why=told or _why(fit, group))
        elif beside is not None and beside[1]:
            yield Part(group, "wrong", "", count, None, line=line, why=beside[0])
        elif beside is not None:
            yield Part(group, "not compared", "", count, line=line, reason=beside[0])
        elif (why := next((momenta[path] for path in paths if path in momenta), None)) is not None:
            yield Part(group, "wrong", "", count, None, line=line, why=why)
        else:
            yield Part(group, "agrees", said, count)
    for path in fit.step.carried:
        yield Part(path, "not compared", "", 1, line=_line(file, path), reason="the step replaces it, and does not go on from what it was")
    for path in fit.step.beside:
        yield Part(path, "not compared", line=_line(file, path), reason="the step changes it, and no output was seen to depend on it")
    for path in fit.step.drawn:
        yield Part(path, "not compared", line=_line(file, path), reason="the output depends on it, and the step leaves it as it was drawn")
    for path in fit.step.still:
        yield Part(path, "wrong", "", 1, None, line=_line(file, path), why="the output depends on it, and the step leaves it as it is")


def _said(fit: Fit, group: str) -> str:
    decay = f", with a decay of {fit.course.decay / fit.course.rate:.6g}" if group in fit.course.decayed else ""
    scaled = ", at a rate that depends on its size" if fit.course.is_scaled else ""
    return f"the slope of {in_words(fit)}{decay}{scaled}{f', as {fit.gradients[group]}' if fit.gradients else ''}"


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
    """Return a number of the group that goes elsewhere than the slope says, from the first base from which one does."""
    step, plain = fit.step, fit.step.measured({})
    bases = [{} if plain is None else moved_from(step, plain, np.random.default_rng(seed + number)) for number in range(BASES)]
    return next(filter(None, (_difference_from(fit, group, base) for base in bases)), None)


def _difference_from(fit: Fit, group: str, base: Mapping[str, Array]) -> Difference | None:
    step = fit.step
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


def _line(file: TrainingFile, path: str) -> int | None:
    """Return the last line that assigns to the name or the attribute of a path, of those that ran if any did."""
    last, first = path.rpartition(".")[2].split("[")[0], path.split("[")[0].split(".")[-1]
    return next((line for name in (last, first) if (line := _line_of(file, name)) is not None), None)


def _line_of(file: TrainingFile, name: str) -> int | None:
    lines = dict[int, bool]()
    for node, has_run in _statements(ast.parse(file.text), file.ran, has_run=file.drive is None):
        if not isinstance(node, ASSIGNMENTS):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in [part for each in targets for part in (each.elts if isinstance(each, (ast.Tuple, ast.List)) else [each])]:
            while isinstance(target, ast.Subscript):
                target = target.value
            if name == (target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", None)):
                lines[target.lineno] = has_run
    return max((line for line, has_run in lines.items() if has_run or not any(lines.values())), default=None)


def _statements(node: ast.AST, ran: Container[int], *, has_run: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield what is in a part of the code, and whether the innermost function around it has run."""
    for each in ast.iter_child_nodes(node):
        inside = each.lineno in ran if isinstance(each, ast.FunctionDef) else has_run
        yield each, inside
        yield from _statements(each, ran, has_run=inside)
