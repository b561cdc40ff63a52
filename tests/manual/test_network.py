"""The hand-written network alone."""

import numpy as np
import pytest

import data
from manual import Network, train

LESSON_MSE = (      # the true mean squared error after epochs 0, 90, …, 810, recomputed from the lesson with plain loops
    0.268560154404,
    0.266810282686,
    0.265106963589,
    0.263449343285,
    0.261836550103,
    0.260267697680,
    0.258741887933,
    0.257258213847,
    0.255815762088,
    0.254413615431,
)


def lesson_weights() -> dict[str, np.ndarray]:
    random = np.random.RandomState(21)
    return {"0.weight": random.normal(scale=6**-0.5, size=(6, 2)).T, "2.weight": random.normal(scale=6**-0.5, size=(2, 1)).T}


def test_it_trains_the_lesson_alone() -> None:
    admissions = data.load_admissions()
    x, y = admissions.features.to_numpy(), admissions.targets.to_numpy()[:, None]
    network = Network((6, 2, 1))
    network.load_state_dict(lesson_weights())
    losses = train(network, x, y, lr=0.005, epochs=900)
    assert [f"{2 * losses[epoch + 1]:.12f}" for epoch in range(0, 900, 90)] == [f"{mse:.12f}" for mse in LESSON_MSE]
    predictions = network.predict(admissions.features_test.to_numpy())[:, 0] > 0.5
    assert np.mean(predictions == (admissions.targets_test == 1)) == 0.725


def test_parameters_have_the_names_and_layout_of_a_torch_state_dict() -> None:
    shapes = {name: array.shape for name, array in Network((3, 4, 2), "tanh", bias=True).state_dict().items()}
    assert shapes == {"0.weight": (4, 3), "0.bias": (4,), "2.weight": (2, 4), "2.bias": (2,)}


def test_a_state_dict_is_a_copy_and_loads_back() -> None:
    one, other = Network((3, 2), seed=1), Network((3, 2), seed=2)
    state = one.state_dict()
    other.load_state_dict(state)
    state["0.weight"][:] = 0
    assert one.state_dict()["0.weight"].any()
    np.testing.assert_array_equal(one.state_dict()["0.weight"], other.state_dict()["0.weight"])


def test_the_seed_decides_the_weights() -> None:
    weights = [Network((3, 2), seed=seed).state_dict()["0.weight"] for seed in (1, 1, 2)]
    assert (weights[0] == weights[1]).all()
    assert (weights[0] != weights[2]).any()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_everything_is_computed_in_its_dtype(dtype: str) -> None:
    network = Network((3, 2, 1), ("tanh", "relu"), bias=True, dtype=dtype)
    output, loss, grads = network.gradients(np.ones((4, 3)), np.ones((4, 1)), "mse")
    train(network, np.ones((4, 3)), np.ones((4, 1)), lr=0.1, epochs=2)
    assert {array.dtype.name for array in (output, loss, *grads.values(), *network.state_dict().values())} == {dtype}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"sizes": (3,)}, "sizes"),
        ({"sizes": (3, 0)}, "sizes"),
        ({"sizes": (3, 2), "activations": "sigmoidal"}, "activations"),
        ({"sizes": (3, 2), "activations": ("tanh", "tanh")}, "activations"),
        ({"sizes": (3, 2), "dtype": "float16"}, "dtype"),
    ],
)
def test_a_network_that_cannot_be_is_refused(arguments: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Network(**arguments)


def test_misshapen_data_are_refused_instead_of_broadcast() -> None:
    network = Network((3, 1))
    with pytest.raises(ValueError, match="x has shape"):
        network.forward(np.ones((4, 2)))
    with pytest.raises(ValueError, match="y has shape"):
        network.gradients(np.ones((4, 3)), np.ones(4))


@pytest.mark.parametrize("params", [{}, {"0.weight": np.ones((1, 3)), "0.bias": np.ones(1)}, {"0.weight": np.ones((3, 1))}])
def test_a_state_dict_that_does_not_fit_is_refused_and_changes_nothing(params: dict) -> None:
    network = Network((3, 1))
    before = network.state_dict()["0.weight"]
    with pytest.raises(ValueError, match=r"0\.weight"):
        network.load_state_dict(params)
    np.testing.assert_array_equal(network.state_dict()["0.weight"], before)


def test_a_mask_is_given_for_each_dropout_in_the_shape_of_what_it_drops_from() -> None:
    network = Network((3, 4, 2), dropout=0.5)
    x = np.ones((5, 3))
    with pytest.raises(ValueError, match="masks are of the layers none; expected one of layer 2 too"):
        network.forward(x, {})
    with pytest.raises(ValueError, match=r"a mask has shape \(1, 4\); expected \(5, 4\)"):
        network.forward(x, {"2": np.ones((1, 4), bool)})
