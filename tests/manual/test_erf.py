"""The error function, beside Python's own, which takes one number at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manual import erf as module
from manual.arrays import Array
from manual.erf import erf

X = np.concatenate([np.linspace(-7, 7, 4001), np.geomspace(1e-300, 1, 200)])


def off(x: Array) -> Array:
    """How far it is off, in units of the dtype's unit roundoff."""
    gap: Array = np.abs(erf(x) - np.vectorize(math.erf)(x.astype(float)))
    return gap / (np.finfo(x.dtype).eps / 2)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_is_pythons_within_four_units(dtype: str) -> None:
    x = X.astype(dtype)
    assert erf(x).dtype == dtype
    assert (off(x) <= 4).all()


@given(x=st.floats(-6, 6))
def test_it_is_odd(x: float) -> None:
    assert erf(np.array(x)) == -erf(np.array(-x))


@pytest.mark.parametrize("missing", range(2, 12))
def test_without_one_of_its_terms_it_is_another(missing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TERMS", module.TERMS[:missing] + module.TERMS[missing + 1 :])
    assert (off(X) > 10).any()


def test_at_its_ends_it_is_1_and_what_is_no_number_stays_so() -> None:
    np.testing.assert_array_equal(erf(np.array([-np.inf, -6.0, 0.0, 6.0, np.inf, np.nan])), [-1.0, -1.0, 0.0, 1.0, 1.0, np.nan])
