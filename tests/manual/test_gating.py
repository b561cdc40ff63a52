"""SwiGLU by hand: beside PyTorch's operators, and against central differences."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.manual.beside import RECORDS, Case, few, trainings


@st.composite
def cases(draw: st.DrawFn, records: int) -> Case:
    """Three linear layers of drawn sizes, each with a bias or without, of records with an axis between or none."""
    n_in, hidden, n_out = (draw(st.integers(1, 4)) for _ in range(3))
    biases, between = [draw(st.booleans()) for _ in range(3)], draw(st.lists(st.integers(1, 3), max_size=1))

    def build(package: Any, array: Any) -> Any:
        sizes = (hidden, n_in), (hidden, n_in), (n_out, hidden)
        linears = [package.Linear(array(*size), array(size[0]) if has_bias else None) for size, has_bias in zip(sizes, biases, strict=True)]
        return package.SwiGLU(*linears)

    return Case(build, (draw(st.integers(1, records)), *between, n_in), draw(st.integers(0, 2**32 - 1)))


def small(package: Any, array: Any) -> Any:
    return package.SwiGLU(package.Linear(array(4, 3), array(4)), package.Linear(array(4, 3)), package.Linear(array(2, 4), array(2)))


SMALL = Case(small, (3, 2, 3))


@few
@given(case=cases(RECORDS), training=trainings())
def test_it_trains_as_pytorchs(case: Case, training: dict[str, Any]) -> None:
    case.held_to_pytorch(**training)


@given(case=cases(records=3))
def test_the_backward_pass_gives_the_slopes(case: Case) -> None:
    case.held_to_slopes()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("plant", [(path, what) for path in ("gate_proj", "up_proj", "down_proj") for what in ("weight", "input")])
def test_a_fault_on_the_way_back_is_found(plant: tuple[str, str]) -> None:
    assert SMALL.compared(plant, steps=1).verdict == "different"


def test_its_names_are_llamas() -> None:
    names = ["gate_proj.weight", "gate_proj.bias", "up_proj.weight", "down_proj.weight", "down_proj.bias"]
    layer = SMALL.layer()
    assert list(layer.parameters()) == names
    assert list(layer.gradients(layer.forward(SMALL.inputs(0)))) == names
