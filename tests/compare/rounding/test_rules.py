"""Each activation's and each loss's rule: it holds for every honest form, and a planted fault is outside it.

All tests are driven by the tables: a name that is added to them is tested by the backends' forms, and by those in `forms`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import manual
import torch_ref
from compare.rounding.arithmetic import Bounded, Precision
from compare.rounding.rules import ACTIVATIONS, LOSSES
from compare.support.arrays import Array
from tests.compare.forms import Pullback, forms, pullbacks
from tests.compare.loss_forms import loss_forms as terms_of
from tests.pieces import loss_arguments

SEEDS = st.integers(0, 2**32 - 1)
DTYPES = ("float32", "float64")
REDUCTIONS = ("mean", "sum")
DOUBLE = Precision("float64")
BOTH = pytest.mark.parametrize("dtype", DTYPES)

LossForm = Callable[[Array, Array], tuple[Array, Array]]


def activation_forms(name: str) -> list[Callable[[Array], Array]]:
    def by_torch(z: Array) -> Array:
        return torch_ref.ACTIVATIONS[name](torch.tensor(z)).numpy()

    return [*forms(name), manual.ACTIVATIONS[name].function, by_torch]


def ways_back(name: str) -> list[Pullback]:
    def by_torch(error: Array, z: Array, a: Array) -> Array:
        argument = torch.tensor(z, requires_grad=True)
        torch_ref.ACTIVATIONS[name](argument).backward(torch.tensor(error))
        assert argument.grad is not None
        return argument.grad.numpy()

    return [*pullbacks(name), manual.ACTIVATIONS[name].backward, by_torch]


def loss_forms(name: str, reduction: str) -> list[LossForm]:
    """Functions of (output, y) that give the loss and its gradient; 1/N is multiplied in and divided by, before the sum and after it."""
    rule, loss = LOSSES[name], manual.LOSSES[name]

    def by_form(output: Array, y: Array, form: Any, way: int) -> tuple[Array, Array]:
        terms, derivative = form[0](output, y), form[1](output, y)
        n = 1 if reduction == "sum" else len(output) if rule.over == "records" else output.size
        if way == 0:
            return terms.sum() / n, derivative / n
        return (terms * output.dtype.type(1 / n)).sum(), derivative * output.dtype.type(1 / n)

    def by_manual(output: Array, y: Array) -> tuple[Array, Array]:
        return loss.value(output, y, reduction), loss.gradient(output, y, reduction)

    def by_torch(output: Array, y: Array) -> tuple[Array, Array]:
        argument = torch.tensor(output, requires_grad=True)
        value = torch_ref.LOSSES[name](argument, torch.tensor(y), reduction=reduction)
        value.backward()
        assert argument.grad is not None
        return value.detach().numpy(), argument.grad.numpy()

    by_forms = [partial(by_form, form=form, way=way) for form, way in product(terms_of(name), (0, 1))]
    return [*by_forms, by_manual, by_torch]


def arguments(dtype: str) -> Iterator[Array]:
    """Rows of one to seven numbers up to ±80, tiny, equal, zero, and far from 0 but near each other."""
    generator = np.random.default_rng(0)
    for k in (1, 2, 7):
        yield np.linspace(-80, 80, 1400).astype(dtype).reshape(-1, k)
        spread = generator.choice([1e-8, 1e-3, 1.0, 5.0, 20.0], (700 // k, 1))
        yield (generator.normal(size=(700 // k, k)) * spread).clip(-80, 80).astype(dtype)
        yield np.array([[0.0] * k, [1.5] * k, [-0.0] * k, [-40.0] * (k - 1) + [40.0]], dtype=dtype)
        yield (60 + generator.normal(size=(40, k))).astype(dtype)


def errors_like(z: Array) -> Array:
    """∂L/∂a of many magnitudes."""
    generator = np.random.default_rng(1)
    return (generator.normal(size=z.shape) * generator.choice([1e-6, 1.0, 100.0], z.shape)).astype(z.dtype)


def exactly(array: Array, precision: Precision = DOUBLE) -> Bounded:
    return Bounded(array.astype(np.float64), precision, np.zeros(array.shape))


def precisions(dtype: str) -> list[Precision]:
    """Of two sides, and in float32, where a bound's own value is exact beside it, of one side alone."""
    return [Precision(dtype)] if dtype == "float64" else [Precision(dtype), Precision(dtype, sides=1)]


def assert_within(computed: list[Array], bounded: Bounded, sides: int, what: str) -> None:
    """Each is within the bound of the value, and of two sides, also of every other: the largest of the smallest."""
    stacked = np.array(computed, dtype=np.float64)
    error = np.asarray(bounded.error) * (1 + 1e-12)
    assert np.isfinite(error).all(), what
    assert (np.abs(stacked - bounded.value) <= error).all(), f"{what}: value, {sides} sides"
    assert sides == 1 or (np.ptp(stacked, axis=0) <= error).all(), f"{what}: spread"


