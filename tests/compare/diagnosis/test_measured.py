"""A mistake with a number of its own: the number is measured, has to be a short one, and has to make all that was shown."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compare import Problem
from compare.diagnosis.catalogue import CATALOGUE, kind_of
from compare.diagnosis.catalogue.numbers import FAMILIES
from compare.diagnosis.graph import Node, Run, Step, places
from compare.diagnosis.matcher import Matcher
from compare.support.arrays import Array

STEPS, LAYERS = 3, (2, 1)


def drawn() -> tuple[Problem, list[Step], Run]:
    problem = Problem.draw((4, 3, 2), activations=("tanh", "sigmoid"), bias=True, loss="half_mse", lr=0.1)
    lrs = (0.1, 0.3, 0.2)
    steps = [Step(*problem.batch(i + 1)[:2], lrs[i], problem.initial_parameters, i + 1, i - 1 if i else None) for i in range(STEPS)]
    return problem, steps, Run(problem, steps)


def gradients(change: Mapping[int, Any]) -> tuple[Problem, list[Step], dict[Node, Array]]:
    """The right gradients, those of weights each with what `change` makes of it and of the weight, by layer."""
    problem, steps, right = drawn()
    shown = {}
    for i in range(STEPS):
        for layer in LAYERS:
            g, w = right("weight_used", i, layer).value, right("weight", i, layer).value
            shown["weight_used", i, layer] = change[layer](g, w)
            shown["bias_used", i, layer] = right("bias_used", i, layer).value
    return problem, steps, shown


def measured(change: Mapping[int, Any]) -> list[tuple[str, tuple[int, ...], str]]:
    problem, steps, shown = gradients(change)
    found = Matcher(problem, steps, shown, CATALOGUE).scales()
    return [(cause.id, cause.layers, cause.sentence) for each in found for cause in each.causes]


@pytest.mark.parametrize("strength", [0.0125, 1e-4, 2.0, 0.03])
def test_the_strength_of_a_penalty_is_measured(strength: float) -> None:
    found = measured(dict.fromkeys(LAYERS, lambda g, w: g + strength * w))
    assert [(id, layers) for id, layers, _ in found] == [("penalty-l2", (1, 2))]
    assert f"asked for, {strength:g} w," in found[0][2]


def test_a_penalty_of_the_absolute_weights_is_another() -> None:
    found = measured({1: lambda g, w: g, 2: lambda g, w: g + 0.003 * np.sign(w)})
    assert [(id, layers) for id, layers, _ in found] == [("penalty-l1", (2,))]


def test_the_threshold_of_a_clip_is_measured() -> None:
    found = measured(dict.fromkeys(LAYERS, lambda g, w: np.clip(g, -0.015, 0.015)))
    assert [(id, layers) for id, layers, _ in found] == [("gradient-clipped", (1, 2))]
    assert found[0][2].endswith("±0.015")


def test_no_number_lies_between_bounds_that_are_the_other_way_round() -> None:
    """A gradient of −0.25 everywhere is what np.clip makes of 0.25 and −0.25, and no clip."""
    assert measured(dict.fromkeys(LAYERS, lambda g, w: np.full_like(g, -0.25))) == []


@pytest.mark.parametrize(
    "change",
    [
        {1: lambda g, w: g + 0.01 * w, 2: lambda g, w: g + 0.02 * w},
        dict.fromkeys(LAYERS, lambda g, w: g + 0.01 * w**3),
        dict.fromkeys(LAYERS, lambda g, w: np.clip(g, -0.01, 0.02)),
        dict.fromkeys(LAYERS, lambda g, w: g + 0.012345678912 * w),
    ],
)
def test_a_number_that_does_not_make_everything_is_not_named(change: Mapping[int, Any]) -> None:
    """Another strength in each layer; another power; two thresholds; a number that nobody writes."""
    assert measured(change) == []


@pytest.mark.parametrize("decay", ["all", "weights"])
def test_another_weight_decay_is_of_the_parameters_that_decay(decay: str) -> None:
    options = {"weight_decay": 0.05, "decay": decay}
    problem = Problem.draw((4, 3, 2), activations=("tanh", "sigmoid"), bias=True, loss="half_mse", lr=0.1, optimizer_options=options)
    steps = [Step(*problem.batch(i + 1)[:2], 0.1, problem.initial_parameters, i + 1, i - 1 if i else None) for i in range(STEPS)]
    other = Run(replace(problem, optimizer_options={**problem.optimizer_options, "weight_decay": 0.02}), steps)
    shown = {(f"{kind}_step", i, n): other(f"{kind}_step", i, n).value for i in range(STEPS) for kind, n in places(problem)}
    found = Matcher(problem, steps, shown, CATALOGUE).scales()
    (cause,) = (cause for each in found for cause in each.causes)
    assert cause.sentence == "weight decay of every layer is 0.02, which is not what is asked for"


def test_a_family_says_what_it_is() -> None:
    for family in FAMILIES:
        mistake = family.at(family.usual)
        assert "{number}" not in mistake.sentence + mistake.actual
        assert f"{family.usual:g}" in mistake.sentence + mistake.actual
        assert mistake.expected != mistake.actual
        assert kind_of(mistake) != "a factor"
