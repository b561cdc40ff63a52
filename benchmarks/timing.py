"""The clock: competitors timed by turns in one process, and the ratios of what they took."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

Times = Mapping[str, Sequence[float]]      # by competitor, each round's seconds


@dataclass(frozen=True)
class Competitor:
    """What is timed: `run()`, after `prepare()`, which is not. Where `run` does a part of the work, `scale` makes up for it."""

    name: str
    prepare: Callable[[], None]
    run: Callable[[], object]
    scale: int = 1

    def seconds(self) -> float:
        """The wall-clock time of one run, with the garbage collector off, times `scale`."""
        self.prepare()
        gc.collect()
        gc.disable()
        try:
            start = perf_counter()
            self.run()
            return self.scale * (perf_counter() - start)
        finally:
            gc.enable()


@dataclass(frozen=True)
class Ratio:
    """One competitor's time over those of others, run one after the other; with a `bar`, at most that."""

    name: str
    of: str
    over: tuple[str, ...]
    bar: float | None = None

    def value(self, times: Times) -> float:
        """The median of the rounds' ratios; each is taken within its round, so that a slow spell hits both of its sides."""
        pairs = ((times[self.of][i], sum(times[name][i] for name in self.over)) for i in range(len(times[self.of])))
        return median(above / below for above, below in pairs)

    def met(self, times: Times) -> bool | None:
        """Whether the bar is met; None without one."""
        return None if self.bar is None else self.value(times) <= self.bar


def interleaved(competitors: Sequence[Competitor], rounds: int) -> Times:
    """Each competitor's times over that many rounds, after a warm-up round; every other round runs them in reverse."""
    times: dict[str, list[float]] = {competitor.name: [] for competitor in competitors}
    for number in range(rounds + 1):
        for competitor in competitors if number % 2 == 0 else reversed(competitors):
            seconds = competitor.seconds()
            if number > 0:
                times[competitor.name].append(seconds)
    return times
