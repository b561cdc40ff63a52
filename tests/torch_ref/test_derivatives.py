"""PyTorch's own operators as they are used here: autograd's derivative of each is the slope of what it computes."""

from functools import partial

import numpy as np
import pytest
import torch

from tests.pieces import loss_arguments
from torch_ref import ACTIVATIONS, LOSSES


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_passes_gradcheck(name: str) -> None:
    z = torch.tensor([[-3.0, -1.0, -0.2], [0.3, 1.0, 41.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ACTIVATIONS[name], (z,))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_passes_gradcheck(name: str, reduction: str) -> None:
    for output, y in loss_arguments(name, np.random.default_rng(0), spread=1.0):
        outputs = torch.tensor(output, requires_grad=True)
        assert torch.autograd.gradcheck(partial(LOSSES[name], y=torch.tensor(y), reduction=reduction), (outputs,))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_refuses_another_reduction(name: str) -> None:
    output, y = loss_arguments(name, np.random.default_rng(0))[0]
    with pytest.raises(ValueError, match="reduction is 'none'"):
        LOSSES[name](torch.tensor(output), torch.tensor(y), reduction="none")


def test_softplus_is_exact_where_pytorchs_default_is_not() -> None:
    z = torch.linspace(20.5, 60, 80, dtype=torch.float64)
    exact = z + torch.log1p(torch.exp(-z))
    assert torch.equal(ACTIVATIONS["softplus"](z), exact)
    assert not torch.equal(torch.nn.functional.softplus(z), exact)
