"""Trials go farther than the probes in one respect, by as much as they say, and leave all else moderate."""

import numpy as np
import pytest

from compare.declared import declared_problem
from compare.diagnosis.graph import Run
from compare.diagnosis.probes import Probe, steps_of
from compare.problem import Problem
from compare.trials import Direction, directions

DEEP = {"sizes": (4, 5, 3, 2), "activations": ("tanh", "relu", "identity"), "bias": True, "loss": "mse"}
LESSON = {"sizes": (6, 2, 1)}


def trials(problem: Problem, said: str, seed: int = 1) -> list[tuple[Direction, float, Probe]]:
    """Every trial of the directions of which that is said."""
    with np.errstate(all="ignore"):
        found = [(each, value, each.at(value)) for each in directions(problem, seed, None) if said in each.where for value in each.values]
    return [(direction, value, probe) for direction, value, probe in found if probe is not None]


def pre_activations(problem: Problem, probe: Probe) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        run = Run(problem, steps_of((probe,), [probe.parameters]))
        return [run("z", 0, layer).value for layer in range(1, len(problem.layers) + 1)]


@pytest.mark.parametrize("options", [DEEP, LESSON])
def test_z_of_one_layer_goes_as_far_as_it_says_and_no_other_does(options: dict[str, object]) -> None:
    problem = declared_problem(options)
    found = [each for each in trials(problem, "z ") if each[0].layer]
    assert {each.layer for each, _, _ in found} == set(range(1, len(problem.layers) + 1))
    for direction, far, probe in found:
        z = pre_activations(problem, probe)
        assert np.abs(z[direction.layer - 1]).max() == pytest.approx(far)
        assert (z[direction.layer - 1].min() < -far / 2) == ("below 0" in direction.where)
        assert all(np.abs(each).max() < 8 for number, each in enumerate(z, start=1) if number != direction.layer)


def test_weights_and_biases_of_one_layer_are_large_where_z_is_not() -> None:
    problem = declared_problem(DEEP)
    for kind, shape in (("weights", 2), ("biases", 1)):
        found = trials(problem, f"{kind} of")
        assert {each.layer for each, _, _ in found} == {1, 2, 3}
        for direction, value, probe in found:
            name = f"{2 * (direction.layer - 1)}.{'weight' if shape == 2 else 'bias'}"
            assert value / 10 < np.abs(probe.parameters[name]).max() <= 10 * value
            assert all(np.abs(z).max() < 8 for z in pre_activations(problem, probe))


def test_there_are_batches_of_one_record_and_of_more_than_the_data_has() -> None:
    problem = declared_problem(LESSON)
    x, y = np.random.default_rng(0).normal(size=(500, 6)), np.full((500, 1), 0.5)
    for data, most in ((None, 450), ((x, y), 551)):
        (direction,) = [each for each in directions(problem, 1, data) if each.is_count]
        assert (min(direction.values), max(direction.values)) == (1, most)
        assert [len(direction.at(n).batches[0][0]) for n in direction.values] == list(direction.values)  # type: ignore[union-attr]


def test_batches_of_a_normalisation_over_records_have_at_least_three() -> None:
    problem = declared_problem({**DEEP, "normalization": "batch_norm"})
    with np.errstate(all="ignore"):
        probes = [each.at(value) for each in directions(problem, 1, None) for value in each.values]
    assert min(len(x) for probe in probes if probe for x, _ in probe.batches) == 3


def test_a_batch_comes_again_with_rates_at_which_a_loss_hardly_moves() -> None:
    found = trials(declared_problem(LESSON), "on a batch that comes again")
    assert min(lr for _, _, probe in found for lr in probe.lrs) <= 1e-6
    for _, _, probe in found:
        np.testing.assert_array_equal(probe.batches[0][0], probe.batches[1][0])
    weights = found[-1][2].parameters["2.weight"]
    assert not weights.any()


def test_targets_have_both_signs_where_the_loss_allows_it_and_are_the_datas_where_it_is_given() -> None:
    problem = declared_problem(LESSON)
    assert min(y.min() for _, _, probe in trials(problem, "targets") for _, y in probe.batches) < -100
    x, y = np.random.default_rng(0).normal(size=(30, 6)), np.random.default_rng(1).choice([0.0, 1.0], size=(30, 1))
    with np.errstate(all="ignore"):
        probes = [each.at(value) for each in directions(problem, 1, (x, y)) for value in each.values]
    assert {value for probe in probes if probe for _, y in probe.batches for value in np.unique(y)} == {0.0, 1.0}


@pytest.mark.parametrize("loss", ["bce", "bce_with_logits"])
def test_targets_that_are_said_to_be_0_or_1_are(loss: str) -> None:
    problem = declared_problem(
        {
            "sizes": (3, 4, 2),
            "loss": loss,
            "targets": "binary",
            "bias": True,
            "activations": ("tanh", "sigmoid") if loss == "bce" else ("tanh", "identity"),
        }
    )
    with np.errstate(all="ignore"):
        probes = [each.at(value) for each in directions(problem, 1, None) for value in each.values]
    assert {value for probe in probes if probe for _, y in probe.batches for value in np.unique(y)} == {0.0, 1.0}


def test_nothing_differs_but_the_value() -> None:
    """So that the place from which on a program differs can be looked for by halving."""
    for direction in directions(declared_problem(DEEP), 1, None):
        if direction.layer and "z of" in direction.where:
            near, far = direction.at(2.0), direction.at(4.0)
            assert near is not None
            assert far is not None
            np.testing.assert_array_equal(near.batches[0][0], far.batches[0][0])
            np.testing.assert_allclose(
                2 * pre_activations(declared_problem(DEEP), near)[direction.layer - 1].max(),
                pre_activations(declared_problem(DEEP), far)[direction.layer - 1].max(),
            )
