"""How numbers of a region are moved, to see what depends on them, and how its losses change with them."""

from collections.abc import Mapping

import numpy as np

from ...support.arrays import Array
from .step import Candidate, Places, Step
from .watch import Measure

TINY = 1e-3      # of what is moved to see what depends on it
H = 1e-4      # of the spread of what is moved, in differences


def noise(value: Array, random: np.random.Generator, least: float = 0.01) -> Array:
    """Return a number of either sign for each, of the size of their spread, but not less than that."""
    finite = value[np.isfinite(value)]      # a mask may have −∞
    spread = float(np.std(finite) if finite.size else 0.0) or 0.3
    signs, sizes = random.choice((-1.0, 1.0), size=value.shape), random.uniform(0.5, 1.5, size=value.shape)
    return np.asarray(signs * sizes * min(max(spread, least), 1.0))


def differ(one: Array, other: Array) -> bool:
    """Return whether two arrays are not the same."""
    return one.shape != other.shape or not np.array_equal(one, other, equal_nan=True)


def influenced(plain: Measure, moved: Measure) -> Places:
    """Return the places, and which of their two operands, at which anything is another."""
    found = set()
    for one, other in [*zip(plain.pairs, moved.pairs, strict=False), *zip(plain.ends_with, moved.ends_with, strict=False)]:
        if one.place == other.place:
            found |= {(one.place, False)} if differ(one.one, other.one) else set()
            found |= {(one.place, True)} if differ(one.other, other.other) else set()
    return found


def moved_from(step: Step, plain: Measure, random: np.random.Generator) -> dict[str, Array]:
    """Return by how much to move what is trained, and what goes in, from where the file begins: each fault is to be seen.

    States begin at 0, where an update is a multiple of the gradient.
    """
    trained = {path: 0.5 * noise(plain.start[path], random, 1 / plain.start[path].size ** 0.25) for path in sorted(step.paths)}
    states = {each.path: -plain.start[each.path] for each in step.states if each.path in plain.start}
    return trained | {path: 0.3 * noise(plain.start[path], random) for path in step.data} | states


def direction_in(step: Step, plain: Measure, group: str, random: np.random.Generator, run: Measure) -> dict[str, Array]:
    """Return a direction in a group, by path, along which no number goes as far as others go at most: these may be clipped."""
    paths = [path for path in step.groups[group] if path in plain.start]
    size = sum(plain.start[path].size for path in paths)
    gone = {path: abs(run.end[path] - run.start[path]) for path in step.paths if path in run.end and path in run.start}
    most = max((float(np.max(each)) for each in gone.values()), default=0.0)
    clipped = {path: np.isclose(each, most, rtol=1e-12, atol=0) for path, each in gone.items()}
    is_clipped = sum(int(each.sum()) for each in clipped.values()) > 1 and step.file.clips
    ways = {path: noise(plain.start[path], random, 1 / size**0.25) / np.sqrt(size) for path in paths if path in gone}
    return {path: way * ~clipped[path] if is_clipped else way for path, way in ways.items()}


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
