"""Every kind of planted mistake is named, by the new weights alone: in the first network that can have it, those of an optimiser in all.

`make score` takes every mistake in every network.
"""

import pytest

from tests.mistakes.networks import NETWORKS, Network
from tests.mistakes.plant import Plant
from tests.mistakes.plants import plants
from tests.mistakes.plants_updates import in_optimizer
from tests.mistakes.trainer import source
from tests.score import Case, answered

FIRST = {plant.id: (network, plant) for network in reversed(NETWORKS) for plant in reversed(list(plants(network)))}
OF_OPTIMIZERS = [(network, plant) for network in NETWORKS for plant in in_optimizer(network)]


def is_named(network: Network, plant: Plant) -> None:
    outcome = answered(Case("single", network, plant.apply(source(network)), (plant.names,)), "black box", seed=2)
    assert outcome.true, outcome.said
    assert not outcome.wrong, outcome.said


@pytest.mark.parametrize("id", sorted(FIRST))
def test_it_is_named(id: str) -> None:
    is_named(*FIRST[id])


@pytest.mark.parametrize(
    ("network", "plant"), OF_OPTIMIZERS, ids=[f"{plant.id}-{NETWORKS.index(network)}" for network, plant in OF_OPTIMIZERS]
)
def test_it_is_named_with_every_optimizer(network: Network, plant: Plant) -> None:
    is_named(network, plant)
