"""Mistakes met in people's files are named with their stages shown too, each reading in the first network that can have it."""

import pytest

from tests.mistakes.networks import NETWORKS, Network
from tests.mistakes.plant import Plant
from tests.mistakes.plants_met import GROUPS, losses
from tests.mistakes.trainer import source
from tests.score import Case, Outcome, answered

pytestmark = pytest.mark.sampled(6)

FIRST = {
    (plant.id, plant.variant): (network, plant)
    for network in reversed(NETWORKS)
    for group in reversed((*GROUPS, losses))
    for plant in reversed(list(group(network)))
}


def shown(network: Network, plant: Plant) -> Outcome:
    return answered(Case("single", network, plant.apply(source(network)), (plant.names,)), "stages", seed=2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("id", "variant"), sorted(FIRST))
def test_it_is_named_with_its_stages_shown(id: str, variant: str) -> None:
    outcome = shown(*FIRST[id, variant])
    assert outcome.true, outcome.said
    assert not outcome.wrong, outcome.said


@pytest.mark.parametrize("layer", [2, None])
def test_a_bias_gradient_of_zero_is_no_sum_of_errors_that_add_up_to_zero(layer: int | None) -> None:
    """A softmax's errors do, over the units, but for rounding."""
    network = next(network for network in NETWORKS if network.errors_sum_to_zero and network.bias)
    plant = next(plant for group in GROUPS for plant in group(network) if (plant.id, plant.layer) == ("gradient-missing", layer))
    outcome = shown(network, plant)
    assert outcome.true
    assert outcome.first
    assert outcome.unique
    assert "summed" not in outcome.said