@BOTH
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_form_of_an_activation_is_within_its_bounds(name: str, dtype: str) -> None:
    for z in arguments(dtype):
        error = errors_like(z)
        with np.errstate(over="ignore"):      # cosh² overflows harmlessly: its reciprocal is 0
            computed = [form(z) for form in activation_forms(name)]
            back = [way(error, z, one) for one in computed for way in ways_back(name)]
        assert {one.dtype for one in computed + back} == {np.dtype(dtype)}
        for precision in precisions(dtype):
            a, pullback = ACTIVATIONS[name].bounds(exactly(z, precision))
            assert_within(computed, a, precision.sides, name)
            assert_within(back, pullback(exactly(error, precision)), precision.sides, f"{name} back")


@given(name=st.sampled_from(sorted(ACTIVATIONS)), seed=SEEDS, size=st.floats(1e-9, 3.0), spread=st.sampled_from([1.0, 4.0, 20.0]))
def test_an_activation_moves_no_further_than_its_bound_says(name: str, seed: int, size: float, spread: float) -> None:
    generator = np.random.default_rng(seed)
    z, error = generator.normal(size=(70, 3)) * spread, generator.normal(size=(70, 3))
    z_error, error_error = size * generator.random(z.shape), size * generator.random(z.shape)

    def moved(values: Array, most: Array) -> Array:
        return values + most * generator.uniform(-0.999, 0.999, z.shape)      # the rest is for the rounding of this sum

    a, pullback = ACTIVATIONS[name].bounds(Bounded(z, DOUBLE, z_error))
    delta = pullback(Bounded(error, DOUBLE, error_error))
    for _ in range(3):
        moved_z, moved_error = moved(z, z_error), moved(error, error_error)
        computed = activation_forms(name)[-2](moved_z)
        assert (np.abs(computed - a.value) <= a.error).all()
        assert (np.abs(ways_back(name)[-2](moved_error, moved_z, computed) - delta.value) <= delta.error).all()


