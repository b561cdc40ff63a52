"""Arithmetic on sampled numbers: honest computations are within what it allows, and it is exact where nothing is rounded."""

from collections.abc import Callable
from operator import add, matmul, mul, sub

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.formulas.sampled import Precision, Sampled
from tests.compare.variants import PRODUCTS

SINGLE = Precision("float32")
SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, *shape: int, spread: float = 6.0) -> np.ndarray:
    """float32 numbers of many magnitudes and both signs."""
    generator = np.random.default_rng(seed)
    return (generator.normal(size=shape) * 10 ** generator.uniform(-spread, spread / 2, size=shape)).astype(np.float32)


@given(seed=SEEDS, n=st.integers(1, 60), order=st.integers(0, len(PRODUCTS) - 1))
def test_a_product_in_float32_is_within_what_is_allowed(seed: int, n: int, order: int) -> None:
    a, b = drawn(seed, 3, n), drawn(seed + 1, n, 4)
    sampled = Sampled.exact(a, SINGLE) @ Sampled.exact(b, SINGLE)
    assert (np.abs(PRODUCTS[order](a, b) - sampled.value) <= sampled.error * (1 + 1e-12)).all()


@given(seed=SEEDS, n=st.integers(2, 200))
def test_a_sum_in_float32_is_within_what_is_allowed(seed: int, n: int) -> None:
    a = drawn(seed, n)
    sampled = Sampled.exact(a, SINGLE).sum(0)
    one_by_one = np.float32(0)
    for term in a:
        one_by_one += term
    for summed in (a.sum(), one_by_one, a[::-1].sum()):
        assert abs(summed - sampled.value) <= sampled.error


@given(seed=SEEDS)
def test_errors_that_come_in_are_carried_through(seed: int) -> None:
    """And go together where they are the same: a − a is 0 on every side."""
    generator = np.random.default_rng(seed)
    a, b = drawn(seed, 4, 5).astype(float), drawn(seed + 1, 5, 3).astype(float)
    ea, eb = np.abs(a) * generator.uniform(0, 0.1, a.shape), np.abs(b) * generator.uniform(0, 0.1, b.shape)
    moved_a, moved_b = a + ea / 3 * generator.uniform(-1, 1, a.shape), b + eb / 3 * generator.uniform(-1, 1, b.shape)
    off = Sampled.off(a, ea, SINGLE)
    assert (np.abs(moved_a @ moved_b - a @ b) <= (off @ Sampled.off(b, eb, SINGLE)).error).all()
    assert (np.abs(moved_a * moved_a - a * a) <= (off * off).error).all()
    assert (np.abs(2 * moved_a - 2 * a) <= (off + off).error).all()
    assert ((off - off).error <= 1e-5 * np.abs(a)).all()


def test_a_product_of_zeros_is_exact_and_a_product_that_underflows_is_not() -> None:
    both = Precision("float32")
    zeros = Sampled.exact(np.zeros((1, 3)), both) @ Sampled.exact(np.ones((3, 1)), both)
    tiny = Sampled.exact(np.full((1, 3), 1e-30), both) @ Sampled.exact(np.full((3, 1), 1e-30), both)
    assert zeros.error == 0
    assert tiny.error >= np.finfo("float32").smallest_normal


def test_nothing_is_known_of_more_roundings_than_the_precision_bears() -> None:
    assert np.isnan(Precision("float32").gamma(2**25))


def test_numbers_of_two_precisions_do_not_meet() -> None:
    """Or a sum in float32 would be held to float64's rounding."""
    one, other = (Sampled.exact(np.ones((2, 2)), Precision(dtype)) for dtype in ("float64", "float32"))
    for operation in (add, sub, mul, matmul, lambda a, b: a.over(b, least=1.0)):
        with pytest.raises(TypeError, match="two precisions in one formula"):
            operation(one, other)


@pytest.mark.parametrize("root", [Sampled.root, lambda a: a.reciprocal_root(1e-5)])
def test_the_root_of_an_exact_number_is_off_by_its_own_roundings(root: Callable[[Sampled], Sampled]) -> None:
    precision = Precision("float64")
    found = root(Sampled.exact(np.array([0.3, 2.0, 7.0]), precision))
    assert (found.error >= 2 * precision.u * found.value).all()
    assert (found.error <= 64 * precision.u * found.value).all()
