"""Pooling by hand: beside PyTorch's own, and against central differences."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import manual
import torch_ref
from tests.manual.beside import RECORDS, Case, few, trainings


@st.composite
def cases(draw: st.DrawFn, records: int = 8) -> Case:
    """A pooling of drawn shape and options, of what a convolution makes of the inputs."""

    def pair(least: int, most: int) -> tuple[int, int]:
        return draw(st.integers(least, most)), draw(st.integers(least, most))

    kind = draw(st.sampled_from(["MaxPool2d", "AvgPool2d"]))
    kernel, stride = pair(1, 3), draw(st.one_of(st.none(), st.just(pair(1, 3))))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    dilation = {"dilation": pair(1, 2)} if kind == "MaxPool2d" else {}
    size = [2 * (k - 1) + 1 + draw(st.integers(0, 3)) for k in kernel]

    def build(package: Any, array: Any) -> Any:
        convolution = package.Conv2d(array(2, 2, 1, 1), array(2))
        return package.Sequential(convolution, getattr(package, kind)(kernel, stride, padding, **dilation))

    return Case(build, (draw(st.integers(1, records)), 2, *size), draw(st.integers(0, 2**32 - 1)))


@few
@given(case=cases(RECORDS), training=trainings())
def test_it_trains_as_pytorchs(case: Case, training: dict[str, Any]) -> None:
    case.held_to_pytorch(**training)


@given(case=cases())
def test_the_backward_pass_gives_the_slopes(case: Case) -> None:
    case.held_to_slopes()


@pytest.mark.parametrize("kind", ["MaxPool2d", "AvgPool2d"])
def test_a_fault_on_the_way_back_is_found(kind: str) -> None:
    def build(package: Any, array: Any) -> Any:
        return package.Sequential(package.Conv2d(array(2, 2, 1, 1)), getattr(package, kind)(2))

    case = Case(build, (3, 2, 4, 4))
    assert case.compared(("1", "input"), steps=1).first_divergence.phase == "errors"
    assert case.compared(steps=1).verdict == "equivalent"


@given(seed=st.integers(0, 2**32 - 1), stride=st.integers(1, 3), padding=st.integers(0, 1))
def test_of_equal_numbers_the_first_gets_the_error(seed: int, stride: int, padding: int) -> None:
    """Most windows of few whole numbers have several that are largest."""
    generator = np.random.default_rng(seed)
    x = generator.integers(3, size=(2, 2, 6, 7)).astype(float)
    layer, twin = manual.MaxPool2d(3, stride, padding), torch_ref.MaxPool2d(3, stride, padding)
    argument = torch.tensor(x, requires_grad=True)
    output = twin(argument)
    error = generator.integers(9, size=tuple(output.shape)).astype(float)
    output.backward(torch.tensor(error))
    np.testing.assert_array_equal(layer.forward(x), output.detach().numpy())
    np.testing.assert_array_equal(layer.backward(error), argument.grad.numpy())


def test_the_first_matters() -> None:
    """The control of the test above: the last would be another."""
    layer, x = manual.MaxPool2d(2), np.ones((1, 1, 2, 2))
    layer.forward(x)
    assert layer.backward(np.ones((1, 1, 1, 1))).tolist() == [[[[1, 0], [0, 0]]]]
