"""The arithmetic of bounds: it holds for honest computations, and is exact where nothing is rounded."""

from collections.abc import Callable
from operator import add, matmul, mul, sub

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.rounding.arithmetic import Bounded, Precision
from tests.compare.variants import PRODUCTS

ONE_SIDE = Precision("float32", sides=1)
SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, *shape: int, spread: float = 6.0) -> np.ndarray:
    """float32 numbers of many magnitudes and both signs."""
    generator = np.random.default_rng(seed)
    return (generator.normal(size=shape) * 10 ** generator.uniform(-spread, spread / 2, size=shape)).astype(np.float32)


@given(seed=SEEDS, n=st.integers(1, 60), order=st.integers(0, len(PRODUCTS) - 1))
def test_a_product_in_float32_is_within_its_bound_of_the_exact_one(seed: int, n: int, order: int) -> None:
    a, b = drawn(seed, 3, n), drawn(seed + 1, n, 4)
    bounded = Bounded(a.astype(float), ONE_SIDE) @ Bounded(b.astype(float), ONE_SIDE)
    assert (np.abs(PRODUCTS[order](a, b) - bounded.value) <= bounded.error * (1 + 1e-12)).all()


@given(seed=SEEDS, n=st.integers(2, 200))
def test_a_sum_in_float32_is_within_its_bound_of_the_exact_one(seed: int, n: int) -> None:
    a = drawn(seed, n)
    bounded = Bounded(a.astype(float), ONE_SIDE).sum(0)
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
    bounded = Bounded(a, ONE_SIDE, ea) @ Bounded(b, ONE_SIDE, eb)
    assert (np.abs(moved_a @ moved_b - bounded.value) <= bounded.error).all()
    for rule, exact in ((add, np.add), (sub, np.subtract), (mul, np.multiply)):
        bounded = rule(Bounded(a, ONE_SIDE, ea), Bounded(a, ONE_SIDE, ea))
        assert (np.abs(exact(moved_a, moved_a) - bounded.value) <= bounded.error).all()
    bounded = Bounded(a, ONE_SIDE, ea).scaled(-0.3, roundings=1)
    assert (np.abs(-0.3 * moved_a - bounded.value) <= bounded.error).all()


def test_a_product_of_zeros_is_exact_and_a_product_that_underflows_is_not() -> None:
    both = Precision("float32")
    zeros = Bounded(np.zeros((1, 3)), both) @ Bounded(np.ones((3, 1)), both)
    tiny = Bounded(np.full((1, 3), 1e-30), both) @ Bounded(np.full((3, 1), 1e-30), both)
    assert zeros.error == 0
    assert tiny.error >= 3 * np.finfo("float32").smallest_normal


def test_nothing_is_known_of_more_roundings_than_the_precision_bears() -> None:
    assert np.isnan(Precision("float32").gamma(2**25))


def test_numbers_of_two_precisions_do_not_meet() -> None:
    """Or a sum in float32 would be held to float64's rounding."""
    one, other = (Bounded(np.ones((2, 2)), Precision(dtype)) for dtype in ("float64", "float32"))
    for operation in (add, sub, mul, matmul, lambda a, b: a.over(b, least=1.0)):
        with pytest.raises(TypeError, match="two precisions in one formula"):
            operation(one, other)


@pytest.mark.parametrize("root", [Bounded.root, lambda a: a.reciprocal_root(1e-5)])
def test_the_root_of_an_exact_number_is_off_by_its_own_roundings(root: Callable[[Bounded], Bounded]) -> None:
    precision = Precision("float64")
    found = root(Bounded(np.array([0.3, 2.0, 7.0]), precision))
    assert (found.error >= 2 * precision.u * found.value).all()
    assert (found.error <= 8 * precision.u * found.value).all()
