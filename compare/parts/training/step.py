"""One step of a training: the region of the file, what it trains, and the losses along which it may go."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...support.arrays import Array
from .losses import value
from .running import TrainingFile
from .watch import Measure, Region

Place = tuple[int, int | str]
Places = set[tuple[Place, bool]]


@dataclass(frozen=True)
class State:
    """An array on which, beside the gradient, the update of a trained one depends, as a momentum.

    `share` is how much of it goes on to the trained one, and `kept` how much of it is left after the step; None where these are not one
    number each, as in Adam.
    """

    path: str
    of: str
    share: float | None = None
    kept: float | None = None


@dataclass(frozen=True)
class Candidate:
    """A loss: `name` of a pair at a place, whose output is the second of the two or not, or of a number that the file names."""

    name: str
    place: Place | None = None
    is_second: bool = False
    is_early: bool = False      # whether the number is had before the first change

    def of(self, measure: Measure) -> float:
        """Return the loss; NaN where the region has none."""
        if self.place is None:
            return (measure.early if self.is_early else measure.losses).get(self.name, np.nan)
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
    drawn: Sequence[str] = ()      # the same by any names, which the file draws as it does weights
    carried: Sequence[str] = ()      # what the output depends on too, and which is replaced by something that does not go on from it
    beside: Sequence[str] = ()      # what it changes and goes on from, and on which no output was seen to depend
    states: Sequence[State] = ()
    inside: Collection[Region] = ()      # the regions around it

    @property
    def paths(self) -> set[str]:
        """The paths of all that it trains."""
        return {path for group in self.groups.values() for path in group}

    def measured(self, moved: Mapping[str, Array]) -> Measure | None:
        """Return what a run of it shows from moved numbers; None where it does not end, or with other shapes of what it trains."""
        run: Measure | None = self.file.watched_if_it_runs(lambda space: Measure(space, self.region, self.instance, moved, self.paths))
        if run is None or not run.end:
            return None
        both = self.paths & run.start.keys() & run.end.keys()
        return run if all(run.start[path].shape == run.end[path].shape for path in both) else None
