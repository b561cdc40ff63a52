"""What a step goes along beside the loss that the file itself computes: it may lack a penalty, or be a step along another loss."""

import re
from dataclasses import replace

import numpy as np

from ...userfile.shapes.languages import translated
from .course import course_along
from .fits import Fit, are_one
from .losses import ABSOLUTE
from .step import Candidate

_MEANT = re.compile(r"loss|cost|entrop|损失|потер", re.IGNORECASE)
_ELSE = re.compile(
    r"(^|_)(d|del|delta|grad|gradient|deriv\w*|prime|val|valid\w*|test|dev|prev\w*|last|old|best|min|diff)(_|$)", re.IGNORECASE
)


def along_own(fit: Fit) -> Fit:
    """Return how the step goes along the file's own loss, if that is a known one with a penalty of weights, in which the step differs."""
    known = [each for each in fit.step.losses if each.place is not None]
    for own in _meant(fit):
        if fit.gradients is None and any(_penalty(fit, each, own) for each in known):
            usable = [each for each in fit.equations if each.is_finite(own)]
            course = course_along(own, [(each, each.gone()) for each in usable], may_decay=False)
            told = {each.group for each in usable if each.says(own)}
            if course.wrong and told:
                return replace(fit, loss=own, course=course, unsaid=[each for each in fit.step.groups if each not in told])
    return fit


def beside_own(fit: Fit) -> tuple[str, bool] | None:
    """Say which loss the file computes, if the step goes along another, and whether that is sure to be meant as its loss."""
    step = fit.step
    if fit.course.wrong:
        return None
    own = [each for each in step.losses if each.place is None]
    kinds = dict.fromkeys(step.kinds, "") | {replace(fit, loss=each).kind: each.name for each in own}
    others = [(kind, name) for kind, name in kinds.items() if kind not in ("own", ABSOLUTE)]
    if others and fit.kind not in kinds and fit.kind != "own":
        kind, name = others[0]
        return f"its step goes along {in_words(fit)}, and what it computes as its loss is one of {kind}{f', {name}' if name else ''}", True
    for each in _meant(fit):
        if are_one(fit.equations, each, fit.loss) or not _says(fit, each) or _goes_along(fit, each):
            continue
        others_placed = [other for other in step.losses if other.place and other.place != fit.loss.place]
        elsewhere = [other for other in others_placed if are_one(fit.equations, each, other)]
        if lines := [other.place[0] for other in elsewhere if other.place and other.name == fit.loss.name]:
            return f"its step goes along {in_words(fit)}, and {each.name}, the loss that it computes, is that at line {lines[0]}", True
        if not elsewhere:
            return f"its step goes along {in_words(fit)}, and {each.name}, the loss that it computes, is another", False
    return None


def _meant(fit: Fit) -> list[Candidate]:
    named = [each for each in fit.step.losses if each.place is None and each.is_early]
    return [each for each in named if _MEANT.search(translated(each.name)) and not _ELSE.search(translated(each.name))]


def _says(fit: Fit, own: Candidate) -> bool:
    return any(each.says(own) for each in fit.equations)


def _goes_along(fit: Fit, own: Candidate) -> bool:
    """Return whether the step goes along that loss too."""
    usable = [each for each in fit.equations if each.is_finite(own)]
    return not course_along(own, [(each, each.gone()) for each in usable]).wrong


def _penalty(fit: Fit, known: Candidate, own: Candidate) -> bool:
    """Return whether the file's loss is a known one, and grows with squares or sizes of weights besides."""
    both = [each for each in fit.equations if each.is_finite(own) and each.is_finite(known)]
    groups = sorted({each.group for each in both})
    slopes = np.array([each.slopes[own][0] for each in both])
    if len(both) <= len(groups) + 1:
        return False
    for size in ("held", "signs"):
        columns = [[each.slopes[known][0] for each in both]]
        columns += [[getattr(each, size)() if each.group == group else 0.0 for each in both] for group in groups]
        matrix = np.array(columns).T
        found, *_ = np.linalg.lstsq(matrix, slopes, rcond=None)
        is_so = np.allclose(matrix @ found, slopes, rtol=1e-5, atol=1e-7 * float(np.max(abs(slopes))))
        if is_so and found[0] > 0 and bool((found[1:] > 1e-6).any()):
            return True
    return False


def in_words(fit: Fit) -> str:
    """Return the loss along which it goes in words."""
    return fit.loss.name if fit.loss.place is None else f"{fit.loss.name} at line {fit.loss.place[0]}"
