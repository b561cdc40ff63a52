"""The diagnosis: the mistakes that explain the shown numbers, with one number as evidence, and the probe that would tell them apart."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np

from .formulas import Formula
from .graph import Place
from .matcher import Explanation, Matcher, is_of_the_update, is_within
from .mistake import Cause
from .patience import OutOfPatienceError
from .separate import probe_to_separate
from .stages import Group, Stage, stage_name

_OUTPUT: Group = ("output", 0)
_GRADIENTS = ("_used", "_answered")
_MOST_CHOICES = 64      # that are tried, of one alternative for each mistake, so that the search over many stages ends too


@dataclass(frozen=True)
class Evidence:
    """One number that shows a mistake: as the file has it, as it should be, and as the mistake makes it."""

    step: int
    tensor: str
    index: tuple[int, ...]
    actual: float
    expected: float
    under_mistake: float


@dataclass(frozen=True)
class Found:
    """One mistake that was made, as one or more causes that make the same numbers in all that is shown."""

    causes: tuple[Cause, ...]
    evidence: Evidence | None
    probe_to_separate: str | None
    line: int | None = None


def with_causes(found: Sequence[Found], left: Sequence[tuple[Cause, ...]]) -> tuple[Found, ...]:
    """Return the mistakes with only the causes that are left of each; none of them if one has no cause left."""
    return tuple(replace(each, causes=causes) for each, causes in zip(found, left, strict=True)) if all(left) else ()


def explained(matcher: Matcher, stages: Sequence[Stage], with_pairs: bool = True) -> tuple[Found, ...]:
    """Return the mistakes that together make every shown number, those that agree with PyTorch too; none if the search ends without."""
    try:
        return _searched(matcher, stages, with_pairs)
    except OutOfPatienceError:
        return ()


def _searched(matcher: Matcher, stages: Sequence[Stage], with_pairs: bool) -> tuple[Found, ...]:
    """Search for one mistake, or one factor, that explains everything at once, then for one at each wrong stage.

    Then search for the same if the update uses other gradients than those shown, for mistakes before the update and others within it, and
    for two mistakes that explain everything together.
    """
    wrong = [(stage.stage, stage.layer) for stage in stages if stage.mark == "wrong"]
    if found := _at_once(matcher) or _by_stage(matcher, wrong):
        return found
    apart = matcher.apart_from_the_update()
    answered = [(stage.replace("_used", "_answered"), layer) for stage, layer in wrong]
    if apart.answers and (found := _at_once(apart) or _by_stage(apart, answered) or _within_the_step(matcher, apart, wrong)):
        return found
    if wrong == [_OUTPUT] and all(stage.mark == "agrees" for stage in stages if (stage.stage, stage.layer) != _OUTPUT):
        return _at_once(matcher.with_shown({node: array for node, array in matcher.shown.items() if (node[0], node[2]) == _OUTPUT}))
    return _classes(matcher, matcher.pairs()) if with_pairs else ()


def _at_once(matcher: Matcher) -> tuple[Found, ...]:
    return _classes(matcher, matcher.singles() or matcher.scales())


def _by_stage(matcher: Matcher, wrong: Sequence[Group]) -> tuple[Found, ...]:
    """Return mistakes that explain the wrong stages one after the other, if together they explain everything; else none."""
    if all(node[0].endswith(("_after", "_used")) for node in matcher.shown):
        return ()
    known: list[Found] = []
    for group in wrong:
        found = _at_stage(matcher, group, known)
        if found is None:
            return ()
        known.append(found)
    return _together(matcher, _once(known), lambda causes: matcher.explains(formulas_of(causes)))


def _within_the_step(matcher: Matcher, apart: Matcher, wrong: Sequence[Group]) -> tuple[Found, ...]:
    """Return mistakes in the stages before the update and others in the update, if together they explain everything; else none."""
    before = [group for group in wrong if not is_of_the_update(group[0])]
    if len(before) in (0, len(wrong)):
        return ()
    shown: list[Found] = []
    taken: list[Found] = []
    for group in wrong:
        found = _at_stage(matcher, group, shown) if group in before else _at_stage(apart, group, taken, shown)
        if found is None:
            return ()
        (shown if group in before else taken).append(found)
    first = _once(shown)

    def explain(causes: Sequence[Cause | None]) -> bool:
        is_shown = matcher.comes_out(formulas_of(causes[: len(first)]), of_the_step=False)
        return is_shown and apart.comes_out(formulas_of(causes), of_the_step=True)

    return _together(apart, (*first, *_once(taken)), explain)


def _together(matcher: Matcher, found: Sequence[Found], explain: Callable[[Sequence[Cause | None]], bool]) -> tuple[Found, ...]:
    """Return those of the mistakes that are needed to explain everything, each with the alternatives that do so beside the others.

    Return none if they do not, or if two of them undo each other.
    """
    chosen: tuple[Cause | None, ...] = next(filter(explain, islice(product(*(each.causes for each in found)), _MOST_CHOICES)), ())
    if matcher.cancel([cause for cause in chosen if cause]):
        return ()
    for i in reversed(range(len(chosen))):
        others = (*chosen[:i], None, *chosen[i + 1 :])
        chosen = others if any(others) and explain(others) else chosen
    separated = []
    for i, cause in enumerate(chosen):
        if cause is not None:
            alike = [other for other in found[i].causes if other.id != cause.id and explain([*chosen[:i], other, *chosen[i + 1 :]])]
            separated.append(_separated(matcher, found[i], (cause, *_one_of_each(alike))))
    return tuple(separated)


def _one_of_each(causes: Iterable[Cause]) -> Iterable[Cause]:
    """Return the first cause of each id."""
    first: dict[str, Cause] = {}
    for cause in causes:
        first.setdefault(cause.id, cause)
    return first.values()


def _at_stage(matcher: Matcher, group: Group, known: list[Found], before: Sequence[Found] = ()) -> Found | None:
    """Return the mistake that explains one stage from the stages shown before it, and from the mistakes made `before` the update.

    It is searched for alone, then beside the mistakes that are known already, in their layers or in this one. Of those that look the same
    in the update, where gradients are shown, first comes one that is in the update itself.
    """
    first = [found.causes[0] for found in before]
    causes = list(dict.fromkeys([*first, *(found.causes[0] for found in known)]))
    here = [replace(cause, layers=(group[1],)) for cause in causes if group[1] in cause.mistake.layers(matcher.problem)]
    found = _class(matcher, matcher.local(group, formulas_of(first)))
    beside = (_class(matcher, matcher.local(group, formulas_of(known_too))) for known_too in (causes, here) if known_too)
    found = found or next(filter(None, beside), None)
    if found and is_of_the_update(group[0]) and any(stage.endswith(_GRADIENTS) for stage, _, _ in matcher.shown):
        return replace(found, causes=tuple(sorted(found.causes, key=lambda cause: not cause.is_in_the_update)))
    return found


def formulas_of(causes: Iterable[Cause | None]) -> dict[Place, Formula]:
    """Return the formulas of all of them, by place."""
    return {place: formula for cause in causes if cause for place, formula in cause.formulas.items()}


def _classes(matcher: Matcher, found: list[Explanation]) -> tuple[Found, ...]:
    """Return explanations by single mistakes as one mistake with alternatives; of those by pairs the first, each with its alternatives."""
    if not found:
        return ()
    if len(found[0].causes) == 1:
        only = _class(matcher, found)
        return (_separated(matcher, only, only.causes),) if only else ()
    first, second = found[0].causes
    pairs = [set(each.causes) for each in found]
    alternatives = [
        [cause for each in found for cause in each.causes if cause != own and {cause, other} in pairs]
        for own, other in ((first, second), (second, first))
    ]
    both = [(own, *dict.fromkeys(others)) for own, others in zip((first, second), alternatives, strict=True)]
    return tuple(Found(causes, _evidence(matcher, found[0], causes[0]), probe_to_separate(matcher.problem, causes)) for causes in both)


def _class(matcher: Matcher, found: list[Explanation]) -> Found | None:
    return Found(tuple(each.causes[0] for each in found), _evidence(matcher, found[0]), None) if found else None


def _separated(matcher: Matcher, found: Found, causes: tuple[Cause, ...]) -> Found:
    return replace(found, causes=causes, probe_to_separate=probe_to_separate(matcher.problem, causes))


def _once(found: list[Found]) -> tuple[Found, ...]:
    """Return each mistake once, in all the layers in which it was found: one mistake may make several stages wrong."""
    merged: dict[str, Found] = {}
    often = Counter(id for each in found for id in {cause.id for cause in each.causes})
    for each in found:
        each = replace(each, causes=tuple(sorted(each.causes, key=lambda cause: -often[cause.id])))
        first = each.causes[0]
        known = merged.get(first.id)
        if known is not None:
            layers = tuple(sorted({*known.causes[0].layers, *first.layers}))
            each = replace(known, causes=(replace(known.causes[0], layers=layers), *known.causes[1:]))
        merged[first.id] = each
    return tuple(replace(each, causes=tuple(sorted(each.causes, key=lambda cause: len(cause.layers) > 1))) for each in merged.values())


def _evidence(matcher: Matcher, explanation: Explanation, cause: Cause | None = None) -> Evidence | None:
    """Return the number that is farthest off in the first wrong node; with `cause`, in the first that this one makes wrong."""
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
        beyond = np.where(gap <= without.error, 0.0, np.nan_to_num(gap, nan=np.inf))
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(beyond)), gap.shape))
        numbers = (float(array[index]) for array in (actual, right.value, wrong.value))
        return Evidence(matcher.number(node), stage_name(matcher.problem, (node[0], node[2])), index, *numbers)
    return None
