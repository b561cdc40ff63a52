"""Every derivative written by hand, against central differences; every formula, at arguments where careless ones overflow."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from manual import ACTIVATIONS, LOSSES, Activation, Network
from manual.arrays import Array
from tests.pieces import KINKED_ACTIVATIONS, KINKED_LOSSES, ON_CLASSES, ON_PROBABILITIES, loss_arguments

STEP = 1e-5
REDUCTIONS = ("mean", "sum", "batchmean")
HUGE = {"float64": 1e4, "float32": 1e3}


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
def test_an_activation_sends_back_the_slope_of_what_it_computes(name: str) -> None:
    """The error is any; so the whole Jacobian of those that mix the outputs is tested too."""
    activation = ACTIVATIONS[name]
    z = np.array([[-3.0, -1.0, -0.2], [0.3, 1.0, 4.0]])
    error = np.array([[0.3, -1.0, 0.7], [2.0, -0.4, 1.1]])
    slope = central_differences(lambda: float((error * activation.function(z)).sum()), z)
    np.testing.assert_allclose(activation.backward(error, z, activation.function(z)), slope, rtol=1e-8, atol=1e-9)


def test_an_activation_without_a_way_back_says_so() -> None:
    with pytest.raises(TypeError, match="abs has neither a derivative nor a pullback"):
        Activation("abs", np.abs).backward(np.ones(1), np.ones(1), np.ones(1))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_gradient_is_its_slope(name: str, reduction: str) -> None:
    loss = LOSSES[name]
    for output, y in loss_arguments(name, np.random.default_rng(0), spread=1.0):
        slope = central_differences(lambda output=output, y=y: float(loss.value(output, y, reduction)), output)
        np.testing.assert_allclose(loss.gradient(output, y, reduction), slope, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_a_mean_is_the_sum_divided_by_the_number_of_what_it_is_over(name: str) -> None:
    loss = LOSSES[name]
    for output, y in loss_arguments(name, np.random.default_rng(0), shape=(4, 3)):
        for reduction, n in (("mean", {"elements": 12, "records": 4}[loss.over]), ("batchmean", 4)):
            np.testing.assert_allclose(loss.value(output, y, reduction), loss.value(output, y, "sum") / n, rtol=1e-15)
            np.testing.assert_allclose(loss.gradient(output, y, reduction), loss.gradient(output, y, "sum") / n, rtol=1e-15)
        with pytest.raises(ValueError, match="reduction is 'none'"):
            loss.value(output, y, "none")
        with pytest.raises(ValueError, match="reduction is 'none'"):
            loss.gradient(output, y, "none")


@pytest.mark.parametrize("name", sorted(ON_CLASSES))
def test_a_class_index_stands_for_the_probability_1_of_its_class(name: str) -> None:
    loss, output, y = LOSSES[name], np.random.default_rng(0).normal(size=(4, 3)), np.array([2, 0, 1, 2])
    assert loss.value(output, y) == loss.value(output, np.eye(3)[y])
    assert (loss.gradient(output, y) == loss.gradient(output, np.eye(3)[y])).all()
    with pytest.raises(IndexError):
        loss.value(output, np.array([0, 1, 2, 3]))


@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    activation=st.sampled_from(sorted(set(ACTIVATIONS) - KINKED_ACTIVATIONS)),
    bias=st.booleans(),
    loss=st.sampled_from(sorted(LOSSES)),
    records=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_backward_pass_gives_the_slopes_of_the_loss(
    sizes: list[int], activation: str, bias: bool, loss: str, records: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    names = [activation] * (len(sizes) - 2) + ["sigmoid" if loss in ON_PROBABILITIES else activation]
    network = Network(sizes, names, bias=bias, seed=seed)
    x, y = generator.normal(size=(records, sizes[0])), generator.random(size=(records, sizes[-1]))
    if loss in KINKED_LOSSES:
        assume(np.abs(KINKED_LOSSES[loss](network.forward(x), y)).min() > 1e-3)
    if loss in ON_PROBABILITIES:      # near 1, ln(1 − p) has lost the digits that a difference needs
        assume(np.abs(network.forward(x) - 0.5).max() < 0.499)
    _, _, grads = network.gradients(x, y, loss)
    for name, array in network.parameters().items():
        slope = central_differences(lambda: float(LOSSES[loss].value(network.forward(x), y)), array)
        np.testing.assert_allclose(grads[name], slope, rtol=1e-5, atol=1e-7, err_msg=name)


def test_central_differences_catch_a_wrong_derivative() -> None:
    z = np.array([0.5, 1.5])
    wrong = ACTIVATIONS["sigmoid"].function(z)      # σ for σ′
    slope = central_differences(lambda: float(ACTIVATIONS["sigmoid"].function(z).sum()), z)
    assert not np.allclose(wrong, slope, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("dtype", HUGE)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_finite_and_silent_for_huge_arguments(name: str, dtype: str) -> None:
    big = HUGE[dtype]
    z = np.array([[-big, -750.0, -80.0, -0.0], [0.0, 80.0, 750.0, big], [big, big, big, big]], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        a = ACTIVATIONS[name].function(z)
        delta = ACTIVATIONS[name].backward(np.ones_like(z), z, a)
    assert a.dtype == delta.dtype == dtype
    assert np.isfinite(a).all()
    assert np.isfinite(delta).all()


@pytest.mark.parametrize("dtype", HUGE)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_finite_and_silent_for_huge_outputs(name: str, dtype: str) -> None:
    big = HUGE[dtype]
    extremes = [0.0, 1.0] if name in ON_PROBABILITIES else [-big, -80.0, 0.0, 80.0, big]
    output = np.array([[a, b] for a in extremes for b in extremes], dtype=dtype)
    for y in ([0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [0.0, 0.0]):
        targets = np.tile(np.array(y, dtype=dtype), (len(output), 1))
        with np.errstate(over="raise", invalid="raise"):
            value, gradient = LOSSES[name].value(output, targets), LOSSES[name].gradient(output, targets)
        assert value.dtype == gradient.dtype == dtype
        assert value.shape == ()
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


def test_a_probability_that_is_certain_and_wrong_costs_100() -> None:
    output, y = np.array([[0.0], [1.0]]), np.array([[1.0], [0.0]])
    assert LOSSES["bce"].value(output, y) == 100
    assert LOSSES["bce"].gradient(output, y, "sum").tolist() == [[-1e12], [1e12]]


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", 0.01), ("elu", 1.0)])
def test_at_an_exact_zero_a_kinked_activation_has_pytorchs_slope(name: str, slope: float) -> None:
    zero = np.array([0.0, -0.0])
    assert ACTIVATIONS[name].backward(np.ones(2), zero, zero).tolist() == [slope, slope]
