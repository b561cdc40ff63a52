"""The activations with a slope of one's own: beside PyTorch's, and against central differences."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import manual
from tests.manual.beside import FAULT, RECORDS, Case, few, trainings

KINDS = ("LeakyReLU", "ELU")
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def between(kind: str, number: float) -> Callable[[Any, Any], Any]:
    """Build the activation between two linear layers."""

    def build(package: Any, array: Any) -> Any:
        first, last = package.Linear(array(4, 3)), package.Linear(array(2, 4))
        return package.Sequential(first, getattr(package, kind)(number), last)

    return build


def case(kind: str, number: float, records: int = 6, seed: int = 0) -> Case:
    return Case(between(kind, number), (records, 3), seed)


@few
@given(
    kind=st.sampled_from(KINDS), number=st.floats(0, 2), records=st.integers(1, RECORDS), seed=st.integers(0, 2**32 - 1),
    training=trainings(),
)
def test_it_trains_as_pytorchs(kind: str, number: float, records: int, seed: int, training: dict[str, Any]) -> None:
    case(kind, number, records, seed).held_to_pytorch(**training)


@given(kind=st.sampled_from(KINDS), number=st.floats(0, 2), records=st.integers(1, 8), seed=st.integers(0, 2**32 - 1))
def test_the_backward_pass_gives_the_slopes(kind: str, number: float, records: int, seed: int) -> None:
    case(kind, number, records, seed).held_to_slopes()


@EVERY_KIND
@pytest.mark.parametrize("number", [0.01, 0.2, 1.0, 3.0])
def test_at_0_and_far_from_it_value_and_slope_are_pytorchs(kind: str, number: float) -> None:
    z = np.array([0.0, -0.0, -1e4, 1e4, -1e-9, 1e-9])
    layer, tensor = getattr(manual, kind)(number), torch.tensor(z, requires_grad=True)
    a = getattr(nn, kind)(number)(tensor)
    a.backward(torch.ones(6))
    np.testing.assert_allclose(layer.forward(z), a.detach().numpy(), rtol=1e-15)
    assert tensor.grad is not None
    np.testing.assert_allclose(layer.backward(np.ones(6)), tensor.grad.numpy(), rtol=1e-15)


@EVERY_KIND
def test_without_a_number_it_is_pytorchs_default(kind: str) -> None:
    z = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(getattr(manual, kind)().forward(z), getattr(nn, kind)()(torch.tensor(z)), rtol=1e-15)


@EVERY_KIND
def test_a_number_of_float64_leaves_float32_as_it_is(kind: str) -> None:
    layer = getattr(manual, kind)(np.float64(0.2))
    z = np.linspace(-1, 1, 5, dtype=np.float32)
    assert layer.forward(z).dtype == layer.backward(z).dtype == np.float32


@EVERY_KIND
@pytest.mark.parametrize("what", ["value", "slope", "input"])
def test_a_fault_in_each_line_is_found(kind: str, what: str) -> None:
    plants = {"value": wrong_value, "slope": wrong_slope, "input": None}
    right = case(kind, 0.2)
    assert right.compared(steps=1).verdict == "equivalent"
    wrong = replace(right, build=spoilt(right.build, plants[what]))
    assert wrong.compared(("1", "input") if plants[what] is None else None, steps=1).verdict == "different"


def wrong_value(activation: manual.Activation) -> manual.Activation:
    return replace(activation, function=lambda z: np.where(z > 0, 1, FAULT) * activation.function(z))


def wrong_slope(activation: manual.Activation) -> manual.Activation:
    right = activation.derivative
    assert right is not None
    return replace(activation, derivative=lambda z, a: np.where(z > 0, 1, FAULT) * right(z, a))


def spoilt(build: Any, plant: Any) -> Any:
    """Plant the fault in the layer by hand alone."""

    def built(package: Any, array: Any) -> Any:
        layers = build(package, array)
        if package is manual and plant is not None:
            layers.layers[1].activation = plant(layers.layers[1].activation)
        return layers

    return built
