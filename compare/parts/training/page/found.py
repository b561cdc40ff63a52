"""Whether a file is a page: what of it are parameters, inputs and outputs, which moving each given number shows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ....support.arrays import Array
from ..moving import TINY, differ, influenced, noise
from ..running import TrainingFile
from ..step import Places
from ..steps import _kinds
from ..totals import is_of_arguments, losses_at, totals
from .names import is_data, is_parameter
from .page import Page, named
from .shown import Shown, is_more_than_once, shown_in
from .watch import PageMeasure, PageSurvey

_MOST_PATHS = 150


@dataclass
class _Looked:
    """What moving each given number shows: on which places it has an influence, what is made of others, and what ends otherwise."""

    influences: dict[str, Places] = field(default_factory=dict)
    derived: set[str] = field(default_factory=set)
    ends: set[str] = field(default_factory=set)


def pages_of(file: TrainingFile) -> Iterator[Page]:
    """Yield the file as a page of what its parameters become, and as one of the gradients of those that become nothing."""
    survey: PageSurvey | None = file.watched_if_it_runs(PageSurvey, file.page)
    if survey is None or survey.is_long:
        return
    looked: _Looked | None = None
    plain: PageMeasure
    while looked is None:
        if not (shown := shown_in(survey.histories)):
            return
        births = {path: each.at[0] for path, each in survey.histories.items()}
        page = Page(file, (0, False), 0, {}, (), (), births=births, last=max(each.at for each in shown.values()))
        run = page.measured({})
        if not isinstance(run, PageMeasure):
            return
        plain, looked = run, _looked(page, run)
        for path, each in shown.items():
            if each.path == path and path in looked.influences and _is_prepared(replace(page, last=each.at), path, looked):
                survey.histories[path].is_made_later()
                looked = None
                break
    shown = {path: each for path, each in shown.items() if path in looked.influences and each.path in looked.ends}
    if not shown or is_more_than_once(shown, survey.histories):
        return
    if not (parameters := _parameters(shown, looked)):
        return
    sizes = {path: (plain.made[path].size, plain.end[each.path].size) for path, each in shown.items()}
    misfits = [(path, shown[path].path, *sizes[path]) for path in shown if path in parameters and len({*sizes[path]}) > 1]
    for is_new in (True, False):
        some = {path: each for path, each in shown.items() if path in parameters and each.is_new is is_new and len({*sizes[path]}) == 1}
        if some and (found := _as_step(page, some, looked, parameters)) is not None:
            found.misfits, misfits = misfits, []
            yield found


def _looked(page: Page, plain: PageMeasure) -> _Looked:
    found, random = _Looked(), np.random.default_rng(0)
    for path in sorted(plain.made, key=lambda each: page.births[each])[:_MOST_PATHS]:
        if path in found.derived:
            continue
        run = page.measured({path: TINY * noise(plain.made[path], random)})
        if not isinstance(run, PageMeasure):
            continue
        if places := influenced(plain, run):
            found.influences[path] = places
        found.derived |= _differing(run.made, plain.made) - {path}
        found.ends |= _differing(run.end, plain.end)
    return found


def _is_prepared(page: Page, path: str, looked: _Looked) -> bool:
    """Return whether what a page ends with is a part of making a parameter, as by scaling it: nothing else goes in."""
    plain, random = page.measured({}), np.random.default_rng(0)
    if not isinstance(plain, PageMeasure):
        return False
    for other in (each for each in looked.influences if each != path and each in plain.made):
        run = page.measured({other: TINY * noise(plain.made[other], random)})
        if run is not None and path in _differing(run.end, plain.end):
            return False
    return True


def _differing(one: Mapping[str, Array], other: Mapping[str, Array]) -> set[str]:
    return {path for path, value in one.items() if path in other and differ(value, other[path])}


def _parameters(shown: Iterable[str], looked: _Looked) -> set[str]:
    """Return what of all that has a gradient is a parameter: by its name, or else because an output depends on it, and no target."""
    named = {path for path in shown if is_parameter(path)}
    others = {path for path in shown if path not in named and not is_data(path)}
    if not named:
        return others
    alone = _outputs(named, looked)
    return named | {path for path in others if looked.influences[path] & alone and not _meets(looked.influences[path], alone)}


def _outputs(parameters: set[str], looked: _Looked) -> Places:
    """Return the places, with the operand that depends on parameters where the other does not.

    Where there is none, arguments of calls, and where there is none of these, the losses that the file names.
    """
    everywhere: Places = set().union(*(looked.influences[path] for path in parameters))
    alone = {(place, is_second) for place, is_second in everywhere if place[0] and (place, not is_second) not in everywhere}
    return {each for each in alone if not is_of_arguments(each[0])} or alone or {each for each in everywhere if not each[0][0]}


def _meets(places: Places, outputs: Places) -> bool:
    """Return whether what is at these places meets an output."""
    return any((place, not is_second) in outputs and (place, is_second) not in outputs for place, is_second in places)


def _as_step(page: Page, shown: Mapping[str, Shown], looked: _Looked, parameters: set[str]) -> Page | None:
    """Return the page as a step of these parameters; None where no output meets a target."""
    page = replace(page, shown=shown, last=max(each.at for each in shown.values()))
    page.groups = {path: [path] for path in sorted(shown, key=lambda path: (shown[path].at, path))}
    alone = _outputs(parameters, looked)
    goes_in, lacking = [], []
    for path, places in looked.influences.items():
        if path not in parameters and path not in looked.derived and places & alone:
            lacking += [path] if is_parameter(path) else []
            goes_in += [path] if not _meets(places, alone) else []
    page.data, page.lacking = goes_in, lacking
    page.births = {path: page.births[path] for path in (*page.groups, *goes_in)}
    random = np.random.default_rng(0)
    plain = page.measured({})
    run = None if plain is None else page.measured({path: 0.3 * noise(plain.start[path], random) for path in goes_in})
    if run is None:
        return None
    counts = {each: sum(each in looked.influences[path] for path in shown) for each in alone}
    most = max(counts.values(), default=0)
    outputs = {each for each, count in counts.items() if count and 2 * count >= most}
    page.kinds = [*_kinds(run, run, outputs)]
    page.losses = [*totals(run, outputs), *losses_at(run, {each for each in outputs if counts[each] == most})]
    page.losses += named(run, set().union(*(looked.influences[path] for path in parameters)))
    return page if page.losses else None
