"""A page: a file that goes forward and back once, outside of any loop. It is a step, as it has gradients of parameters, or new ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ....support.arrays import Array
from ..step import Candidate, Places, Step
from ..watch import Measure
from .names import is_parameter
from .shown import Shown
from .watch import PageMeasure


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


def named(run: Measure, everywhere: Places) -> Iterator[Candidate]:
    """Yield the numbers that the file names as losses, without errors that are a difference of something that depends on no parameter."""
    both = {place for place, is_second in everywhere if (place, not is_second) in everywhere}
    differences = [each for each in run.pairs if each.one.size == 1 and each.place not in both]
    pairs = {abs(float(each.one.ravel()[0] - each.other.ravel()[0])) for each in differences}
    yield from (Candidate(name) for name, number in run.losses.items() if abs(number) not in pairs and number >= 0)
