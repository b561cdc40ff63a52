"""Each activation and each loss on sampled numbers: every honest form is within what they allow, and a planted fault is not.

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
from compare.formulas.activations import ACTIVATIONS
from compare.formulas.losses import LOSSES
from compare.formulas.sampled import Precision, Sampled
from compare.support.arrays import Array
from tests.compare.forms import Pullback, forms, pullbacks
from tests.compare.loss_forms import loss_forms as terms_of
from tests.pieces import loss_arguments

SEEDS = st.integers(0, 2**32 - 1)
DTYPES = ("float32", "float64")
REDUCTIONS = ("mean", "sum", "batchmean")
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
        is_over_records = reduction == "batchmean" or rule.over == "records"
        n = 1 if reduction == "sum" else len(output) if is_over_records else output.size
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


def exactly(array: Array, precision: Precision = DOUBLE) -> Sampled:
    return Sampled.exact(array, precision)


def assert_within(computed: list[Array], sampled: Sampled, what: str) -> None:
    """Each is within half of what is allowed of the value, and of every other within all of it."""
    stacked = np.array(computed, dtype=np.float64)
    assert np.isfinite(sampled.error).all(), what
    assert (np.abs(stacked - sampled.value) <= sampled.error / 2).all(), f"{what}: value"
    assert (np.ptp(stacked, axis=0) <= sampled.error).all(), f"{what}: spread"


@pytest.mark.sampled(3)
@BOTH
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_form_of_an_activation_is_within_what_is_allowed(name: str, dtype: str) -> None:
    for z in arguments(dtype):
        error = errors_like(z)
        with np.errstate(over="ignore"):      # cosh² overflows harmlessly: its reciprocal is 0
            computed = [form(z) for form in activation_forms(name)]
            back = [way(error, z, one) for one in computed for way in ways_back(name)]
        assert {one.dtype for one in computed + back} == {np.dtype(dtype)}
        precision = Precision(dtype)
        a, pullback = ACTIVATIONS[name](exactly(z, precision))
        assert_within(computed, a, name)
        assert_within(back, pullback(exactly(error, precision)), f"{name} back")


@pytest.mark.parametrize("name", ["tanh", "relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "identity"])
def test_an_exact_0_stays_one(name: str) -> None:
    """A target of 0 is then met exactly, and what the loss's derivative is there can be told."""
    a, _ = ACTIVATIONS[name](exactly(np.zeros((2, 3)), DOUBLE))
    assert not a.value.any()
    assert not a.error.any()


