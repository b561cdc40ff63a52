"""Two planted mistakes in one text, each of which counts: the training differs from what either alone makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.mistakes.networks import Network
from tests.mistakes.plant import Plant
from tests.mistakes.plants import plants
from tests.mistakes.running import gap, problem, trained
from tests.mistakes.trainer import source

_COUNTS = 1e-6      # relative: what differs by less is not told apart
# Where the biases' mean makes good what is missing, the weights' gradients alone are not divided.
_TOGETHER: dict[frozenset[str], tuple[str, ...]] = {
    frozenset(("mean-missing", "bias-mean")): ("mean-missing-in-layer",),
    frozenset(("mean-over-outputs-extra", "factor-2")): ("scaled",),      # 2/k
    frozenset(("mean-missing", "factor-2")): ("sum-for-mean",),      # of two outputs
    frozenset(("sign-flipped", "sign-flipped-in-layer")): ("sign-flipped-in-layer",),      # of all that is not flipped twice
    frozenset(("error-sign", "sum-for-mean")): ("other-loss", "mean-missing"),      # that of l1, summed
}


@dataclass(frozen=True)
class Pair:
    """Two mistakes and the text that has both."""

    first: Plant
    second: Plant
    text: str

    @property
    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What either may rightly be called."""
        together = _TOGETHER.get(frozenset((self.first.id, self.second.id)), ())
        if self.first.id == self.second.id:      # one mistake made in both layers
            together = (f"{self.first.id}({','.join(map(str, sorted((self.first.layer or 0, self.second.layer or 0))))})",)
        return (*self.first.names, *together), (*self.second.names, *together)


def pairs(network: Network, count: int, seed: int) -> Iterator[Pair]:
    """That many pairs of compatible mistakes, drawn from the seed; none that is faint or alone, or needs batches of its own."""
    random = np.random.default_rng(seed)
    text = source(network)
    all_plants = [plant for plant in plants(network) if plant.probe == "any" and not (plant.faint or plant.alone)]
    drawn = problem(network)
    given = dict(drawn.initial_parameters), list(drawn.batches)
    honest = trained(text, *given)
    found = 0
    for _ in range(100 * count):
        if found == count:
            return
        first, second = (all_plants[int(i)] for i in random.choice(len(all_plants), 2, replace=False))
        if first.id == second.id and None in (first.layer, second.layer):
            continue
        try:
            both = second.apply(first.apply(text))
        except ValueError:      # they change the same text
            continue
        try:
            after = trained(both, *given)
        except ArithmeticError:      # both together divide by zero: nobody hands that in
            continue
        if all(gap(after, other) > _COUNTS for other in (honest, trained(first.apply(text), *given), trained(second.apply(text), *given))):
            found += 1
            yield Pair(first, second, both)
