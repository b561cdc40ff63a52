"""A layer of `manual` beside a module: what it shows, and what is found."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import manual
from compare import Implementation, NotEquivalentError, Problem, ProblemError, assert_equivalent
from compare.sides.by_hand import ByHand

BATCHES = [(np.random.default_rng(n).normal(size=(5, 3)), np.random.default_rng(n).normal(size=(5, 2))) for n in range(3)]


def linear(dtype: str = "float64") -> manual.Linear:
    return manual.Linear(np.zeros((2, 3), dtype), np.zeros(2, dtype))


def problem(**options: Any) -> Any:
    defaults = {"batches": BATCHES, "loss": "mse", "optimizer": "adam", "lr": 0.01, "dtype": "float64"}
    return Problem.of(nn.Linear(3, 2), **(defaults | options))


def test_it_is_equivalent_and_shows_all_but_the_activations() -> None:
    side = ByHand(linear(), "mse", manual.Adam(0.01))
    assert isinstance(side, Implementation)
    assert assert_equivalent(side, problem(), steps=10).verdict == "equivalent"
    record = side.step(*BATCHES[0])
    assert record.phases == ("output", "loss", "errors", "grads", "state", "deltas", "params")
    before = {(phase, name): array.copy() for phase, name, array in record.tensors()}
    side.step(*BATCHES[1])
    assert all((array == before[phase, name]).all() for phase, name, array in record.tensors())


@pytest.mark.parametrize(
    ("side", "complaint"),
    [
        (ByHand(linear(), "mse", manual.Adam(0.02)), "step 1, delta"),
        (ByHand(linear(), "mse", manual.SGD(0.01)), "step 1, delta"),
        (ByHand(linear(), "half_mse", manual.Adam(0.01)), "step 1, loss"),
        (ByHand(linear(), "mse", manual.Adam(0.01), reduction="sum"), "step 1, loss"),
        (ByHand(linear("float32"), "mse", manual.Adam(0.01)), "float32"),
    ],
)
def test_another_training_is_another(side: ByHand, complaint: str) -> None:
    with pytest.raises(NotEquivalentError, match=complaint):
        assert_equivalent(side, problem(), steps=3)


class Inside(nn.Module):
    """Two linear layers, and tanh between them, which is no submodule."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("0", nn.Linear(3, 2))
        self.add_module("2", nn.Linear(2, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.get_submodule("2")(torch.tanh(self.get_submodule("0")(x)))
        return out


@pytest.mark.parametrize("fault", [1.0, 1 + 1e-9])
def test_stages_that_the_module_has_not_are_left_out(fault: float) -> None:
    second = manual.Linear(np.zeros((2, 2)), np.zeros(2))
    right = second.backward
    second.backward = lambda error: right(error) * fault  # type: ignore[method-assign]
    layer = manual.Sequential(linear(), manual.Activate(manual.ACTIVATIONS["tanh"]), second)
    of_module = Problem.of(Inside(), batches=BATCHES, loss="mse", lr=0.01, dtype="float64")
    side = ByHand(layer, "mse", manual.SGD(0.01))
    if fault == 1:
        comparison = assert_equivalent(side, of_module, steps=3)
        assert {key[1] for key in comparison.series if key[0] == "activations"} == {"0", "2"}
    else:
        with pytest.raises(NotEquivalentError, match="first at step 1, gradient at 0"):
            assert_equivalent(side, of_module, steps=3)


def test_its_layers_are_as_they_were_after_each_step() -> None:
    layer = manual.Sequential(linear(), manual.Activate(manual.ACTIVATIONS["tanh"]))
    side = ByHand(layer, "mse", manual.SGD(0.1))
    side.step(*BATCHES[0])
    other = copy.deepcopy(layer)
    for array in other.parameters().values():
        array[...] = 0.0
    assert side.predict(BATCHES[0][0]).any()
    assert not other.predict(BATCHES[0][0]).any()


def test_a_dtype_that_is_another_is_said_of_the_last_layer_first() -> None:
    """The error at the output of the first layer is of another dtype since that of the second is."""
    layer = manual.Sequential(linear("float32"), manual.Linear(np.ones((2, 2), "float32")))
    right = layer.layers[1].gradients
    layer.layers[1].gradients = lambda error: right(error.astype(np.float64))  # type: ignore[method-assign]
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2, bias=False))
    of_module = Problem.of(module, batches=BATCHES, loss="mse", lr=0.1, dtype="float32")
    with pytest.raises(NotEquivalentError, match=r"grads 1\.weight\n.*float64"):
        assert_equivalent(ByHand(layer, "mse", manual.SGD(0.1)), of_module, steps=1)


def test_a_loss_that_there_is_not_is_refused() -> None:
    with pytest.raises(ProblemError, match="loss is 'msee'; expected one of half_mse, mse, "):
        ByHand(linear(), "msee", manual.Adam(0.01))


def test_decay_of_weights_alone_is_that_of_all_with_two_dimensions_or_more() -> None:
    w, options = np.ones((2, 3, 2)), {"weight_decay": 0.5, "decay": "weights"}
    assert (manual.SGD(0.1, **options).delta(w, np.zeros_like(w), {}) < 0).all()
    assert not manual.SGD(0.1, **options).delta(w[0, 0], np.zeros(2), {}).any()


def test_it_starts_afresh_with_the_parameters_it_is_given() -> None:
    side = ByHand(linear(), "mse", manual.Adam(0.01))
    start = {"weight": np.ones((2, 3)), "bias": np.zeros(2)}
    records = []
    for _ in range(2):
        side.load_state_dict(start)
        side.step(*BATCHES[0])
        records.append(side.step(*BATCHES[0]))
    assert all((records[0].carried[name] == array).all() for name, array in records[1].carried.items())


def test_other_names_than_the_layers_are_refused() -> None:
    twin = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(ProblemError, match=r"weight is missing \(is it 0.weight, which has its shape\?\)"):
        assert_equivalent(ByHand(linear(), "mse", manual.SGD(0.1)), Problem.of(twin.to(torch.float64), batches=BATCHES, loss="mse"))
