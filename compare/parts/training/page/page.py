"""A page: a file that goes forward and back once, outside of any loop. It is a step, as it has gradients of parameters, or new ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ....support.arrays import Array
from ..step import Candidate, Places, Step
from ..steps import _candidates
from ..watch import Measure
from .names import is_parameter
from .shown import Shown
from .watch import PageMeasure

_MOST_OUTPUTS = 6      # single numbers, in one loss


@dataclass(frozen=True)
class Total(Candidate):
    """A loss over several places: what is there is summed."""

    more: tuple[Candidate, ...] = ()

    def of(self, measure: Measure) -> float:
        """Return the loss; NaN where the page has none."""
        return sum((each.of(measure) for each in self.more), start=super().of(measure))


@dataclass
class Page(Step):
    """A step that is a page. `births` has for each number the statement that makes it, and `last` is the statement that ends the page."""

    shown: Mapping[str, Shown] = field(default_factory=dict)
    births: Mapping[str, int] = field(default_factory=dict)
    last: int = 0
    lacking: Sequence[str] = ()      # parameters by their names, on which the output depends, and of which nothing is shown
    misfits: Sequence[tuple[str, str, int, int]] = ()      # parameters, what is shown of them, and how many numbers both have

    def measured(self, moved: Mapping[str, Array]) -> Measure | None:
        """Return what a run of it shows, with these numbers moved as soon as they are there."""
        measure: PageMeasure | None = self.file.watched_if_it_runs(
            lambda space: PageMeasure(space, moved, self.births, self.last, self.shown), self.file.page
        )
        return measure if measure is not None and measure.end else None

    @property
    def is_new(self) -> bool:
        """Whether new parameters are shown, and no gradients."""
        return all(each.is_new for each in self.shown.values())

    @property
    def is_sure(self) -> bool:
        """Whether what is shown is meant as one step: by names of parameters or gradients, and as no loop makes it, which may hold more."""
        are_gradients = len(self.shown) > 1 and all("grad" in each.path.lower() for each in self.shown.values())
        return (are_gradients or any(is_parameter(path) for path in self.shown)) and not any(each.in_loop for each in self.shown.values())

    def turned(self) -> "Page":
        """Return the page as if its parameters went the other way."""
        return replace(self, shown={path: replace(each, is_turned=not each.is_turned) for path, each in self.shown.items()})


def losses_at(run: Measure, outputs: Places) -> Iterator[Candidate]:
    """Yield the losses of each output."""
    places = {each.place for each in run.pairs}
    for place, is_second in sorted(outputs):
        if place in places:
            yield from _candidates(run, place, is_second)


def totals(run: Measure, outputs: Places) -> Iterator[Candidate]:
    """Yield the losses of several outputs, each a number that meets its target in another place; what meets twice counts once."""
    distinct: dict[float, tuple[Candidate, ...]] = {}
    for each in run.pairs:
        for is_second in (False, True):
            if (each.place, is_second) in outputs and each.one.size == each.other.size == 1:
                error = float(f"{abs(float(each.one.ravel()[0] - each.other.ravel()[0])):.12g}")
                distinct.setdefault(error, tuple(_candidates(run, each.place, is_second)))
    every = list(distinct.values())[:_MOST_OUTPUTS]
    for count in range(len(every), 1, -1):
        for first in range(len(every) - count + 1):
            last = first + count
            for name in dict.fromkeys(each.name for each in every[first]):
                same = [each for some in every[first:last] for each in some if each.name == name]
                if len(same) == last - first:
                    yield Total(name, same[0].place, same[0].is_second, more=tuple(same[1:]))


def named(run: Measure) -> Iterator[Candidate]:
    """Yield the numbers that the file names as losses, without errors that are a difference."""
    pairs = {abs(float(each.one.ravel()[0] - each.other.ravel()[0])) for each in run.pairs if each.one.size == 1}
    yield from (Candidate(name) for name, number in run.losses.items() if abs(number) not in pairs and number >= 0)
