"""The honest trainers train as the package does, and each planted mistake shows."""

from typing import Any

import numpy as np
import pytest

from compare import Manual
from tests.mistakes.honest import variants
from tests.mistakes.layouts import in_layout
from tests.mistakes.networks import NETWORKS, Network
from tests.mistakes.outside import outside, stages
from tests.mistakes.pairs import pairs
from tests.mistakes.plant import edited
from tests.mistakes.plants import plants
from tests.mistakes.running import attempt, gap, probe, problem, trained
from tests.mistakes.trainer import STYLES, Style, source

pytestmark = pytest.mark.sampled(10)

_SHOWS = 1e-11      # relative: a δ of the first layer in float32 moves its weights by some 1e-10, other orders of summation by 1e-15

each_network = pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.sizes}-{n.activations[0]}-{n.loss}-{n.optimizer}")


each_style = pytest.mark.parametrize("style", STYLES, ids=["divided", "per record", "reversed, divided", "reversed, per record"])


def reference(network: Network) -> tuple[Any, list[Any], dict[str, Any]]:
    drawn = problem(network)
    side = Manual(drawn)
    side.load_state_dict(drawn.initial_parameters)
    for x, y in drawn.batches:
        side.step(x, y)
    return dict(drawn.initial_parameters), list(drawn.batches), side.state_dict()


@each_network
@each_style
def test_the_honest_trainer_is_right(network: Network, style: Style) -> None:
    params, batches, expected = reference(network)
    actual = trained(source(network, style), params, batches, (network.lr,) * len(batches))
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-10, atol=1e-14, err_msg=name)


@pytest.mark.sampled(82)
@each_network
@each_style
def test_each_plant_changes_the_weights(network: Network, style: Style) -> None:
    text = source(network, style)
    given, honest, unseen = {}, {}, []
    for plant in plants(network, style):
        planted = plant.apply(text)
        for seed in range(21, 25):
            key = plant.probe, seed, plant.layer if plant.probe == "zeros" else None
            if key not in given:
                given[key] = probe(network, plant, seed)
                honest[key] = trained(text, *given[key])
            if gap(honest[key], trained(planted, *given[key])) > _SHOWS:
                break
        else:
            unseen.append((plant.name, plant.variant))
    assert not unseen


@each_network
def test_a_trace_shows_the_step_and_changes_nothing(network: Network) -> None:
    drawn = problem(network)
    names = attempt(source(network))
    x, y = drawn.batches[0]
    params = dict(drawn.initial_parameters)
    seen = names["trace"](params, x, y)
    np.testing.assert_array_equal(seen["W1"], names["train_step"](params, x, y, network.lr)["0.weight"])


@each_network
def test_honest_variants_are_right(network: Network) -> None:
    params, batches, expected = reference(network)
    for number, text in enumerate(variants(network, 20, seed=3)):
        actual = trained(text, params, batches, (network.lr,) * len(batches))
        for name in expected:
            np.testing.assert_allclose(actual[name], expected[name], rtol=1e-10, atol=1e-12, err_msg=f"{name} of variant {number}\n{text}")


@each_network
def test_mistakes_outside_the_list_begin_at_their_stage(network: Network) -> None:
    drawn, text = problem(network), source(network)
    given = dict(drawn.initial_parameters), list(drawn.batches)
    right = attempt(text)["trace"](given[0], *given[1][0])
    honest = trained(text, *given)
    found = list(outside(network))
    assert len(found) >= 15
    for mistake in found:
        planted = mistake.apply(text)
        wrong = attempt(planted)["trace"](given[0], *given[1][0])
        differing = [stage for stage in stages(network) if not np.allclose(wrong[stage], right[stage], rtol=1e-9, atol=1e-12)]
        assert differing[:1] == [mistake.first], mistake.name
        assert (gap(trained(planted, *given), honest) > 1e-9) == mistake.moves, mistake.name


@pytest.mark.parametrize("network", NETWORKS[::5])
def test_pairs_are_of_two_mistakes_that_count(network: Network) -> None:
    found = list(pairs(network, 10, seed=1))
    assert len(found) == 10
    for pair in found:
        assert pair.first != pair.second


def test_an_edit_that_fits_nowhere_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"occurs 0 times"):
        edited("nothing here", (("something", "else"),), "a mistake")


@pytest.mark.parametrize("params_as", ["state_dict", "W1b1", "list"])
@pytest.mark.parametrize("bias", ["(k,)", "(1, k)", "(k, 1)"])
def test_an_attempt_in_another_layout_is_the_same_training(params_as: str, bias: str) -> None:
    params, batches, expected = reference(NETWORKS[1])
    text = in_layout(source(NETWORKS[1]), params, weights="in_out", records="columns", params=params_as, bias=bias)
    names = attempt(text)
    given: Any = names["_written"](params)
    assert names["CONVENTIONS"]["weights"] == "in_out"
    for x, y in batches:
        given = names["train_step"](given, x.T, y.T, 0.3)
    for name, array in names["_read"](given).items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-10)


def test_the_four_styles_are_four_texts_and_one_training() -> None:
    params, batches, _ = reference(NETWORKS[0])
    texts = [source(NETWORKS[0], style) for style in STYLES]
    first, *others = (trained(text, params, batches) for text in texts)
    assert all(gap(first, other) < 1e-12 for other in others)
    deltas = [attempt(text)["trace"](params, *batches[0])["delta2"] for text in texts]
    for delta, factor in zip(deltas, (1, len(batches[0][0]), -1, -len(batches[0][0])), strict=True):
        np.testing.assert_allclose(delta, factor * deltas[0], rtol=1e-12)
