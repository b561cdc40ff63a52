"""Check a file that goes forward and back once: what it has of each parameter, beside how its loss changes there."""

from ...result import Part
from ..fits import best_fit
from ..running import TrainingFile
from ..said import parts_of
from .found import pages_of
from .said import is_free, is_update, said_of

_ONCE = "it goes forward and back once"


def parts_of_pages(file: TrainingFile, seed: int) -> list[Part]:
    """Return a part for each gradient or new parameter of the file; none where it is no such page."""
    parts: list[Part] = []
    for page in pages_of(file):
        fit = best_fit(page, seed)
        if fit is None or (fit.course.wrong and not page.is_sure and not is_update(page)):
            file.caveats = ()
            return []
        turned = best_fit(page.turned(), seed) if fit.course.wrong else None
        if turned is not None and len(turned.course.wrong) < len(fit.course.wrong) and (is_free(page) or not turned.course.wrong):
            parts += said_of(page.turned(), [*parts_of(turned, seed)], is_wrong=not is_free(page))
        else:
            parts += said_of(page, [*parts_of(fit, seed)])
    file.notes += [_ONCE] if parts else []
    return parts
