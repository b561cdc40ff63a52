"""Layers made of layers: their names and passes, beside PyTorch's own."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import manual
import torch_ref
from manual import Linear, Network, Residual, Sequential
from tests.manual.beside import RECORDS, Case, fewer, trainings


def deep(package: Any, draw: Any, width: int = 3) -> Any:
    """A network in a network, and a network beside what passes straight through."""

    def linear(n_in: int, n_out: int) -> Any:
        return package.Linear(draw(n_out, n_in), draw(n_out))

    tanh = package.Activate(package.ACTIVATIONS["tanh"])
    inner = package.Sequential(linear(width, 4), tanh, linear(4, width))
    norm = package.BatchNorm(draw(4), draw(4))
    return package.Sequential(package.Sequential(linear(4, 4), norm), package.Flatten(), linear(4, width), package.Residual(inner))


DEEP = Case(deep, (5, 4))


@fewer
@given(
    records=st.integers(2, RECORDS), width=st.integers(1, 5), training=trainings({"weight_decay": 0.1, "decay": "weights"}),
    seed=st.integers(0, 2**32 - 1),
)
def test_nested_layers_train_as_pytorchs_modules(records: int, width: int, training: dict[str, Any], seed: int) -> None:
    Case(lambda package, draw: deep(package, draw, width), (records, 4), seed).held_to_pytorch(**training)


def test_the_backward_pass_gives_the_slopes() -> None:
    DEEP.held_to_slopes()


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "plant",
    [
        ("0.0", "weight"), ("0.0", "input"), ("0.1", "weight"), ("0.1", "bias"), ("0.1", "input"), ("0", "input"), ("1", "input"),
        ("2", "bias"), ("2", "input"), ("3", "input"), ("3", "layer.2.weight"), ("3.layer", "input"), ("3.layer.1", "input"),
        ("", "0.0.weight"), ("", "input"),
    ],
)
def test_a_fault_on_the_way_back_is_found(plant: tuple[str, str]) -> None:
    assert DEEP.compared(plant, steps=1).verdict == "different"


def test_names_and_their_order_are_those_of_the_module() -> None:
    layer = DEEP.layer()
    twin = deep(torch_ref, lambda *shape: torch.zeros(shape, dtype=torch.float64))
    assert list(layer.entries()) == list(twin.state_dict())
    assert list(layer.parameters()) == [name for name, _ in twin.named_parameters()]
    assert list(layer.buffers()) == [name for name, _ in twin.named_buffers()]
    layer.forward(DEEP.inputs(0))
    assert list(layer.gradients(np.ones((5, 3)))) == list(layer.parameters())


def test_the_network_is_one_of_these() -> None:
    network = Network((3, 4, 2), "tanh", bias=True)
    stack = Sequential(*network.layers)
    x, error = np.random.default_rng(0).normal(size=(5, 3)), np.ones((5, 2))
    np.testing.assert_array_equal(stack.forward(x), network.forward(x))
    for name, gradient in network.backward(error).items():
        np.testing.assert_array_equal(stack.gradients(error)[name], gradient)
    assert stack.parameters().keys() == network.parameters().keys()
    assert all(stack.parameters()[name] is array for name, array in network.parameters().items())


def test_the_first_layers_input_error_is_made_only_when_asked_for() -> None:
    first = Linear(np.ones((2, 3)))
    layer = Sequential(first, Residual(Linear(np.ones((2, 2)))))
    layer.forward(np.ones((4, 3)))
    asked: list[str] = []
    first.backward = lambda delta: asked.append("input") or delta @ first.weight      # type: ignore[method-assign, func-returns-value]
    error = np.ones((4, 2))
    layer.gradients(error)
    assert not asked
    assert layer.backward(error).shape == (4, 3)
    assert asked == ["input"]


def test_in_evaluation_all_layers_are() -> None:
    dropout = manual.Dropout(0.5, np.random.default_rng(0))
    layer = Sequential(Residual(dropout), Sequential(dropout))
    np.testing.assert_array_equal(layer.predict(np.ones((4, 3))), np.full((4, 3), 2.0))


def test_no_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="there are no layers; expected at least one"):
        Sequential()


def test_flatten_keeps_pytorchs_order() -> None:
    a = np.arange(24.0).reshape(2, 3, 2, 2)
    layer = manual.Flatten()
    np.testing.assert_array_equal(layer.forward(a), torch_ref.Flatten()(torch.tensor(a)).numpy())
    assert layer.backward(np.ones((2, 12))).shape == a.shape
