"""Which region of a file is one step of a training: what it trains, what goes into it, and along which losses it may go."""

import functools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np

from ...support.arrays import Array
from ...userfile.shapes.languages import translated
from .drawn import left_as_drawn
from .in_vain import differentiated_in_vain
from .losses import LOGS, SQUARES
from .moving import TINY, differ, influenced, noise
from .running import TrainingFile
from .states import momenta_among, states_of
from .step import Candidate, Place, Places, Step
from .survey import Met
from .totals import is_of_arguments, losses_at, totals
from .watch import Measure, Region, is_loss

_MOST_GROUPS = 40
_INSTANCES = 3      # of a region that are compared
_MOST_PATHS = 60
_PARAMETER = re.compile(
    r"(^|\.)_?((b|w)[\d_]*|gamma\d*|beta\d*)(\[.*\])?$"
    r"|(^|[._])(bias\w*|bais\w*|weight\w*|theta)[\d_]*(\[.*\])?$"
    r"|(^|\.)(b|w)[\d_]*_?(hidden|output|input|[hoiyf]{1,2})\d*(\[.*\])?$",
    re.IGNORECASE,
)
_CARRIED = re.compile(r"(^|[._])(h|c|hs|cs)(_?(prev|t|state|0))?\d*$|prev|hidden|state|memory|context|carry|cell", re.IGNORECASE)


def steps_in(file: TrainingFile, region: Region, met: Met, first: int = 0) -> list[Step]:
    """Return the region as a step, in as many of its instances from the first on as change what others do not; empty where it is none."""
    left, found = dict([*enumerate(met.lasting())][first:]), list[Step]()
    seen: dict[str, Array] = {}
    for _ in range(_INSTANCES):
        if not left:
            break
        news = {instance: _count_new(changes, seen, found) for instance, changes in left.items()}
        instance = max(news, key=lambda each: (news[each], -each))
        changes = left.pop(instance)
        if not news[instance] and (not found or (found[0].data and len(found) > 1)):
            break      # else what goes in may hide something: another instance is looked at
        step = _at_instance(file, region, met, instance)
        if step is not None:
            found.append(step)
            step.inside = met.inside
        for path, where in changes.items():
            seen[path] = np.logical_or(seen[path], where) if path in seen and seen[path].shape == where.shape else where
    for step in found:      # a loss may be printed in some rounds alone
        step.kinds = sorted({kind for each in found for kind in each.kinds})
    return found


def _count_new(changes: Mapping[str, Array], seen: Mapping[str, Array], found: list[Step]) -> int:
    """Return how many arrays of what is trained change in an entry that was not seen to change."""
    trained = set().union(*(step.paths | {*step.still} for step in found)) if found else {*changes}
    of_trained = [(seen.get(path), where) for path, where in changes.items() if path in trained]
    return sum(old is None or old.shape != where.shape or bool(np.any(where > old)) for old, where in of_trained)


def _at_instance(file: TrainingFile, region: Region, met: Met, instance: int, states: Collection[str] = ()) -> Step | None:
    """Return the region as a step in that instance, None where it is none; what is known to be a state of its update makes no output."""
    changed = met.paths() - {*states}
    step = Step(file, region, instance, {}, (), ())
    plain = step.measured({})
    if plain is None or not _is_repeated(plain, step.measured({})):
        return None
    random = np.random.default_rng(instance)
    outputs, _ = _outputs(_influences(step, plain, {}, changed, random))
    if not outputs:
        return None
    fixed = {path: noise(plain.start[path], random) for path in list(plain.start)[:_MOST_PATHS] if path not in changed}
    step.data, still = _goes_in(step, plain, fixed, outputs)
    base = {path: 0.3 * fixed[path] for path in step.data}
    run = step.measured(base)
    if run is None:
        return None
    changed |= _changed(run) - met.fleeting
    before = wide = run
    for _ in range(2):      # what is seen before the first change of what is trained, and what that says is trained
        before = step.measured(base) or before
        afar = {**base, **{path: 0.5 * noise(run.start[path], random, 0.3) for path in sorted(step.paths)}}      # small weights hide others
        wide = step.measured(afar) or before
        outputs, names = _outputs(_influences(step, wide, base if wide is before else afar, changed, random))
        groups = _grouped(path for path in changed if path in before.start)
        step.groups = {name: groups[name] for name in sorted(names)}
    _set_apart(step, base, before, run, random, outputs)
    step.beside = [path for path in step.beside if path not in met.fleeting]
    places = {each.place for each in before.pairs}
    step.kinds = [*_kinds(before, run, {(place, is_second) for place, is_second in outputs if place in places})]
    step.losses = [*(totals(before, outputs) if _are_numbers(before, outputs) else ()), *losses_at(before, outputs)]
    step.losses += _named(before, run, outputs)
    step.still = [path for path in dict.fromkeys([*still, *_alike(step, before, base, changed, outputs)]) if path not in step.carried]
    step.drawn = [*left_as_drawn(step, before, base, outputs)]
    is_step = any(differ(run.start[path], run.end[path]) for path in step.paths if path in run.end)
    found = step if step.losses and step.groups and is_step else None
    own = {each.path for each in step.states if each.share is None} if not states else None
    return (own and _at_instance(file, region, met, instance, own)) or found


