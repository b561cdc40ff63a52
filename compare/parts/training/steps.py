"""Which region of a file is one step of a training: what it trains, what goes into it, and how its loss changes with each of these."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...support.arrays import Array
from .losses import LOGS, SQUARES, losses_for, value
from .running import TrainingFile
from .watch import Measure, Met, Region, Survey

_MOST_GROUPS = 40
_INSTANCES = 2
_MOST_PATHS = 60
_PARAMETER = re.compile(
    r"(^|[._])(b|w|bias\w*|bais\w*|weight\w*|theta|sesgo\w*|umbral\w*|peso\w*|biais|poids|gewicht\w*)[\d_]*"
    r"(_?(hidden|output|input|[hoiy]))*(\[.*\])?$",
    re.IGNORECASE,
)
Place = tuple[int, int | str]
Places = set[tuple[Place, bool]]
_TINY = 1e-3      # of what is moved to see what depends on it
H = 1e-4      # of the spread of what is moved, in differences


@dataclass(frozen=True)
class Candidate:
    """A loss: `name` of a pair at a place, whose output is the second of the two or not, or of a number that the file names."""

    name: str
    place: Place | None = None
    is_second: bool = False

    def of(self, measure: Measure) -> float:
        """Return the loss; NaN where the region has none."""
        if self.place is None:
            return measure.losses.get(self.name, np.nan)
        pairs = [each for each in measure.pairs if each.place == self.place]
        with np.errstate(all="ignore"):
            return value(self.name, pairs, self.is_second) if pairs else np.nan


@dataclass
class Step:
    """A region that is one step: the groups of paths that it trains, what else its outputs depend on, and the losses it may go along."""

    file: TrainingFile
    region: Region
    instance: int
    groups: Mapping[str, Sequence[str]]
    data: Sequence[str]
    losses: Sequence[Candidate]
    kinds: Sequence[str] = ()      # of the losses of its outputs that the file computes, by what it squares and takes logarithms of
    still: Sequence[str] = ()      # parameters by their names, on which the output depends too, and which are not changed

    @property
    def paths(self) -> set[str]:
        """The paths of all that it trains."""
        return {path for group in self.groups.values() for path in group}

    def measured(self, moved: Mapping[str, Array]) -> Measure | None:
        """Return what a run of it shows from moved numbers."""
        measure: Measure | None = self.file.watched_if_it_runs(lambda space: Measure(space, self.region, self.instance, moved, self.paths))
        return measure if measure is not None and measure.end else None


def steps_of(file: TrainingFile) -> Iterator[Step]:
    """Yield the regions that are a step, those deep inside of others first."""
    survey: Survey = file.watched(Survey)
    file.ran = frozenset(line for line, is_call in survey.regions if is_call)
    regions = {region: met for region, met in survey.regions.items() if any(met.changed)}
    for region in sorted(regions, key=lambda each: (-regions[each].depth, each)):
        step = _examined(file, region, regions[region])
        if step is not None:
            yield step


def _examined(file: TrainingFile, region: Region, met: Met) -> Step | None:
    """Return the region as a step, in that of its first instances in which most is trained; None where it is none."""
    every = [_at_instance(file, region, met, instance) for instance in range(_INSTANCES)]
    return max((each for each in every if each is not None), key=lambda each: len(each.groups), default=None)


def _at_instance(file: TrainingFile, region: Region, met: Met, instance: int) -> Step | None:
    changed = set().union(*met.changed) - met.fleeting
    step = Step(file, region, instance, {}, (), ())
    plain = step.measured({})
    if plain is None:
        return None
    random = np.random.default_rng(instance)
    outputs, _ = _outputs(_influences(step, plain, {}, changed, random))
    if not outputs:
        return None
    fixed = {path: _noise(plain.start[path], random) for path in list(plain.start)[:_MOST_PATHS] if path not in changed}
    step.data, still = _goes_in(step, plain, fixed, outputs)
    base = {path: 0.3 * fixed[path] for path in step.data}
    run = step.measured(base)
    if run is None:
        return None
    changed |= _changed(run) - met.fleeting
    before = run
    for _ in range(2):      # what is seen before the first change of what is trained, and what that says is trained
        before = step.measured(base) or before
        outputs, names = _outputs(_influences(step, before, base, changed, random))
        groups = _grouped(path for path in changed if path in before.start)
        step.groups = {name: groups[name] for name in sorted(names)}
    places = {each.place for each in before.pairs}
    step.kinds = [*_kinds(before, run, {(place, is_second) for place, is_second in outputs if place in places})]
    step.losses = [each for place, is_second in sorted(outputs) if place in places for each in _candidates(before, place, is_second)]
    pairs = {abs(float(each.one.ravel()[0] - each.other.ravel()[0])) for each in before.pairs if each.one.size == 1}
    step.losses += [Candidate(name) for name, number in run.losses.items() if abs(number) not in pairs and number >= 0]
    step.still = still
    return step if step.losses and step.groups else None


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
    return {path for path, old in run.start.items() if path in run.end and run.end[path].shape == old.shape and _differ(old, run.end[path])}


def _influences(step: Step, plain: Measure, base: Mapping[str, Array], changed: set[str], random: np.random.Generator) -> dict[str, Places]:
    """Return the operands of which places depend on what the region changes of each group; none for groups without any."""
    groups = _grouped(path for path in changed if path in plain.start)
    found = {}
    for name, paths in list(groups.items())[: 2 * _MOST_GROUPS]:
        moved = {**base}
        for path in paths:
            old, new = plain.start[path], plain.end.get(path)
            is_changed = new is not None and new.shape == old.shape and _differ(old, new)
            moved[path] = base.get(path, 0) + _TINY * _noise(old, random) * (old != new if is_changed else 1.0)
        run = step.measured(moved)
        if run is not None and (places := _influenced(plain, run)):
            found[name] = places
    return found


def _outputs(found: Mapping[str, Places]) -> tuple[Places, set[str]]:
    """Return the places, with the operand that is the output: it depends on most of what is changed, and the other on nothing of it."""
    everywhere: Places = set().union(*found.values())
    if of_pairs := {each for each in everywhere if each[0][0]}:
        everywhere = of_pairs
    depends = {each: {name for name, places in found.items() if each in places} for each in everywhere}
    alone = {(place, is_second): names for (place, is_second), names in depends.items() if (place, not is_second) not in everywhere}
    most = max(alone.values(), key=len, default=set())
    return {each for each, names in alone.items() if names == most}, most


def _goes_in(step: Step, plain: Measure, fixed: Mapping[str, Array], outputs: Places) -> tuple[list[str], list[str]]:
    """Return the paths, of what is not changed, on which some output depends, and no target: what goes in, and parameters by name."""
    goes_in: list[str] = []
    still: list[str] = []
    for path, noise in fixed.items():
        is_parameter = bool(_PARAMETER.search(path)) and path not in plain.whole
        if plain.start[path].size == 1 and not is_parameter:
            continue
        moved = step.measured({path: noise * _TINY})
        if moved is not None:
            influenced = _influenced(plain, moved)
            targets = {(place, is_second) for place, is_second in influenced if (place, not is_second) in outputs}
            if influenced & outputs and not targets - outputs:
                (still if is_parameter else goes_in).append(path)
    return goes_in, still


def _candidates(plain: Measure, place: Place, is_second: bool) -> Iterator[Candidate]:
    pairs = [each for each in plain.pairs if each.place == place]
    outputs, targets = [each.one for each in pairs], [each.other for each in pairs]
    if is_second:
        outputs, targets = targets, outputs
    for name in losses_for(outputs, targets):
        yield Candidate(name, place, is_second)


def _influenced(plain: Measure, moved: Measure) -> Places:
    """Return the places, and which of their two operands, at which anything is another."""
    found = set()
    for one, other in [*zip(plain.pairs, moved.pairs, strict=False), *zip(plain.ends_with, moved.ends_with, strict=False)]:
        if one.place == other.place:
            found |= {(one.place, False)} if _differ(one.one, other.one) else set()
            found |= {(one.place, True)} if _differ(one.other, other.other) else set()
    return found


def _differ(one: Array, other: Array) -> bool:
    return one.shape != other.shape or not np.array_equal(one, other, equal_nan=True)


def _grouped(paths: Iterator[str] | set[str]) -> dict[str, list[str]]:
    """Return the paths by their group: each alone if there are few."""
    every = sorted(paths)
    if len(every) <= _MOST_GROUPS:
        return {path: [path] for path in every}
    found: dict[str, list[str]] = {}
    for path in every:
        found.setdefault(re.sub(r"\[\d+\]", "[·]", path), []).append(path)
    return found


def _noise(value: Array, random: np.random.Generator, least: float = 0.01) -> Array:
    """Return a number of either sign for each, of the size of their spread, but not less than that."""
    spread = float(np.std(value)) or 0.3
    signs, sizes = random.choice((-1.0, 1.0), size=value.shape), random.uniform(0.5, 1.5, size=value.shape)
    return np.asarray(signs * sizes * min(max(spread, least), 1.0))


def moved_from(step: Step, plain: Measure, random: np.random.Generator) -> dict[str, Array]:
    """Return by how much to move what is trained, and what goes in, from where the file begins: each fault is to be seen."""
    trained = {path: 0.5 * _noise(plain.start[path], random, 1 / plain.start[path].size ** 0.25) for path in sorted(step.paths)}
    return trained | {path: 0.3 * _noise(plain.start[path], random) for path in step.data}


def direction_in(step: Step, plain: Measure, group: str, random: np.random.Generator) -> dict[str, Array]:
    """Return a direction in a group, by path."""
    paths = [path for path in step.groups[group] if path in plain.start]
    size = sum(plain.start[path].size for path in paths)
    return {path: _noise(plain.start[path], random, 1 / size**0.25) / np.sqrt(size) for path in paths}


def slopes_along(step: Step, base: Mapping[str, Array], direction: Mapping[str, Array]) -> dict[Candidate, tuple[float, float]]:
    """Return how each loss changes along a direction, and how far differences can be off."""
    runs = {}
    for times in (-2, -1, 1, 2):
        moved = {**base}
        for path, way in direction.items():
            moved[path] = moved.get(path, 0) + times * H * way
        runs[times] = step.measured(moved)
    found = {}
    for loss in step.losses:
        numbers = [np.nan if (run := runs[times]) is None else loss.of(run) for times in (-2, -1, 1, 2)]
        wide, narrow = (numbers[3] - numbers[0]) / (4 * H), (numbers[2] - numbers[1]) / (2 * H)
        error = abs(wide - narrow) + 8 * np.finfo(float).eps * max(map(abs, numbers)) / H
        found[loss] = float((4 * narrow - wide) / 3), float(error)
    return found


