"""Check the steps of a file that trains something: how far each goes, beside how its loss changes there."""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from ...support.errors import CompareError
from ...userfile.file import AttemptError
from ..result import Part
from .adaptive import follows_rule
from .calls import ErrorPlan, Plan, activations_of, plans_of
from .chains import Chain
from .fits import Fit, best_fit, has_states
from .inactive import held_where_inactive
from .lone_step import lone_step
from .momentum import are_uncompared
from .own_loss import along_own
from .page.check import parts_of_pages
from .page.names import gradients_in
from .running import TrainingFile
from .said import parts_of
from .steps import steps_in
from .survey import Met, Survey
from .variants import ANOTHER
from .watch import Region

AnyPlan = Plan | ErrorPlan | Chain
_Way = tuple["Trained", AnyPlan]
_MORE = 6      # ways to call a class that are looked at once one is found in which something agrees
_MOSTLY = 0.7      # of the directions
_FIRST = "how the moments of its update are corrected in the first steps is not compared"
_NO_RULE = "its gradient agrees, and its update by that is none that is known, as Adam's, RMSProp's or AdaGrad's"
_DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
_GIVES = (ast.Assign, ast.AnnAssign)


def programs_in(tree: ast.Module) -> list[str]:
    """Return the file's statements that do more than define: it may train something when it is run."""
    own = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    runs = [each for each in tree.body if not isinstance(each, (*_DEFINES, *_GIVES)) and _calls(each)]
    called = {ast.unparse(call.func) for each in tree.body if isinstance(each, _GIVES) for call in _calls(each)}
    if runs or own & called or lone_step(tree.body):
        return ["what it runs"]
    if gradients_in(tree):
        return ["its gradients"]
    return [each.name for each in tree.body if isinstance(each, (ast.ClassDef, ast.FunctionDef))]


def _calls(node: ast.AST) -> list[ast.Call]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Call)]


@dataclass(frozen=True)
class Trained:
    """The fits of each region that is a step; `around` is what regions around them train besides, with their lines."""

    fits: Mapping[Region, Sequence[Fit]]
    around: Mapping[str, int]

    def share(self) -> float:
        """Return which share of the groups is wrong."""
        return _share([fit for each in self.fits.values() for fit in each])

    def goes_down(self) -> bool:
        """Return whether the losses become less, to first order, along most directions of what is trained."""
        every = [each.goes_down(fit.loss) for own in self.fits.values() for fit in own for each in fit.equations if each.says(fit.loss)]
        return bool(every) and sum(every) > _MOSTLY * len(every)

    def held(self, seed: int) -> "Trained":
        """Return the same, held to where outputs are 0 too."""
        return replace(self, fits={region: [held_where_inactive(fit, seed) for fit in each] for region, each in self.fits.items()})


def check_training(file: TrainingFile, seed: int) -> Iterator[Part]:
    """Yield a part for each group of numbers that the file trains, or else that a class of it does; nothing where no region is a step.

    A file that agrees is run in the other ways that its own words offer; the first in which something is wrong is taken.
    """
    parts, agreed, untold = list(_checked(file, seed)), list[str](), list[str]()
    is_right = bool(parts) and all(part.mark == "agrees" for part in parts)
    for said, other in file.variants() if is_right else ():
        found = [] if other is None else _checked_so(other, seed)
        wrong = sum(part.mark == "wrong" for part in found)
        if other is not None and 0 < wrong < len(found):      # where all is wrong, its loss may be another
            file.notes += [*(note for note in other.notes if note not in file.notes), f"it agrees as it is, and not with {said}"]
            file.ran |= other.ran
            yield from found
            return
        if other is not None and found and all(part.mark == "agrees" for part in found):
            agreed.append(said)
            file.ran |= other.ran
        elif found or not said.startswith(ANOTHER):      # which it need not take
            untold.append(said)
    file.notes += [f"it agrees with {', and with '.join(agreed)}, too"] if agreed else []
    file.caveats += (f"with {', and with '.join(untold)}, it is not compared",) if untold else ()
    yield from parts


def _checked_so(file: TrainingFile, seed: int) -> list[Part]:
    """Return the parts of a file that is run in another way; none where it cannot be."""
    try:
        return list(_checked(file, seed))
    except CompareError:
        return []


def _checked(file: TrainingFile, seed: int) -> Iterator[Part]:
    failed: AttemptError | None = None
    trained: Trained | None = None
    try:
        trained = _trained(file, seed)
    except AttemptError as error:
        failed = error
    if trained is not None and trained.fits:
        yield from _parts(file, trained.held(seed), seed)
        return
    parts = parts_of_pages(file, seed) or list(_parts_of_classes(file, seed))
    if not parts and failed is not None:
        raise failed
    yield from parts


