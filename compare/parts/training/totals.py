"""The losses of what meets at places of a step: of one output each, and of several that are single numbers together."""

from collections.abc import Iterator
from dataclasses import dataclass

from .losses import losses_for
from .step import Candidate, Place, Places
from .watch import Measure

_MOST_OUTPUTS = 6      # single numbers, in one loss


@dataclass(frozen=True)
class Total(Candidate):
    """A loss over several places: what is there is summed."""

    more: tuple[Candidate, ...] = ()

    def of(self, measure: Measure) -> float:
        """Return the loss; NaN where the page has none."""
        return sum((each.of(measure) for each in self.more), start=super().of(measure))


def candidates(plain: Measure, place: Place, is_second: bool) -> Iterator[Candidate]:
    """Yield the losses of the output at one place."""
    pairs = [each for each in plain.pairs if each.place == place]
    outputs, targets = [each.one for each in pairs], [each.other for each in pairs]
    if is_second:
        outputs, targets = targets, outputs
    for name in losses_for(outputs, targets):
        yield Candidate(name, place, is_second)


def losses_at(run: Measure, outputs: Places) -> Iterator[Candidate]:
    """Yield the losses of each output."""
    places = {each.place for each in run.pairs}
    for place, is_second in sorted(outputs):
        if place in places:
            yield from candidates(run, place, is_second)


def totals(run: Measure, outputs: Places) -> Iterator[Candidate]:
    """Yield the losses of several outputs, each a number that meets its target in another place; what meets twice counts once."""
    distinct: dict[float, tuple[Candidate, ...]] = {}
    for each in run.pairs:
        for is_second in (False, True):
            if (each.place, is_second) in outputs and each.one.size == each.other.size == 1:
                error = float(f"{abs(float(each.one.ravel()[0] - each.other.ravel()[0])):.12g}")
                distinct.setdefault(error, tuple(candidates(run, each.place, is_second)))
    every = list(distinct.values())[:_MOST_OUTPUTS]
    for count in range(len(every), 1, -1):
        for first in range(len(every) - count + 1):
            last = first + count
            for name in dict.fromkeys(each.name for each in every[first]):
                same = [each for some in every[first:last] for each in some if each.name == name]
                if len(same) == last - first:
                    yield Total(name, same[0].place, same[0].is_second, more=tuple(same[1:]))


def is_of_arguments(place: Place) -> bool:
    """Return whether two arguments of a call meet there, and no operands."""
    return isinstance(place[1], int) and place[1] < -1
