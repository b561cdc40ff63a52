"""The answer: which mistakes explain what was shown, with the numbers, and the probe that splits those that cannot be told apart."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.diagnosis.formulas import KINDS, Formula
from compare.diagnosis.graph import Node, Place
from compare.diagnosis.matcher import Explanation, Matcher, is_within
from compare.diagnosis.mistake import Cause
from compare.diagnosis.patience import OutOfPatienceError
from compare.diagnosis.separate import probe_to_separate
from compare.diagnosis.stages import UPDATE, Group, Stage, stage_name
from compare.implementation import Array

_FINAL = ("after", "used")


@dataclass(frozen=True)
class Evidence:
    """One number that shows it: as shown, as it should be, and as it is under the mistake."""

    step: int
    tensor: str
    index: tuple[int, ...]
    actual: float
    expected: float
    under_mistake: float


@dataclass(frozen=True)
class Found:
    """One mistake that was made, as one or more causes that cannot be told apart by what was shown."""

    causes: tuple[Cause, ...]
    evidence: Evidence | None
    probe_to_separate: str | None
    line: int | None = None


@dataclass(frozen=True)
class Answer:
    """The mistakes that were found, and the stages that are wrong beside them, by what is not known."""

    found: tuple[Found, ...] = ()
    left: tuple[Group, ...] = ()

    @property
    def cost(self) -> tuple[bool, int, int]:
        """The less, the better an answer: nothing found, what is left, and how many mistakes it takes."""
        return not self.found, len(self.left), len(self.found)


def explained(matcher: Matcher, stages: Sequence[Stage], with_pairs: bool = True) -> Answer:
    """The mistakes that explain the shown numbers; none where nothing of the catalogue does, or the search takes longer than it may."""
    try:
        return _searched(matcher, stages, with_pairs)
    except OutOfPatienceError:
        return Answer()


def _searched(matcher: Matcher, stages: Sequence[Stage], with_pairs: bool) -> Answer:
    """The search itself.

    First one mistake, or one factor, for everything at once; then stage by stage, each wrong stage from what was shown before it; and
    if the first of those is not to be explained, two mistakes for everything, and one for the last numbers alone, as if nothing else
    were shown.
    """
    shown = matcher.shown
    found = matcher.singles() or matcher.scales()
    if found:
        return Answer(_classes(matcher, found))
    wrong = [(stage.stage, stage.layer) for stage in stages if stage.mark == "wrong"]
    final = {node: array for node, array in shown.items() if node[0].endswith(_last(shown))}
    shows_stages = len(final) < len(shown)
    if shows_stages and wrong and (first := _at_stage(matcher, wrong[0], [])):
        known, left = [first], []
        for group in wrong[1:]:
            found_here = _at_stage(matcher, group, known)
            known += [found_here] if found_here else []
            left += [] if found_here else [group]
        return Answer(_once(known), tuple(left))
    if with_pairs and (pairs := matcher.pairs()):
        return Answer(_classes(matcher, pairs))
    if shows_stages and final:
        last = matcher.with_shown(final)
        return Answer(_classes(last, last.singles()))
    return Answer()


def _at_stage(matcher: Matcher, group: Group, known: list[Found]) -> Found | None:
    """What explains one stage from what was shown before it; of an update, else from the error terms on.

    By itself, or beside the mistakes that are known already, as they were found or made in this layer too.
    """
    _, _, what = group[0].partition("_")
    matchers = [matcher]
    if what in UPDATE:
        others = {f"{each}_{stage}" for each in KINDS for stage in UPDATE if stage != what}
        shown = {node: array for node, array in matcher.shown.items() if node[0] not in others}
        matchers.append(matcher.with_shown(shown))
    causes = list(dict.fromkeys(found.causes[0] for found in known))
    here = [
        replace(cause, layers=(group[1],)) for cause in causes if cause.layers != (0,) and cause.mistake.applies(matcher.problem, group[1])
    ]
    alone = (_class(one, one.local(group)) for one in matchers)
    beside = (_class(one, one.local(group, formulas_of(known_too))) for one in matchers for known_too in (causes, here) if known_too)
    return next((found for way in (alone, beside) for found in way if found is not None), None)


def formulas_of(causes: Iterable[Cause]) -> dict[Place, Formula]:
    """All of them, by place."""
    return {place: formula for cause in causes for place, formula in cause.formulas.items()}


def _last(shown: Mapping[Node, Array]) -> str:
    return next((what for what in _FINAL if any(node[0].endswith(what) for node in shown)), "nothing")


def _classes(matcher: Matcher, found: list[Explanation]) -> tuple[Found, ...]:
    """Explanations of one mistake each are one class; of those by two, the first, each with what may stand in its place."""
    if not found:
        return ()
    if len(found[0].causes) == 1:
        only = _class(matcher, found)
        return (only,) if only else ()
    first, second = found[0].causes
    pairs = [set(each.causes) for each in found]
    alternatives = [
        [cause for each in found for cause in each.causes if cause != own and {cause, other} in pairs]
        for own, other in ((first, second), (second, first))
    ]
    both = [(own, *dict.fromkeys(others)) for own, others in zip((first, second), alternatives, strict=True)]
    return tuple(Found(causes, _evidence(matcher, found[0], causes[0]), probe_to_separate(matcher.problem, causes)) for causes in both)


def _class(matcher: Matcher, found: list[Explanation]) -> Found | None:
    if not found:
        return None
    causes = tuple(each.causes[0] for each in found)
    return Found(causes, _evidence(matcher, found[0]), probe_to_separate(matcher.problem, causes))


def _once(found: list[Found]) -> tuple[Found, ...]:
    """One of each mistake, in all the layers in which it was found: it may make several stages wrong."""
    merged: dict[str, Found] = {}
    often = Counter(cause.id for each in found for cause in each.causes)
    for each in found:
        each = replace(each, causes=tuple(sorted(each.causes, key=lambda cause: -often[cause.id])))
        first = each.causes[0]
        known = merged.get(first.id)
        if known is None:
            merged[first.id] = each
            continue
        layers = tuple(sorted({*known.causes[0].layers, *first.layers}))
        merged[first.id] = replace(known, causes=(replace(known.causes[0], layers=layers), *known.causes[1:]))
    return tuple(replace(each, causes=tuple(sorted(each.causes, key=lambda cause: len(cause.layers) > 1))) for each in merged.values())


def _evidence(matcher: Matcher, explanation: Explanation, cause: Cause | None = None) -> Evidence | None:
    """The number that is farthest out of its bound, of the first node that is wrong, or that one of several mistakes makes wrong."""
    others = formulas_of(other for other in explanation.causes if other != cause) if cause else {}
    for node, actual in matcher.shown.items():
        with np.errstate(all="ignore"):
            right, wrong = matcher.right.worked_out(*node), matcher.predicted(node, explanation.formulas)
            without = matcher.predicted(node, others) if others else right
        if wrong is None or without is None:
            continue
        gap = np.abs(actual - without.value)
        if (gap <= without.error).all() or is_within(without.value, wrong):
            continue
        share = np.divide(
            gap, without.error, out=np.where(gap > 0, np.inf, 0.0), where=np.greater(np.broadcast_to(without.error, gap.shape), 0)
        )
        index = np.unravel_index(int(np.argmax(share)), gap.shape)
        place = tuple(int(i) for i in index)
        name = stage_name(matcher.problem, (node[0], node[2]))
        return Evidence(node[1] + 1, name, place, float(actual[index]), float(right.value[index]), float(wrong.value[index]))
    return None