@given(name=st.sampled_from(sorted(ACTIVATIONS)), seed=SEEDS, size=st.floats(1e-9, 3.0))
def test_two_sides_that_are_moved_within_the_bound_are_within_it_of_each_other(name: str, seed: int, size: float) -> None:
    generator = np.random.default_rng(seed)
    z, error = generator.normal(size=(70, 3)) * 3, np.ones((70, 3))
    z_error = size * generator.random(z.shape)
    first = z + z_error * generator.uniform(-0.999, 0.999, z.shape)
    other = np.clip(first + z_error * generator.choice([-0.999, 0.999], z.shape), z - 0.999 * z_error, z + 0.999 * z_error)
    a, pullback = ACTIVATIONS[name].bounds(Bounded(z, DOUBLE, z_error))
    sides = [activation_forms(name)[-2](moved) for moved in (first, other)]
    assert (np.abs(sides[0] - sides[1]) <= a.error).all()
    back = [ways_back(name)[-2](error, moved, side) for moved, side in zip((first, other), sides, strict=True)]
    assert (np.abs(back[0] - back[1]) <= pullback(exactly(error)).error).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_off_by_1e_9_is_outside_its_bound(name: str) -> None:
    """The value, and the way back, each at any element of some size."""
    generator = np.random.default_rng(0)
    z, error = generator.normal(size=(200, 3)), generator.normal(size=(200, 3))
    a, pullback = ACTIVATIONS[name].bounds(exactly(z))
    value = activation_forms(name)[-2](z)
    delta = ways_back(name)[-2](error, z, value)
    for right, bounded in ((value, a), (delta, pullback(exactly(error)))):
        wrong = right * (1 + 1e-9)
        assert (np.abs(wrong - bounded.value) > bounded.error)[np.abs(right) > 1e-3].all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_bounds_are_never_nan_for_finite_arguments(name: str) -> None:
    z_error = np.array([[0.0, 1e-9, 1.0], [0.0, 1e3, 1e3], [1e-9, 0.0, 1.0]])
    z = np.array([[-1e4, -1.0, 0.0], [0.0, 3.0, 1e4], [1e4, 1e4, 1e4]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for dtype in DTYPES:
            a, pullback = ACTIVATIONS[name].bounds(Bounded(z, Precision(dtype), z_error))
            delta = pullback(a.like(np.ones((3, 3)), np.full((3, 3), 1e-3)))
            for bounded in (a, delta):
                assert np.isfinite(bounded.value).all()
                assert np.isfinite(bounded.error).all()


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_a_kink_is_tested_at_an_exact_zero_and_forgiven_where_rounding_made_it(name: str) -> None:
    leak = {"relu": 0.0, "leaky_relu": 0.01}[name]
    z = Bounded(np.array([0.0, 0.0, 1e-17, -1e-17, 1.0]), DOUBLE, np.array([0.0, 1e-16, 1e-16, 1e-16, 1e-16]))
    _, pullback = ACTIVATIONS[name].bounds(z)
    delta = pullback(exactly(np.ones(5)))
    assert delta.value.tolist() == [leak, leak, 1, leak, 1]
    np.testing.assert_allclose(delta.error, [0, 1 - leak, 1 - leak, 1 - leak, 0], atol=1e-15)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@BOTH
@pytest.mark.parametrize("name", LOSSES)
def test_every_form_of_a_loss_is_within_its_bounds(name: str, dtype: str, reduction: str) -> None:
    for shape, spread in product([(1, 1), (7, 3), (40, 1), (3, 9)], [1e-3, 1.0, 5.0, 20.0]):
        for output, y in loss_arguments(name, np.random.default_rng(0), shape, dtype, spread):
            with np.errstate(divide="ignore", over="ignore"):
                computed = [form(output, y) for form in loss_forms(name, reduction)]
            assert {part.dtype for pair in computed for part in pair} == {np.dtype(dtype)}
            for precision in precisions(dtype):
                loss, gradient = LOSSES[name].bounds(exactly(output, precision), y, reduction)
                assert_within([value for value, _ in computed], loss, precision.sides, f"{name} {shape} {spread}")
                assert_within([slope for _, slope in computed], gradient, precision.sides, f"{name} gradient {shape} {spread}")


@given(name=st.sampled_from(sorted(LOSSES)), reduction=st.sampled_from(REDUCTIONS), seed=SEEDS, size=st.floats(1e-9, 2.0))
def test_a_loss_moves_no_further_than_its_bound_says(name: str, reduction: str, seed: int, size: float) -> None:
    generator = np.random.default_rng(seed)
    form = loss_forms(name, reduction)[-2]
    for output, y in loss_arguments(name, generator, (6, 3)):
        error = size * generator.random(output.shape)
        if name == "bce":
            error *= np.minimum(output, 1 - output) / 2      # a probability stays one
        loss, gradient = LOSSES[name].bounds(Bounded(output, DOUBLE, error), y, reduction)
        for _ in range(3):
            value, slope = form(output + error * generator.uniform(-0.999, 0.999, output.shape).clip(-1, 1), y)
            assert abs(value - loss.value) <= loss.error
            assert (np.abs(slope - gradient.value) <= gradient.error).all()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_off_by_1e_9_is_outside_its_bound(name: str, reduction: str) -> None:
    for output, y in loss_arguments(name, np.random.default_rng(0)):
        bounds = LOSSES[name].bounds(exactly(output), y, reduction)
        for right, bounded in zip(loss_forms(name, reduction)[-2](output, y), bounds, strict=True):
            wrong = right * (1 + 1e-9)
            assert (np.abs(wrong - bounded.value) > bounded.error)[np.abs(right) > 1e-3].all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_steps_stacked_has_the_bounds_of_the_steps_alone(name: str) -> None:
    for output, y in loss_arguments(name, np.random.default_rng(0)):
        stacked = Bounded(np.stack([output, output * 0.5]), Precision("float32"), np.full((2, *output.shape), 1e-9))
        for targets in (y, np.stack([y, y])):
            together = LOSSES[name].bounds(stacked, targets)
            for i in range(2):
                alone = LOSSES[name].bounds(stacked[i], y)
                for both, one in zip(together, alone, strict=True):
                    np.testing.assert_allclose(both.value[i], one.value, rtol=1e-12)
                    np.testing.assert_allclose(both.error[i], one.error, rtol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_bounds_of_a_loss_are_never_nan_for_finite_outputs(name: str) -> None:
    output = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 1e-13]]) if name == "bce" else np.array([[0.0, 1e4], [-1e4, 1e4], [1e4, 1e4]])
    y = np.array([[0.0, 1.0], [0.0, 1.0], [0.3, 0.7]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for error, dtype in product((0.0, 1e-12, 0.3, 1e3), DTYPES):
            for bounded in LOSSES[name].bounds(Bounded(output, Precision(dtype), np.full(output.shape, error)), y):
                assert np.isfinite(bounded.value).all()
                assert np.isfinite(bounded.error).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_twins_of_an_activation_are_a_few_ulp_apart(name: str) -> None:
    for z in arguments("float64"):
        error = errors_like(z)
        ours, theirs = (form(z) for form in activation_forms(name)[-2:])
        np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-14)
        ours, theirs = (way(error, z, ours) for way in ways_back(name)[-2:])
        np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-14 * np.abs(error).max())


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_twins_of_a_loss_are_a_few_ulp_apart(name: str, reduction: str) -> None:
    for output, y in loss_arguments(name, np.random.default_rng(0)):
        ours, theirs = (form(output, y) for form in loss_forms(name, reduction)[-2:])
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14, atol=1e-15)


def test_l1_tests_an_exact_zero_and_forgives_one_that_rounding_made() -> None:
    output = Bounded(np.array([[0.5, 0.5, 0.5, 0.6]]), DOUBLE, np.array([[0.0, 1e-16, 0.0, 1e-16]]))
    y = np.array([[0.5, 0.5, 0.5 + 2**-50, 0.5]])
    _, gradient = LOSSES["l1"].bounds(output, y, "sum")
    assert gradient.value.tolist() == [[0, 0, -1, 1]]
    assert gradient.error.tolist() == [[0, 2, 0, 0]]
