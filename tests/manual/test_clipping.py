"""Clipping by hand: beside `torch.nn.utils`, alone and in training."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import manual
import torch_ref
from tests.manual.beside import DTYPES, FAULT, STEPS, few
from tests.manual.test_updates import MODES, SEEDS, compared, held


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.5)


CLIPS = [{"clip_grad_norm": 0.3}, {"clip_grad_value": 0.05}, {"clip_grad_norm": 0.3, "clip_grad_value": 0.05}, {"clip_grad_norm": 1e9}]


@few
@given(clips=st.sampled_from(CLIPS), dtype=st.sampled_from(DTYPES), mode=MODES, steps=STEPS, seed=SEEDS)
def test_clipped_gradients_train_as_pytorchs(clips: dict[str, float], dtype: str, mode: str, steps: int, seed: int) -> None:
    held(manual.SGD(0.1, momentum=0.5), sgd, dtype=dtype, mode=mode, steps=steps, seed=seed, **clips)


@pytest.mark.parametrize("clips", CLIPS[:2], ids=", ".join)
@pytest.mark.parametrize("by_hand", ["off", "none"])
def test_another_clipping_is_found(clips: dict[str, float], by_hand: str) -> None:
    wrong = {name: most * FAULT for name, most in clips.items()} if by_hand == "off" else {}
    found = compared(manual.SGD(0.1, momentum=0.5), sgd, by_hand=wrong, **clips).first_divergence
    assert found is not None
    assert (found.step, found.phase) == (1, "state")


@settings(max_examples=50)
@given(seed=SEEDS, scale=st.floats(1e-6, 1e6), most=st.floats(1e-3, 1e3), dtype=st.sampled_from(DTYPES))
def test_a_clipped_gradient_is_pytorchs(seed: int, scale: float, most: float, dtype: str) -> None:
    generator = np.random.default_rng(seed)
    grads = {name: (generator.normal(size=shape) * scale).astype(dtype) for name, shape in (("weight", (3, 2)), ("bias", (3,)))}
    for name, theirs in (("clip_grad_norm", nn.utils.clip_grad_norm_), ("clip_grad_value", nn.utils.clip_grad_value_)):
        parameters = [nn.Parameter(torch.zeros(grad.shape, dtype=getattr(torch, dtype))) for grad in grads.values()]
        for parameter, grad in zip(parameters, grads.values(), strict=True):
            parameter.grad = torch.tensor(grad)
        theirs(parameters, most)
        ours = getattr(manual, name)(grads, most)
        twin = getattr(torch_ref, name)({key: torch.tensor(grad) for key, grad in grads.items()}, most)
        for key, parameter in zip(grads, parameters, strict=True):
            assert parameter.grad is not None
            for clipped in (ours[key], twin[key].numpy()):
                assert clipped.dtype == dtype
                np.testing.assert_allclose(clipped, parameter.grad.numpy(), rtol=1e-12 if dtype == "float64" else 1e-5, err_msg=name)


def test_gradients_that_are_no_numbers_stay_none() -> None:
    for g in (np.nan, np.inf):
        with np.errstate(invalid="ignore"):
            assert np.isnan(manual.clip_grad_norm({"w": np.array([1.0, g])}, 1.0)["w"][1])