def _parts_of_classes(file: TrainingFile, seed: int) -> Iterator[Part]:
    """Yield the parts of each class that trains, under its name where another has a part of that name."""
    names: set[str] = set()
    for owner, trained in _of_classes(file, seed):
        own = list(_parts(file, trained, seed))
        yield from (replace(part, name=f"{owner}: {part.name}") if part.name in names else part for part in own)
        names |= {part.name for part in own}


def _parts(file: TrainingFile, trained: Trained, seed: int) -> Iterator[Part]:
    fits = {region: [along_own(fit) for fit in each] for region, each in trained.fits.items()}
    every = [fit for each in fits.values() for fit in each]
    of_moments = [fit for fit in every if fit.gradients and follows_rule(fit)]
    file.left_out = tuple(dict.fromkeys(name for fit in every if not fit.gradients for name in are_uncompared(fit.step)))
    file.caveats += (_FIRST,) if of_moments else ()
    trained_names = {_last(path) for fit in every for path in fit.step.paths}
    for step in [fit.step for fit in every]:      # what another step trains is no fault of this one
        step.drawn = [path for path in step.drawn if _last(path) not in trained_names]
    names: set[str] = set()
    for (line, _), each in fits.items():
        for part in _merged([_of_rule(part, fit, of_moments) for fit in each for part in parts_of(fit, seed)]):
            yield replace(part, name=f"{part.name} at line {line}") if part.name in names else part
            names.add(part.name)
    for path, line in trained.around.items():
        if fits and _last(path) not in {_last(name) for name in names}:
            yield Part(path, "not compared", reason="it is trained around the step that is compared", line=line)
    for name in file.untold:
        yield Part(f"activation {name}", "not compared", reason="nothing can be told of its steps with it")


def _of_rule(part: Part, fit: Fit, known: Sequence[Fit]) -> Part:
    """Return a part that agrees as not compared where the update that follows its gradient is no rule that is known."""
    is_known = not fit.gradients or fit in known or part.mark != "agrees"
    return part if is_known else replace(part, mark="not compared", reason=_NO_RULE)


def _trained(file: TrainingFile, seed: int) -> Trained:
    """Return the fits of the file's regions, of those inside of each other where least is wrong, the inner ones if that is equal."""
    survey: Survey = file.watched(Survey)
    file.ran = frozenset(line for line, is_call in survey.regions if is_call)
    regions = {region: met for region, met in survey.regions.items() if any(met.changed)}
    chosen: dict[Region, list[Fit]] = {}
    around: dict[str, int] = {}
    for region in sorted(regions, key=lambda each: (-regions[each].depth, each)):
        inner = [other for other in chosen if region in regions[other].inside]
        done = {_last(path) for other in inner for fit in chosen[other] for path in fit.step.paths}
        are_wrong = any(fit.course.wrong for other in inner for fit in chosen[other])
        changed = {_last(path) for other in inner for path in regions[other].paths()}
        if inner and not are_wrong and {_last(path) for path in regions[region].paths()} <= changed:
            continue
        found = _fits(file, region, regions[region], seed)
        least = max((_share(chosen[other]) for other in inner), default=1.0)
        is_all = least == 1 or done <= {_last(path) for fit in found for path in fit.step.paths}
        if found and (not inner or (is_all and _share(found) < least)):
            chosen = {other: fits for other, fits in chosen.items() if other not in inner} | {region: found}
        else:
            around |= {path: region[0] for fit in found for path in fit.step.groups if _last(path) not in done}
    return Trained(chosen, around)


def _fits(file: TrainingFile, region: Region, met: Met, seed: int) -> list[Fit]:
    """Return the fits of a region; from its second instance on where only these agree, as the first may make the states of its update."""
    found = [fit for step in steps_in(file, region, met) if (fit := best_fit(step, seed)) is not None]
    if not file.takes_roots or not any(fit.course.wrong for fit in found):
        return found
    later = [fit for step in steps_in(file, region, met, first=1) if (fit := best_fit(step, seed)) is not None]
    return later if later and not any(fit.course.wrong for fit in later) and any(has_states(fit.step) for fit in later) else found