@given(name=st.sampled_from(sorted(ACTIVATIONS)), seed=SEEDS, size=st.floats(1e-9, 1e-3))
def test_what_its_argument_is_off_moves_an_activation(name: str, seed: int, size: float) -> None:
    """Of an argument that is off by up to a third of what it may be, f and the way back stay within what is allowed."""
    generator = np.random.default_rng(seed)
    z, error = generator.normal(size=(70, 3)) * 3, generator.normal(size=(70, 3))
    z_error, error_error = size * generator.random(z.shape), size * generator.random(z.shape)
    a, pullback = ACTIVATIONS[name](Sampled.off(z, z_error, DOUBLE))
    delta = pullback(Sampled.off(error, error_error, DOUBLE))
    moved_z, moved_error = (each + most / 3 * generator.uniform(-1, 1, z.shape) for each, most in ((z, z_error), (error, error_error)))
    computed = activation_forms(name)[-2](moved_z)
    assert (np.abs(computed - a.value) <= a.error).all()
    assert (np.abs(ways_back(name)[-2](moved_error, moved_z, computed) - delta.value) <= delta.error).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_off_by_1e_9_is_seen(name: str) -> None:
    """The value, and the way back, each at any element of some size."""
    generator = np.random.default_rng(0)
    z, error = generator.normal(size=(200, 3)), generator.normal(size=(200, 3))
    a, pullback = ACTIVATIONS[name](exactly(z))
    value = activation_forms(name)[-2](z)
    delta = ways_back(name)[-2](error, z, value)
    for right, sampled in ((value, a), (delta, pullback(exactly(error)))):
        wrong = right * (1 + 1e-9)
        assert (np.abs(wrong - sampled.value) > sampled.error)[np.abs(right) > 1e-3].all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_allowed_is_never_nan_for_finite_arguments(name: str) -> None:
    z_error = np.array([[0.0, 1e-9, 1.0], [0.0, 1e3, 1e3], [1e-9, 0.0, 1.0]])
    z = np.array([[-1e4, -1.0, 0.0], [0.0, 3.0, 1e4], [1e4, 1e4, 1e4]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for dtype in DTYPES:
            a, pullback = ACTIVATIONS[name](Sampled.off(z, z_error, Precision(dtype)))
            delta = pullback(a.like(np.ones((3, 3)), np.full((3, 3), 1e-3)))
            for sampled in (a, delta):
                assert np.isfinite(sampled.value).all()
                assert np.isfinite(sampled.error).all()


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_a_kink_is_tested_at_an_exact_zero_and_forgiven_where_rounding_made_it(name: str) -> None:
    leak = {"relu": 0.0, "leaky_relu": 0.01}[name]
    z = Sampled.off(np.array([0.0, 0.0, 1e-17, -1e-17, 1.0]), np.array([0.0, 1e-16, 1e-16, 1e-16, 1e-16]), DOUBLE)
    _, pullback = ACTIVATIONS[name](z)
    delta = pullback(exactly(np.ones(5)))
    assert delta.value.tolist() == [leak, leak, 1, leak, 1]
    assert (delta.error[1:4] >= 1 - leak).all()
    assert (delta.error[[0, 4]] < 1e-13).all()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@BOTH
@pytest.mark.parametrize("name", LOSSES)
def test_every_form_of_a_loss_is_within_what_is_allowed(name: str, dtype: str, reduction: str) -> None:
    for shape, spread in product([(1, 1), (7, 3), (40, 1), (3, 9)], [1e-3, 1.0, 5.0, 20.0]):
        for output, y in loss_arguments(name, np.random.default_rng(0), shape, dtype, spread):
            with np.errstate(divide="ignore", over="ignore"):
                computed = [form(output, y) for form in loss_forms(name, reduction)]
            assert {part.dtype for pair in computed for part in pair} == {np.dtype(dtype)}
            loss, gradient = LOSSES[name].of(exactly(output, Precision(dtype)), y, reduction)
            assert_within([value for value, _ in computed], loss, f"{name} {shape} {spread}")
            assert_within([slope for _, slope in computed], gradient, f"{name} gradient {shape} {spread}")


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_off_by_1e_9_is_seen(name: str, reduction: str) -> None:
    for output, y in loss_arguments(name, np.random.default_rng(0)):
        right_ones = LOSSES[name].of(exactly(output), y, reduction)
        for right, sampled in zip(loss_forms(name, reduction)[-2](output, y), right_ones, strict=True):
            wrong = right * (1 + 1e-9)
            assert (np.abs(wrong - sampled.value) > sampled.error)[np.abs(right) > 1e-3].all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_steps_stacked_is_that_of_the_steps_alone(name: str) -> None:
    exact = Precision("float64", samples=0)
    for output, y in loss_arguments(name, np.random.default_rng(0)):
        for targets in (y, np.stack([y, y])):
            together = LOSSES[name].of(exactly(np.stack([output, output * 0.5]), exact), targets)
            for i, alone in enumerate(LOSSES[name].of(exactly(output * factor, exact), y) for factor in (1.0, 0.5)):
                for both, one in zip(together, alone, strict=True):
                    np.testing.assert_allclose(both.value[i], one.value, rtol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_what_a_loss_allows_is_never_nan_for_finite_outputs(name: str) -> None:
    output = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 1e-13]]) if name == "bce" else np.array([[0.0, 1e4], [-1e4, 1e4], [1e4, 1e4]])
    y = np.array([[0.0, 1.0], [0.0, 1.0], [0.3, 0.7]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for error, dtype in product((0.0, 1e-12, 0.3, 1e3), DTYPES):
            for sampled in LOSSES[name].of(Sampled.off(output, np.full(output.shape, error), Precision(dtype)), y):
                assert np.isfinite(sampled.value).all()
                assert np.isfinite(sampled.error).all()


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
    output = Sampled.off(np.array([[0.5, 0.5, 0.5, 0.6]]), np.array([[0.0, 1e-16, 0.0, 1e-16]]), DOUBLE)
    y = np.array([[0.5, 0.5, 0.5 + 2**-50, 0.5]])
    _, gradient = LOSSES["l1"].of(output, y, "sum")
    assert gradient.value.tolist() == [[0, 0, -1, 1]]
    assert gradient.error[0, 1] >= 1
    assert (gradient.error[0, [0, 3]] < 1e-13).all()