def _are_numbers(before: Measure, outputs: Places) -> bool:
    """Return whether each output is a single number that meets its target in a place of its own."""
    pairs = [each for each in before.pairs if {(each.place, False), (each.place, True)} & outputs]
    return all(each.one.size == 1 for each in pairs) and len({each.place for each in pairs}) == len(pairs) > 1


def _alike(step: Step, before: Measure, base: Mapping[str, Array], changed: set[str], outputs: Places) -> Iterator[str]:
    """Yield what is an attribute as trained ones of other objects are, is left as it is, and has an influence on an output."""
    trained = {_attribute(path) for path in step.paths if "." in path}
    for path in [each for each in before.start if each not in changed and "." in each and _attribute(each) in trained][:_MOST_PATHS]:
        way = TINY * noise(before.start[path], np.random.default_rng(0))
        moved = step.measured({**base, path: base.get(path, 0) + way})
        if moved is not None and influenced(before, moved) & outputs:
            yield path


def _is_parameter(path: str) -> bool:
    """Return whether a path is by its name that of weights or biases."""
    return _PARAMETER.search(translated(path)) is not None


def _attribute(path: str) -> str:
    """Return the name of the attribute at the end of a path."""
    return path.rpartition(".")[2].partition("[")[0]


def _is_repeated(plain: Measure, again: Measure | None) -> bool:
    """Return whether the file does the same twice, without which differences say nothing."""
    if again is None or plain.start.keys() != again.start.keys():
        return False
    return not any(differ(old, again.start[path]) for path, old in plain.start.items())


def _set_apart(step: Step, base: Mapping[str, Array], before: Measure, run: Measure, random: np.random.Generator, outputs: Places) -> None:
    """Take out of what is trained what it does not go on from, and momenta; note the states of its update."""
    sizes = (TINY, 1.0)      # a step that goes by signs alone may take back what is moved by little
    moved = functools.partial(_is_replaced, step, base, before, run, random)
    carried = [name for name, paths in step.groups.items() if all(moved(paths, size) for size in sizes)]
    step.carried = [name for name in carried if not _CARRIED.search(translated(name))]
    step.groups = {name: paths for name, paths in step.groups.items() if name not in carried}
    nesterov = [*momenta_among(step, base, run, random)]
    step.groups = {name: paths for name, paths in step.groups.items() if not {*paths} & {each.path for each in nesterov}}
    step.states = [*nesterov, *states_of(step, base, run, random, outputs)]
    step.beside = _beside(step, base, run, random)


def _is_replaced(
    step: Step, base: Mapping[str, Array], before: Measure, run: Measure, random: np.random.Generator, paths: Sequence[str], size: float
) -> bool:
    """Return whether the ends of paths do not go on from their beginnings, moved by so much."""
    ways = {path: size * noise(before.start[path], random) for path in paths}
    moved = step.measured({**base, **{path: base.get(path, 0) + way for path, way in ways.items()}})
    if moved is None or not all(_shape(moved, path) == _shape(run, path) == way.shape for path, way in ways.items()):
        return False
    on = sum(float(np.sum((moved.end[path] - run.end[path]) * way)) for path, way in ways.items())
    return abs(on) < 0.1 * sum(float(np.sum(way * way)) for way in ways.values())


def _beside(step: Step, base: Mapping[str, Array], run: Measure, random: np.random.Generator) -> list[str]:
    """Return what the step changes and goes on from too, as a bias does, on which no output was seen to depend."""
    known = step.paths | {each.path for each in step.states} | {*step.carried} | {*step.data}
    others = [path for path in _changed(run) if path not in known and not (run.start[path].size == 1 and not _is_parameter(path))]
    found = []
    for path in others[:_MOST_PATHS]:
        way = TINY * noise(run.start[path], random)
        moved = None if is_loss(path) or path in run.whole else step.measured({**base, path: base.get(path, 0) + way})
        if moved is not None and _shape(moved, path) == way.shape:
            with np.errstate(invalid="ignore"):      # a mask may have −∞
                shift = moved.end[path] - run.end[path]
            found += [path] if np.sum(shift * way) > 0.99 * np.sum(way * way) else []
    return sorted(found)


def _shape(run: Measure, path: str) -> tuple[int, ...] | None:
    return run.end[path].shape if path in run.end else None


def _named(before: Measure, run: Measure, outputs: Places) -> list[Candidate]:
    """Return the numbers that the file names as losses, without errors that are a difference of an output and its target."""
    meeting = [each for each in before.pairs if each.one.size == 1] if any(line for (line, _), _ in outputs) else []
    pairs = {abs(float(each.one.ravel()[0] - each.other.ravel()[0])) for each in meeting}
    early = [Candidate(name, is_early=True) for name, number in before.early.items() if abs(number) not in pairs and number >= 0]
    known = {*before.early.values()}
    late = [Candidate(name) for name, number in run.losses.items() if abs(number) not in pairs and number >= 0 and number not in known]
    return early + late


