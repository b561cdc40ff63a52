"""Linear layers of inputs with more axes than two."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import manual
from tests.manual.beside import RECORDS, Case, few, trainings


@st.composite
def cases(draw: st.DrawFn, records: int = 8) -> Case:
    """A linear layer of records with any axes between."""
    n_in, n_out, has_bias = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.booleans())
    between = draw(st.lists(st.integers(1, 4), max_size=3))

    def build(package: Any, array: Any) -> Any:
        return package.Linear(array(n_out, n_in), array(n_out) if has_bias else None)

    return Case(build, (draw(st.integers(1, records)), *between, n_in), draw(st.integers(0, 2**32 - 1)))


@few
@given(case=cases(RECORDS), training=trainings())
def test_a_linear_layer_trains_as_pytorchs(case: Case, training: dict[str, Any]) -> None:
    case.held_to_pytorch(**training)


@given(case=cases())
def test_its_backward_pass_gives_the_slopes(case: Case) -> None:
    case.held_to_complex_steps()


@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 3), (1, 2, 3, 3)])
def test_the_axes_between_are_as_more_records(shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    a, delta = generator.normal(size=(6, 3)), generator.normal(size=(6, 2))
    layer = manual.Linear(generator.normal(size=(2, 3)), np.ones(2))
    z, (weight, bias), error = layer.forward(a), layer.gradients(delta).values(), layer.backward(delta)
    np.testing.assert_allclose(layer.forward(a.reshape(shape)), z.reshape(*shape[:-1], 2), rtol=1e-14)
    np.testing.assert_array_equal(layer.gradients(delta.reshape(*shape[:-1], 2))["weight"], weight)
    np.testing.assert_array_equal(layer.gradients(delta.reshape(*shape[:-1], 2))["bias"], bias)
    np.testing.assert_allclose(layer.backward(delta.reshape(*shape[:-1], 2)), error.reshape(shape), rtol=1e-14)
