"""Every kind of planted mistake is named, by the new weights alone: in the first network that can have it, those of an optimiser in all.

`make score` takes every mistake in every network.
"""

from pathlib import Path

import pytest

from compare import check
from compare.diagnosis.catalogue import CATALOGUE
from compare.problem.from_dict import declared_problem
from tests.mistakes.networks import NETWORKS, Network
from tests.mistakes.plant import Plant, edited
from tests.mistakes.plants import plants
from tests.mistakes.plants_updates import in_optimizer
from tests.mistakes.trainer import STYLES, gradient, slope, source
from tests.score import Case, _is_any, answered

pytestmark = pytest.mark.sampled(12)

FIRST = {plant.id: (network, plant) for network in reversed(NETWORKS) for plant in reversed(list(plants(network)))}
OF_OPTIMIZERS = [(network, plant) for network in NETWORKS for plant in in_optimizer(network)]


def is_named(network: Network, plant: Plant) -> None:
    outcome = answered(Case("single", network, plant.apply(source(network)), (plant.names,)), "black box", seed=2)
    assert outcome.true, outcome.said
    assert not outcome.wrong, outcome.said


@pytest.mark.parametrize("id", sorted(FIRST))
def test_it_is_named(id: str) -> None:
    is_named(*FIRST[id])


@pytest.mark.sampled(10)
@pytest.mark.parametrize(
    ("network", "plant"), OF_OPTIMIZERS, ids=[f"{plant.id}-{NETWORKS.index(network)}" for network, plant in OF_OPTIMIZERS]
)
def test_it_is_named_with_every_optimizer(network: Network, plant: Plant) -> None:
    is_named(network, plant)


SHOWN = [(network, style, plant) for style in STYLES[1:] for network in NETWORKS[:12] for plant in plants(network, style)]
IN_A_STYLE = {
    f"{plant.name} {plant.variant}, {style.name}, {NETWORKS.index(network)}": (network, style, plant)
    for network, style, plant in SHOWN
    if plant.id == "softmax-axis"
    or (plant.variant == "δ" and network.depth == plant.layer and plant.id == "error-clipped")
    or (plant.variant == "of the weights" and network.depth == plant.layer and plant.id in ("gradient-missing", "sign-flipped-in-layer"))
}


@pytest.mark.parametrize("name", list(IN_A_STYLE)[::3])
def test_it_is_named_where_stages_are_shown_in_a_scale_of_their_own(name: str) -> None:
    network, style, plant = IN_A_STYLE[name]
    outcome = answered(Case("single", network, plant.apply(source(network, style)), (plant.names,), style=style), "stages", seed=2)
    assert outcome.true, outcome.said
    assert not outcome.wrong, outcome.said


def test_a_name_is_not_lost_where_the_bounds_of_more_records_overflow() -> None:
    """An update by each record's whole gradient, with momentum: after 43 records no bound is finite."""
    network = next(network for network in NETWORKS if network.sizes == (3, 4, 2) and network.options.get("nesterov"))
    plant = next(plant for plant in plants(network) if (plant.id, plant.variant) == ("update-per-record", "the whole learning rate"))
    is_named(network, plant)


GRADIENTS = """

of_all = trace


def gradients(params, x, y):
    seen = of_all(params, x, y)
    return {name: seen[f"d{'W' if name.endswith('weight') else 'b'}{int(name[0]) // 2 + 1}"] for name in params}


del trace
"""


@pytest.mark.slow
@pytest.mark.parametrize("network", [NETWORKS[1], NETWORKS[3], NETWORKS[13]], ids=lambda network: f"{network.sizes}-{network.optimizer}")
def test_a_mistake_beside_one_in_the_update_is_not_named_twice(tmp_path: Path, network: Network) -> None:
    """The missing f′ explains the biases' gradient too; and what is halved is the step, as the output layer's gradients are right."""
    halved = [(f"= {part}{i} + step_{part}{i}", f"= {part}{i} + 0.5 * step_{part}{i}") for i in network.layers for part in "Wb"]
    path = tmp_path / "attempt.py"
    path.write_text(edited(source(network), ((slope(1), "1.0"), *halved), "both") + GRADIENTS, encoding="utf-8")
    causes = [found.causes[0] for found in check(path, problem=network.problem(), seed=2, steps=0).diagnosis]
    assert [cause.id for cause in causes] == ["slope-missing", "factor-half"]
    assert causes[1].sentence == "every step is half as large as it should be"


@pytest.mark.slow
def test_what_the_gradients_shown_have_not_is_said_to_be_in_the_update_alone(tmp_path: Path) -> None:
    network = NETWORKS[3]
    text = edited(source(network), ((", db3, lr)", ", db3 / n, lr)"), (slope(2), "1.0")), "both") + GRADIENTS
    path = tmp_path / "attempt.py"
    path.write_text(text, encoding="utf-8")
    first, second = (found.causes[0].sentence for found in check(path, problem=network.problem(), seed=2, steps=0).diagnosis)
    assert first.startswith("f′ is left out")
    assert second.startswith("in the update alone, the bias gradient of the output layer is averaged")


def test_one_layer_is_not_all_of_them() -> None:
    """What the score takes for the truth: a mean that is taken twice may be called one of every layer, and not of one."""
    network = next(network for network in NETWORKS if network.reduction == "mean" and network.depth == 2)
    problem = declared_problem(network.problem())
    names = next(plant.names for plant in plants(network) if plant.id == "mean-twice")
    causes = [cause for mistake in CATALOGUE if mistake.id == "mean-twice-in-layer" for cause in mistake.causes(problem)]
    assert {cause.layers: _is_any(names, [(cause.id, cause.layers)]) for cause in causes} == {(1,): False, (2,): False, (1, 2): True}


def test_a_mistake_of_hidden_layers_is_not_looked_for_in_the_output_layer() -> None:
    """Where one is found, and a gradient of the output layer is wrong for a reason of its own."""
    network = next(network for network in NETWORKS if network.depth == 3)
    known = next(plant for plant in plants(network) if plant.id == "slope-again-back")
    odd = edited(known.apply(source(network)), ((gradient(3), f"({gradient(3)} + 0.1 * r)"),), "odd")
    outcome = answered(Case("pair", network, odd, (known.names,)), "stages", seed=2)
    assert outcome.verdict == "different"


def test_a_cast_that_may_give_either_of_two_whole_numbers_explains_nothing() -> None:
    """Signs times n are whole numbers but for rounding: a bound from one to the next would explain any error between the two."""
    network = next(network for network in NETWORKS if network.options.get("nesterov"))
    plants_of_it = {plant.name: plant for plant in plants(network)}
    first, second = plants_of_it["error-sign"], plants_of_it["bias-mean-missing(2)"]
    text = second.apply(first.apply(source(network)))
    outcome = answered(Case("pair", network, text, (first.names, second.names)), "stages", seed=0)
    assert outcome.true, outcome.said
    assert not outcome.wrong, outcome.said
