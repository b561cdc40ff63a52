"""The formulas of the catalogue make the numbers of the trainer that has the mistake: each reading of it, in the first network.

No search is made here; what a check finds of the same texts, the other files try.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.diagnosis.catalogue import CATALOGUE
from compare.diagnosis.graph import Node, Step
from compare.diagnosis.matcher import Matcher
from compare.diagnosis.mistake import Cause
from compare.support.arrays import Array
from tests.mistakes.networks import NETWORKS, Network
from tests.mistakes.plant import Plant
from tests.mistakes.plants import plants
from tests.mistakes.plants_met import losses
from tests.mistakes.plants_updates import SOFT
from tests.mistakes.running import RATES, attempt, probe, problem
from tests.mistakes.trainer import source
from tests.score import _is_any

OTHERS = (
    Network((3, 4, 2), ("tanh", "sigmoid"), reduction="sum", lr=0.1),
    Network((3, 4, 2), ("tanh", "sigmoid"), options={"momentum": 0.9, "dampening": 0.5}),
)
FIRST = {
    (plant.id, plant.variant): (network, plant)
    for network in reversed((*NETWORKS, *OTHERS))
    for plant in reversed([*plants(network), *losses(network)])
}
CALLED = [(name, network, plant) for network, plant in FIRST.values() for name in plant.also if name != SOFT]


def matcher_of(network: Network, plant: Plant) -> Matcher:
    """The new weights of three steps of the trainer with the mistake, or the loss if that has it, and the search for what makes them."""
    params, batches = probe(network, plant)
    names = attempt(plant.apply(source(network)))
    steps: list[Step] = []
    shown: dict[Node, Array] = {}
    for i, ((x, y), lr) in enumerate(zip(batches, RATES, strict=True)):
        before = {name: np.array(array) for name, array in params.items()}
        steps.append(Step(x, y, lr, before, i + 1, i - 1 if i else None))
        seen = names["step"](params, x.copy(), y.copy(), lr)
        params = names["after"](seen)
        if plant.id.startswith("loss-"):
            shown["loss", i, 0] = np.array(seen["loss"])
        for layer in network.layers:
            shown["weight_after", i, layer] = np.array(params[network.weight(layer)])
            if network.bias:
                shown["bias_after", i, layer] = np.array(params[network.bias_name(layer)])
    return Matcher(problem(network), steps, shown)


def causes(matcher: Matcher, names: tuple[str, ...]) -> Iterator[Cause]:
    """The mistakes of those names, whose formulas make all that is shown."""
    yield from (cause for cause in matcher.causes if _is_any(names, [(cause.id, cause.layers)]) and matcher.explains(cause.formulas))
    yield from (cause for each in matcher.scales() for cause in each.causes if _is_any(names, [(cause.id, cause.layers)]))


def _of_each() -> Iterator[Any]:
    """Yield each mistake in each variant, of which the first is in the fast lane."""
    ids = set[str]()
    for id, variant in sorted(FIRST):
        yield pytest.param(id, variant, marks=[pytest.mark.slow] if id in ids else [])
        ids.add(id)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("id", "variant"), list(_of_each()))
def test_its_formulas_make_the_numbers(id: str, variant: str) -> None:
    network, plant = FIRST[id, variant]
    assert any(causes(matcher_of(network, plant), plant.names))


@pytest.mark.sampled(23)
@pytest.mark.parametrize(
    ("id", "variant", "number"),
    [
        ("penalty-l2", "after the step, times lr", 0.01),
        ("penalty-l2", "of the weights", 0.01),
        ("penalty-l1", "of the weights", 0.003),
        ("loss-penalty", "of the weights", 0.005),
        ("slope-raised", "", 0.1),
        ("targets-smoothed", "0.05", 0.05),
        ("gradient-clipped", "to 0.02", 0.02),
        ("velocity-clipped", "to 0.02", 0.02),
        ("error-clipped", "δ", 0.003),
        ("relu-threshold", "both ways", 0.1),
        ("momentum-other", "0.8", 0.8),
        ("adam-beta-other", "β₁ = 0.8", 0.8),
        ("adam-eps-other", "1e-3", 1e-3),
        ("lr-decays", "0.9^t", 0.9),
    ],
)
def test_the_number_in_it_is_the_one_that_was_planted(id: str, variant: str, number: float) -> None:
    network, plant = FIRST[id, variant]
    (found,) = (each for each in matcher_of(network, plant).scales() if each.causes[0].id == id)
    said = f"{found.causes[0].sentence}: {found.causes[0].mistake.actual}"
    assert re.search(rf"(?<![-−\d.]){number:g}(?!\d)", said), said


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("name", "network", "plant"), CALLED, ids=[f"{plant.id}-{name}" for name, _, plant in CALLED])
def test_another_name_makes_the_same_numbers(name: str, network: Network, plant: Plant) -> None:
    assert any(causes(matcher_of(network, plant), (name,)))


def test_every_mistake_of_the_catalogue_is_planted() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].rglob("*.py"))
    assert not [mistake.id for mistake in CATALOGUE if f'"{mistake.id}"' not in texts]
