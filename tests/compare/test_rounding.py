"""The arithmetic of bounds: it holds for honest computations, and is exact where nothing is rounded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.rounding import ACTIVATIONS, Bounded, Precision, plus, product, scaled, times, total
from tests.compare.variants import FORMS, PRODUCTS, SLOPES

ONE_SIDE = Precision("float32", sides=1)
SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, *shape: int, spread: float = 6.0) -> np.ndarray:
    """float32 numbers of many magnitudes and both signs."""
    generator = np.random.default_rng(seed)
    return (generator.normal(size=shape) * 10 ** generator.uniform(-spread, spread / 2, size=shape)).astype(np.float32)


@given(seed=SEEDS, n=st.integers(1, 60), order=st.integers(0, len(PRODUCTS) - 1))
def test_a_product_in_float32_is_within_its_bound_of_the_exact_one(seed: int, n: int, order: int) -> None:
    a, b = drawn(seed, 3, n), drawn(seed + 1, n, 4)
    bounded = product(Bounded(a.astype(float)), Bounded(b.astype(float)), ONE_SIDE)
    assert (np.abs(PRODUCTS[order](a, b) - bounded.value) <= bounded.error * (1 + 1e-12)).all()


@given(seed=SEEDS, n=st.integers(2, 200))
def test_a_sum_in_float32_is_within_its_bound_of_the_exact_one(seed: int, n: int) -> None:
    a = drawn(seed, n)
    bounded = total(Bounded(a.astype(float)), (0,), ONE_SIDE)
    one_by_one = np.float32(0)
    for term in a:
        one_by_one += term
    for summed in (a.sum(), one_by_one, a[::-1].sum()):
        assert abs(summed - bounded.value) <= bounded.error


@given(seed=SEEDS)
def test_errors_that_come_in_are_carried_through(seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, b = drawn(seed, 4, 5).astype(float), drawn(seed + 1, 5, 3).astype(float)
    ea, eb = np.abs(a) * generator.uniform(0, 0.1, a.shape), np.abs(b) * generator.uniform(0, 0.1, b.shape)
    moved_a, moved_b = a + ea * generator.choice([-1, 1], a.shape), b + eb * generator.choice([-1, 1], b.shape)
    bounded = product(Bounded(a, ea), Bounded(b, eb), ONE_SIDE)
    assert (np.abs(moved_a @ moved_b - bounded.value) <= bounded.error).all()
    for rule, exact in ((plus, np.add), (times, np.multiply)):
        bounded = rule(Bounded(a, ea), Bounded(a, ea), ONE_SIDE)
        assert (np.abs(exact(moved_a, moved_a) - bounded.value) <= bounded.error).all()
    bounded = scaled(Bounded(a, ea), -0.3, 1, ONE_SIDE)
    assert (np.abs(-0.3 * moved_a - bounded.value) <= bounded.error).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_form_of_an_activation_is_within_its_bounds(name: str, dtype: str) -> None:
    z = np.concatenate([np.linspace(-80, 80, 4001), np.random.default_rng(0).normal(size=4000), [0.0]]).astype(dtype)
    a, slope = ACTIVATIONS[name].bounds(Bounded(z.astype(float), np.zeros(z.shape)), Precision(dtype))
    with np.errstate(over="ignore"):      # cosh² overflows harmlessly: its reciprocal is 0
        for form in FORMS[name]:
            computed = form(z)
            assert (np.abs(computed - a.value) <= a.error).all()
            for slope_form in SLOPES[name]:
                assert (np.abs(slope_form(z, computed) - slope.value) <= slope.error).all()


@given(name=st.sampled_from(sorted(ACTIVATIONS)), seed=SEEDS, size=st.floats(1e-9, 3.0))
def test_an_activation_moves_no_further_than_its_bound_says(name: str, seed: int, size: float) -> None:
    generator = np.random.default_rng(seed)
    z = generator.normal(size=200) * 4
    error = size * generator.uniform(0, 1, z.shape)
    moved = z + error * generator.uniform(-0.999, 0.999, z.shape)      # the rest is for the rounding of this sum
    a, slope = ACTIVATIONS[name].bounds(Bounded(z, error), Precision("float64"))
    computed = FORMS[name][0](moved)
    assert (np.abs(computed - a.value) <= a.error).all()
    assert (np.abs(SLOPES[name][0](moved, computed) - slope.value) <= slope.error).all()


def test_relu_tests_an_exact_zero_and_forgives_one_that_rounding_made() -> None:
    z = Bounded(np.array([0.0, 0.0, 1e-17, -1e-17, 1.0]), np.array([0.0, 1e-16, 1e-16, 1e-16, 1e-16]))
    _, slope = ACTIVATIONS["relu"].bounds(z, Precision("float64"))
    assert slope.value.tolist() == [0, 0, 1, 0, 1]
    assert slope.error.tolist() == [0, 1, 1, 1, 0]


def test_a_product_of_zeros_is_exact_and_a_product_that_underflows_is_not() -> None:
    zeros = product(Bounded(np.zeros((1, 3))), Bounded(np.ones((3, 1))), Precision("float32"))
    tiny = product(Bounded(np.full((1, 3), 1e-30)), Bounded(np.full((3, 1), 1e-30)), Precision("float32"))
    assert zeros.error == 0
    assert tiny.error >= 3 * np.finfo("float32").smallest_normal


def test_nothing_is_known_of_more_roundings_than_the_precision_bears() -> None:
    assert np.isnan(Precision("float32").gamma(2**25))