def _with_activations(file: TrainingFile, seed: int, trained: Trained, plan: AnyPlan) -> tuple[Trained, AnyPlan]:
    """Return the fits and the plan, or those with the first other activation of which something is wrong, and note those that agree."""
    if isinstance(plan, Chain) or trained.share():
        return trained, plan
    agreed, unsaid = list[str](), list[str]()
    for name in activations_of(plan.made.name, {**vars(file.module), "__tree__": file.tree}):
        if name == plan.made.activation:
            continue
        other = replace(plan, made=replace(plan.made, activation=name))
        file.drive = other
        try:
            tested = _trained(file, seed).held(seed)
        except AttemptError:      # it is no activation of the file's
            continue
        if tested.fits and tested.share():
            return tested, other
        (agreed if tested.fits else unsaid).append(repr(name))
    if agreed:
        file.notes.append(f"it agrees with the activation {' and '.join(agreed)}, too")
    file.untold = tuple(unsaid)
    return trained, plan


def _last(path: str) -> str:
    """Return the name of the variable or attribute at the end of a path."""
    return path.rpartition(".")[2].split("[")[0]


def _share(fits: Sequence[Fit]) -> float:
    """Return which share of the groups is wrong."""
    return sum(len(fit.course.wrong) for fit in fits) / sum(len(fit.step.groups) for fit in fits)


def _merged(parts: Sequence[Part]) -> list[Part]:
    """Return one part for each name, of several steps: what is wrong in one is wrong, and what one of them tells is told."""
    found: dict[str, Part] = {}
    for part in parts:
        old = found.setdefault(part.name, part)
        if _weight(part) > _weight(old):
            found[part.name] = part
        elif part is not old and part.mark == old.mark == "agrees":
            found[part.name] = replace(old, compared=old.compared + part.compared)
    return list(found.values())


def _weight(part: Part) -> int:
    """Return how much a part says beside another of the same name; what was not compared for want of a direction says nothing."""
    return {"wrong": 3, "not compared": 2 if part.compared else 0, "agrees": 1}.get(part.mark, 0)


def _of_classes(file: TrainingFile, seed: int) -> Iterator[tuple[str, Trained]]:
    """Yield the best fit of the first class whose methods make a step, and of each other of which nothing has run by then.

    Where nothing agrees in any way to call a class, it is the first that goes down its loss in most directions.
    """
    space: dict[str, Any] = {**vars(file.module), "__tree__": file.tree}
    ran, downs, is_first = set[int](), list[_Way](), True
    for owner, plans in groupby(plans_of(space), key=lambda plan: plan.owner):
        if not is_first and not _is_other(file, owner, ran):
            continue
        try:
            found, down = _best_of(file, seed, (plan for plan in plans if is_first or not isinstance(plan, Chain)))
            downs += [down] if down is not None else []
            if found is not None:
                trained = _examined(file, seed, *found)
                ran |= file.ran
                yield owner, trained
                is_first = False
        except CompareError:
            if is_first:
                raise
            break
    if is_first and downs:
        yield downs[0][1].owner, _examined(file, seed, *downs[0])
    elif is_first:
        file.drive = None
    else:
        file.ran = frozenset(ran)


def _is_other(file: TrainingFile, owner: str, ran: Collection[int]) -> bool:
    """Return whether it is a class of which no method has run."""
    node = next((each for each in file.tree.body if isinstance(each, ast.ClassDef) and each.name == owner), None)
    return node is not None and not any(node.lineno <= line <= (node.end_lineno or node.lineno) for line in ran)


def _best_of(file: TrainingFile, seed: int, plans: Iterable[AnyPlan]) -> tuple[_Way | None, _Way | None]:
    """Return of the ways to call a class that in which most agrees, and the first that goes down its loss in most directions."""
    found: _Way | None = None
    down: _Way | None = None
    failed, refused, more = dict[Any, str](), set[Any](), _MORE
    for plan in plans:
        if not more:
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
        trained = _trained(file, seed)
        more -= found is not None or down is not None
        if trained.fits and trained.share() < 1:
            if found is None or trained.share() < found[0].share():
                found = trained, plan
            if not trained.share():
                break
        elif down is None and isinstance(plan, Plan) and trained.goes_down():
            down = trained, plan
    return found, down


def _examined(file: TrainingFile, seed: int, trained: Trained, plan: AnyPlan) -> Trained:
    """Return the fits of that way to call a class, held to what it does elsewhere, and note the way."""
    file.drive = plan
    trained, plan = _with_activations(file, seed, trained.held(seed), plan)
    file.drive = plan
    file.notes.append(f"trained here: {plan.said}")
    if isinstance(plan, Chain):
        space: dict[str, Any] = {**vars(file.module), "__tree__": file.tree}
        for step in [fit.step for each in trained.fits.values() for fit in each]:
            left = [path for path in step.still if plan.leaves(space, path)]
            step.still = [path for path in step.still if path not in left]
            file.caveats = (f"no step of {', '.join(left)} is made",) if left else file.caveats
    return trained
