"""Every derivative written by hand, against central differences."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manual import ACTIVATIONS, LOSSES, Network
from manual.activations import Array

STEP = 1e-5


def central_differences(function: Callable[[], float], array: Array) -> Array:
    """The derivative of the function with respect to each element of the array, which the function reads."""
    slopes = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + STEP
        above = function()
        array[index] = value - STEP
        below = function()
        array[index] = value
        slopes[index] = (above - below) / (2 * STEP)
    return slopes


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_derivative_is_its_slope(name: str) -> None:
    activation = ACTIVATIONS[name]
    z = np.array([[-3.0, -1.0, -0.2], [0.3, 1.0, 4.0]])
    slope = (activation.function(z + STEP) - activation.function(z - STEP)) / (2 * STEP)
    np.testing.assert_allclose(activation.derivative(z, activation.function(z)), slope, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_gradient_is_its_slope(name: str) -> None:
    generator = np.random.default_rng(0)
    output, y = generator.normal(size=(4, 3)), generator.normal(size=(4, 3))
    slope = central_differences(lambda: float(LOSSES[name].function(output, y)), output)
    np.testing.assert_allclose(LOSSES[name].gradient(output, y), slope, rtol=1e-7, atol=1e-9)


@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    activation=st.sampled_from(["sigmoid", "tanh", "identity"]),
    bias=st.booleans(),
    loss=st.sampled_from(sorted(LOSSES)),
    records=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_backward_pass_gives_the_slopes_of_the_loss(
    sizes: list[int], activation: str, bias: bool, loss: str, records: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    network = Network(sizes, activation, bias=bias, seed=seed)
    x, y = generator.normal(size=(records, sizes[0])), generator.normal(size=(records, sizes[-1]))
    _, _, grads = network.gradients(x, y, loss)
    for name, array in network.parameters().items():
        slope = central_differences(lambda: float(LOSSES[loss].function(network.forward(x), y)), array)
        np.testing.assert_allclose(grads[name], slope, rtol=1e-5, atol=1e-7, err_msg=name)


def test_central_differences_catch_a_wrong_derivative() -> None:
    z = np.array([0.5, 1.5])
    wrong = ACTIVATIONS["sigmoid"].function(z)      # σ for σ′
    slope = (ACTIVATIONS["sigmoid"].function(z + STEP) - ACTIVATIONS["sigmoid"].function(z - STEP)) / (2 * STEP)
    assert not np.allclose(wrong, slope, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_finite_and_silent_for_huge_arguments(name: str) -> None:
    z = np.array([-1e4, -750.0, 0.0, 750.0, 1e4])
    a = ACTIVATIONS[name].function(z)
    assert np.isfinite(a).all()
    assert np.isfinite(ACTIVATIONS[name].derivative(z, a)).all()


def test_relu_has_slope_zero_at_an_exact_zero() -> None:
    zero = np.array([0.0, -0.0])
    assert not ACTIVATIONS["relu"].derivative(zero, zero).any()
