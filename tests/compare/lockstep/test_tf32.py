"""Products whose factors are rounded to ten bits, as a GPU makes them in TF32: equal where that is said; a fault is found."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compare import NotEquivalentError, assert_equivalent

DROPPED = 23 - 10      # bits of a float32's mantissa


def shortened(a: Tensor) -> Tensor:
    """Round to the nearest number of ten bits."""
    return ((a.contiguous().view(torch.int32) + (1 << (DROPPED - 1))) & -(1 << DROPPED)).view(torch.float32)


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, factor: float) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.factor = factor
        return shortened(x) @ shortened(weight).T

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        x, weight = ctx.saved_tensors
        return shortened(grad) @ shortened(weight), ctx.factor * shortened(grad).T @ shortened(x), None


class Linear(nn.Linear):
    factor = 1.0      # of the weight's gradient

    def forward(self, x: Tensor) -> Tensor:
        return Product.apply(x, self.weight, self.factor) + self.bias  # type: ignore[no-untyped-call, no-any-return]


class Wrong(Linear):
    factor = 1.1


def network(linear: type[nn.Linear]) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(linear(16, 32), nn.Tanh(), linear(32, 4))


def test_tf32_is_equal_where_it_is_said() -> None:
    comparison = assert_equivalent(network(Linear), network(nn.Linear), inputs=(8, 16), dtype="float32", tf32=True)
    assert comparison.worst is not None
    assert comparison.worst.share < 0.5


def test_it_is_different_where_it_is_not_said() -> None:
    with pytest.raises(NotEquivalentError, match="output of 0"):
        assert_equivalent(network(Linear), network(nn.Linear), inputs=(8, 16), dtype="float32")


def test_a_fault_is_found_all_the_same() -> None:
    with pytest.raises(NotEquivalentError, match=r"grads 2\.weight"):
        assert_equivalent(network(Wrong), network(nn.Linear), inputs=(8, 16), dtype="float32", tf32=True)
