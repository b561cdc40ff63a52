"""Attention by hand: beside PyTorch's own, against central differences and complex steps, and what its masks mean."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import manual
from tests.manual.beside import RECORDS, Case, few, trainings

MASKS = ("none", "causal", "bools", "numbers")


def masking(mask: str, array: Any, places: int) -> dict[str, Any]:
    """The layer's options for a mask of that kind; the first place is always seen."""
    if mask in ("none", "causal"):
        return {"causal": mask == "causal"}
    numbers = array(places, places)
    if mask == "numbers":
        return {"mask": numbers}
    bools = numbers > 0
    bools[:, 0] = False
    return {"mask": bools}


def attention(heads: int, per_head: int, mask: str, biases: tuple[bool, bool], shape: tuple[int, int], seed: int = 0) -> Case:
    """Attention of so many sequences of so many places."""
    units = heads * per_head

    def build(package: Any, array: Any) -> Any:
        weight, bias = array(3 * units, units), array(3 * units) if biases[0] else None
        out_proj = package.Linear(array(units, units), array(units) if biases[1] else None)
        return package.MultiheadAttention(heads, weight, bias, out_proj, **masking(mask, array, shape[1]))

    return Case(build, (*shape, units), seed)


@st.composite
def cases(draw: st.DrawFn, sequences: int) -> Case:
    """Attention of drawn shape and options."""
    heads, per_head, n, places = (draw(st.integers(1, most)) for most in (4, 3, sequences, 6))
    biases = draw(st.booleans()), draw(st.booleans())
    return attention(heads, per_head, draw(st.sampled_from(MASKS)), biases, (n, places), draw(st.integers(0, 2**32 - 1)))


def by_hand(case: Case) -> manual.MultiheadAttention:
    """The case's layer, as what it is."""
    layer = case.layer()
    assert isinstance(layer, manual.MultiheadAttention)
    return layer


SMALL = attention(2, 2, "causal", (True, True), (3, 4))


@few
@given(case=cases(RECORDS), training=trainings())
def test_it_trains_as_pytorchs(case: Case, training: dict[str, Any]) -> None:
    case.held_to_pytorch(**training)


@given(case=cases(sequences=2))
def test_the_backward_pass_gives_the_slopes(case: Case) -> None:
    case.held_to_complex_steps()


@pytest.mark.parametrize("mask", MASKS)
def test_central_differences_say_the_same(mask: str) -> None:
    attention(2, 2, mask, (True, True), (2, 3)).held_to_slopes()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("what", ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias", "input"])
def test_a_fault_on_the_way_back_is_found(what: str) -> None:
    assert SMALL.compared(("", what), steps=1).verdict == "different"


@pytest.mark.parametrize("mask", MASKS)
def test_it_is_the_module_of_pytorch_with_the_same_parameters_and_weights(mask: str) -> None:
    """`nn.MultiheadAttention` takes what the layer shows as it is, and weighs the places alike."""
    case = attention(2, 3, mask, (True, True), (5, 4))
    layer, x = by_hand(case), case.inputs(0)
    module = nn.MultiheadAttention(6, 2, batch_first=True, dtype=torch.float64)
    module.load_state_dict({name: torch.tensor(array) for name, array in layer.parameters().items()})
    assert list(layer.parameters()) == [name for name, _ in module.named_parameters()]
    seen = torch.ones(4, 4, dtype=torch.bool).triu(1) if mask == "causal" else None if layer.mask is None else torch.tensor(layer.mask)
    output, weights = module(*[torch.tensor(x)] * 3, attn_mask=seen, average_attn_weights=False)
    np.testing.assert_allclose(layer.forward(x), output.detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(layer.weights, weights.detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(layer.weights.sum(axis=-1), 1)


def test_no_place_sees_a_later_one_where_it_is_causal() -> None:
    layer, x = by_hand(SMALL), SMALL.inputs(0)
    before = layer.forward(x)
    assert not np.triu(layer.weights, 1).any()
    x[:, 2] += 1
    np.testing.assert_array_equal((layer.forward(x) != before).any(axis=(0, 2)), [False, False, True, True])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"heads": 3}, r"in_proj_weight has shape \(12, 4\); expected \(3E, E\), with E a multiple of 3 heads"),
        ({"weight": np.ones((8, 4))}, r"in_proj_weight has shape \(8, 4\); expected"),
        ({"causal": True, "mask": np.zeros((4, 4))}, "a mask is given, and causal is True; expected one of them"),
        ({"mask": np.arange(16).reshape(4, 4) // 4 == 2}, "in row 2 of the mask all is −∞; expected a place that is seen"),
        ({"mask": np.zeros((3, 3))}, r"the mask has shape \(3, 3\); expected \(4, 4\), as x has 4 places"),
        ({"mask": np.zeros((4, 4), int)}, "the mask is of dtype int64; expected bools, True for what is not seen"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], complaint: str) -> None:
    heads, weight = options.pop("heads", 2), options.pop("weight", np.ones((12, 4)))
    with pytest.raises(ValueError, match=complaint):
        manual.MultiheadAttention(heads, weight, None, manual.Linear(np.ones((4, 4))), **options).forward(np.ones((1, 4, 4)))
