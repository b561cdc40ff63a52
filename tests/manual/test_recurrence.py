"""Recurrence by hand: beside PyTorch's own, and against central differences and complex steps."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import manual
import torch_ref
from compare import Problem, assert_equivalent
from compare.lockstep.difference import Mode
from compare.sides.by_hand import ByHand
from tests.manual.beside import LONG, RECORDS, Case, fewer, trainings

KINDS = {"RNN": 1, "LSTM": 4, "GRU": 3}      # how many gates each has


def recurrent(package: Any, array: Any, kind: str, n_in: int, units: int, bias: bool = True, **options: Any) -> Any:
    """A layer with weights of PyTorch's size, about 1 / √H."""
    rows, scale = KINDS[kind] * units, units**-0.5
    biases = [array(rows) * scale for _ in range(2)] if bias else [None, None]
    return getattr(package, kind)(array(rows, n_in) * scale, array(rows, units) * scale, *biases, **options)


def case_of(kind: str, shape: tuple[int, int, int], units: int, seed: int = 0, **options: Any) -> Case:
    """A layer of so many units for inputs (batch, T, in)."""
    return Case(lambda package, array: recurrent(package, array, kind, shape[2], units, **options), shape, seed)


@st.composite
def cases(draw: st.DrawFn, kind: str, batch: int = RECORDS, steps: int = 12) -> Case:
    """A layer of that kind, of drawn shape and options."""
    shape = draw(st.integers(1, batch)), draw(st.integers(1, steps)), draw(st.integers(1, 4))
    options: dict[str, Any] = {"bias": draw(st.booleans()), "last": draw(st.booleans())}
    if kind == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    return case_of(kind, shape, draw(st.integers(1, 5)), draw(st.integers(0, 2**32 - 1)), **options)


@pytest.mark.parametrize("kind", KINDS)
@fewer
@given(data=st.data(), training=trainings())
def test_it_trains_as_pytorchs(kind: str, data: st.DataObject, training: dict[str, Any]) -> None:
    data.draw(cases(kind)).held_to_pytorch(**training)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_the_backward_pass_gives_the_slopes(kind: str, data: st.DataObject) -> None:
    data.draw(cases(kind, batch=3, steps=6)).held_to_complex_steps()


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_central_differences_say_the_same(kind: str, last: bool) -> None:
    case_of(kind, (2, 4, 3), 2, last=last).held_to_slopes()


@pytest.mark.parametrize("kind", KINDS)
def test_its_parameters_are_those_of_pytorchs_layer(kind: str) -> None:
    """PyTorch's layer loads them and gives the same states."""
    case = case_of(kind, (5, 4, 3), 2)
    layer, x = case.layer(), case.inputs(0)
    module = getattr(nn, kind)(3, 2, batch_first=True, dtype=torch.float64)
    module.load_state_dict({name: torch.tensor(array) for name, array in layer.parameters().items()})
    assert list(layer.parameters()) == [name for name, _ in module.named_parameters()]
    np.testing.assert_allclose(layer.forward(x), module(torch.tensor(x))[0].detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_state_alone_is_that_of_the_last_step(kind: str) -> None:
    of_all, of_last = (case_of(kind, (5, 4, 3), 2, last=last) for last in (False, True))
    x = of_all.inputs(0)
    np.testing.assert_array_equal(of_all.layer().forward(x)[:, -1], of_last.layer().forward(x))


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_knows_no_later_inputs(kind: str) -> None:
    layer, x = case_of(kind, (2, 4, 3), 2).layer(), np.random.default_rng(0).normal(size=(2, 4, 3))
    before = layer.forward(x)
    x[:, 2] += 1
    np.testing.assert_array_equal((layer.forward(x) != before).any(axis=(0, 2)), [False, False, True, True])


def test_gates_that_are_far_open_or_shut_overflow_nothing() -> None:
    for kind in KINDS:
        layer = case_of(kind, (2, 4, 3), 2).layer("float32")
        assert np.isfinite(layer.forward(np.full((2, 4, 3), 1e30, np.float32))).all()


@pytest.mark.parametrize("shape", [(5, 3), (5, 0, 3), (5, 4, 2)])
def test_sequences_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"x has shape {shape}; expected (batch, T, 3) with T at least 1")):
        case_of("GRU", (5, 4, 3), 2).layer().forward(np.ones(shape))


def test_one_bias_alone_and_another_nonlinearity_are_refused() -> None:
    weights = np.ones((2, 3)), np.ones((2, 2))
    with pytest.raises(ValueError, match="one of bias_ih_l0 and bias_hh_l0 is None; expected both or neither"):
        manual.RNN(*weights, np.ones(2))
    with pytest.raises(ValueError, match="nonlinearity is 'sigmoid'; expected 'tanh' or 'relu'"):
        manual.RNN(*weights, nonlinearity="sigmoid")


@pytest.mark.parametrize("kind", KINDS)
def test_one_above_another_trains_as_pytorchs(kind: str) -> None:
    def build(package: Any, array: Any) -> Any:
        return package.Sequential(recurrent(package, array, kind, 3, 4), recurrent(package, array, kind, 4, 2, bias=False, last=True))

    case = Case(build, (3, 4, 3))
    case.held_to_complex_steps()
    case.held_to_pytorch(steps=3)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize(("dtype", "mode"), [("float64", "free"), ("float32", "follow")])
def test_a_classifier_of_rows_of_pixels_trains_as_pytorchs(kind: str, dtype: str, mode: Mode) -> None:
    """A layer reads an image of 8 rows of 8 pixels row by row, and a linear one scores four classes; they learn to tell all apart."""
    draw = np.random.default_rng(3)
    images = draw.normal(size=(4, 8, 8))
    batches = [(images[y] + draw.normal(size=(32, 8, 8)), y) for y in draw.integers(4, size=(5, 32))]

    def build(package: Any, into: Any) -> Any:
        drawn = np.random.default_rng(4)

        def array(*shape: int) -> Any:
            return into(drawn.normal(size=shape).astype(dtype))

        return package.Sequential(recurrent(package, array, kind, 8, 10, last=True), package.Linear(array(4, 10) / 4, array(4)))

    layer = build(manual, np.array)
    problem = Problem.of(build(torch_ref, torch.tensor), batches=batches, loss="cross_entropy", optimizer="adam", lr=0.05, dtype=dtype)
    comparison = assert_equivalent(ByHand(layer, "cross_entropy", manual.Adam(0.05)), problem, steps=LONG, mode=mode)
    assert comparison.steps == LONG
    assert all((layer.predict(x.astype(dtype)).argmax(axis=-1) == y).mean() > 0.9 for x, y in batches)