def _kinds(before: Measure, run: Measure, outputs: Places) -> Iterator[str]:
    """Yield the kinds of the losses that the file computes of outputs."""
    pairs = [(each, is_second) for place, is_second in outputs for each in before.pairs if each.place == place]
    errors = [(each.one - each.other).ravel() for each, _ in pairs if each.one.shape == each.other.shape]
    if any(_is_one(error, square) or _is_one(-error, square) for error in errors for square in run.squares):
        yield SQUARES
    answers = [(each.other if is_second else each.one).ravel() for each, is_second in pairs]
    if any(np.isclose(each, answer[:, None], rtol=1e-4, atol=1e-9).any(axis=0).all() for answer in answers for each in run.logs):
        yield LOGS


def _is_one(one: Array, other: Array) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-9, atol=0)


def _changed(run: Measure) -> set[str]:
    return {path for path, old in run.start.items() if path in run.end and run.end[path].shape == old.shape and differ(old, run.end[path])}


def _influences(step: Step, plain: Measure, base: Mapping[str, Array], changed: set[str], random: np.random.Generator) -> dict[str, Places]:
    """Return the operands of which places depend on what the region changes of each group; none for groups without any."""
    groups = _grouped(path for path in changed if path in plain.start and not (plain.start[path].size == 1 and is_loss(path)))
    found = {}
    for name, paths in list(groups.items())[: 2 * _MOST_GROUPS]:
        moved = {**base}
        for path in paths:
            old, new = plain.start[path], plain.end.get(path)
            is_changed = new is not None and new.shape == old.shape and differ(old, new)
            moved[path] = base.get(path, 0) + TINY * noise(old, random) * (old != new if is_changed else 1.0)
        everything = {**base, **{path: base.get(path, 0) + TINY * noise(plain.start[path], random) for path in paths}}
        is_all = all(np.all(moved[path] != base.get(path, 0)) for path in paths)
        runs = [step.measured(tried) for tried in ((moved,) if is_all else (moved, everything))]
        if places := set().union(*(influenced(plain, run) for run in runs if run is not None)):
            found[name] = places
    return found


def _outputs(found: Mapping[str, Places]) -> tuple[Places, set[str]]:
    """Return the places, with the operand that is the output: it depends on most of what is changed, and the other on nothing of it.

    Where no two operands meet so, these are the losses by name.
    """
    everywhere: Places = set().union(*found.values())
    of_pairs = {each for each in everywhere if each[0][0]}
    outputs = _outputs_among(of_pairs, found)
    return outputs if outputs[0] else _outputs_among(everywhere - of_pairs, found)


def _outputs_among(everywhere: Places, found: Mapping[str, Places]) -> tuple[Places, set[str]]:
    depends = {each: {name for name, places in found.items() if each in places} for each in everywhere}
    alone = {(place, is_second): names for (place, is_second), names in depends.items() if (place, not is_second) not in everywhere}
    most = max(alone.values(), key=len, default=set())
    best = {each for each, names in alone.items() if names == most}
    if operands := {each for each in best if not is_of_arguments(each[0])}:
        operands |= _others(alone, most)
        return operands, set().union(*(alone[each] for each in operands))
    meeting = {each: names for each, names in alone.items() if not is_of_arguments(each[0]) and 2 * len(names) >= len(most)}
    return ({*meeting}, set().union(*meeting.values())) if meeting else (best, most)      # several outputs, or arguments


def _others(alone: Mapping[tuple[Place, bool], set[str]], most: set[str]) -> Places:
    """Return the operands that are outputs beside one: each depends on half as much or more, some of which no other does."""
    found = [each for each, names in alone.items() if not is_of_arguments(each[0]) and 2 * len(names) >= len(most)]
    return {each for each in found if not any(alone[each] < alone[other] for other in found)}


def _goes_in(step: Step, plain: Measure, fixed: Mapping[str, Array], outputs: Places) -> tuple[list[str], list[str]]:
    """Return the paths, of what is not changed, on which some output depends, and no target: what goes in, and parameters.

    Parameters are so by their names, or as their gradient is computed and read nowhere.
    """
    goes_in: list[str] = []
    still: list[str] = []
    in_vain = differentiated_in_vain(step.file.tree)
    for path, way in fixed.items():
        is_of_vain = plain.start[path].size == 1 and path in in_vain      # an array may be data
        is_parameter = (_is_parameter(path) or is_of_vain) and path not in plain.whole
        if plain.start[path].size == 1 and not is_parameter:
            continue
        moved = step.measured({path: way * TINY})
        if moved is not None:
            places = influenced(plain, moved)
            targets = {(place, is_second) for place, is_second in places if (place, not is_second) in outputs}
            if places & outputs and not targets - outputs:
                (still if is_parameter else goes_in).append(path)
    return goes_in, still


def _grouped(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the paths by their group: each alone if there are few."""
    every = sorted(paths)
    if len(every) <= _MOST_GROUPS:
        return {path: [path] for path in every}
    found: dict[str, list[str]] = {}
    for path in every:
        found.setdefault(re.sub(r"\[\d+\]", "[·]", path), []).append(path)
    return found
