"""Every kind of planted mistake is named, by the new weights alone, in the first network that can have it; `make score` takes them all."""

import pytest

from tests.mistakes.networks import NETWORKS
from tests.mistakes.plants import plants
from tests.mistakes.trainer import source
from tests.score import Case, answered

FIRST = {plant.id: (network, plant) for network in reversed(NETWORKS) for plant in reversed(list(plants(network)))}


@pytest.mark.parametrize("id", sorted(FIRST))
def test_it_is_named(id: str) -> None:
    network, plant = FIRST[id]
    outcome = answered(Case("single", network, plant.apply(source(network)), (plant.names,)), "black box", seed=2)
    assert outcome.true, outcome.said
    assert not outcome.wrong, outcome.said
