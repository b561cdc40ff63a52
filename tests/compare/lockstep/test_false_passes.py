"""What once passed beside a module and was wrong: each is different now, or refused in one clear error; its honest neighbour is equal."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compare import NotEquivalentError, ProblemError, assert_equivalent, assert_same_gradients

GENERATOR = torch.Generator().manual_seed(0)
X, Y = torch.randn(32, 6, generator=GENERATOR, dtype=torch.float64), torch.randint(0, 3, (32,), generator=GENERATOR)
CLASSES: Any = {"batches": [(X, Y)], "loss": F.cross_entropy, "dtype": "float64"}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 3))


class Scale(torch.autograd.Function):
    """The identity, with a gradient multiplied by a factor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad * ctx.factor, None


def different(candidate: nn.Module, reference: nn.Module, said: str, **options: Any) -> None:
    with pytest.raises(NotEquivalentError, match=said):
        assert_equivalent(candidate, reference, **(CLASSES | options))


def doubled(parameter: Tensor) -> None:
    assert parameter.grad is not None
    parameter.grad.mul_(2)


def test_hooks_of_parameters_come_with_the_copy() -> None:
    hooked, late = network(), network()
    hooked[0].weight.register_hook(lambda grad: grad * 2)  # type: ignore[no-untyped-call, union-attr]
    late[0].weight.register_post_accumulate_grad_hook(doubled)  # type: ignore[operator, union-attr]
    for candidate in (hooked, late):
        different(candidate, network(), r"first at step 1, grads 0\.weight")
    assert_equivalent(hooked, hooked, **CLASSES)


class TwoOutputs(nn.Module):
    """Scores, and which of them is chosen."""

    def __init__(self, choose: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.choose = network(), choose

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        scores = self.network(x)
        return {"scores": scores, "chosen": self.choose(scores)}


def test_whole_numbers_and_truth_values_are_compared() -> None:
    options = {"loss": lambda out, y: F.cross_entropy(out["scores"], y)}
    right = TwoOutputs(lambda scores: scores.argmax(-1))
    assert_equivalent(right, TwoOutputs(lambda scores: scores.max(-1).indices), **(CLASSES | options))
    different(TwoOutputs(lambda scores: scores.argmin(-1)), right, "output.'chosen'.", **options)
    different(TwoOutputs(lambda scores: scores > 0), TwoOutputs(lambda scores: scores <= 0), "output.'chosen'.", **options)


def test_a_module_that_counts_outside_its_buffers_is_refused() -> None:
    class Counting(nn.Module):
        def __init__(self, first: int) -> None:
            super().__init__()
            self.network, self.calls, self.first = network(), 0, first

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return self.network(x) * (1 + (self.calls > self.first))  # type: ignore[no-any-return]

    for first in (1, 6):
        with pytest.raises(ProblemError, match="expected a module, and an optimiser, that keep what they change in parameters, buffers"):
            assert_equivalent(Counting(first), Counting(first), **CLASSES)


class Averaging(nn.Module):
    """A linear layer that keeps a running mean of its output in a buffer, which it replaces."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.rate = nn.Linear(6, 3), rate
        self.register_buffer("mean", torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x)
        self.mean = (1 - self.rate) * self.mean + self.rate * out.detach().mean(0)
        return out + self.mean


def test_buffers_that_are_replaced_are_compared() -> None:
    assert_equivalent(Averaging(0.1), Averaging(0.1), **CLASSES)
    different(Averaging(0.2), Averaging(0.1), "first at step 1")


def test_a_run_that_diverges_is_no_pass() -> None:
    different(network(), network(), "no longer finite", lr=1e308, steps=50)


class OnlyInEvaluation(nn.Module):
    """A network whose output in evaluation is multiplied."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.network, self.factor = network(), factor

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x) * (1 if self.training else self.factor)  # type: ignore[no-any-return]


def test_evaluation_is_compared() -> None:
    assert_equivalent(OnlyInEvaluation(1.0), OnlyInEvaluation(1.0), **CLASSES)
    different(OnlyInEvaluation(1.1), OnlyInEvaluation(1.0), "first at step 20, prediction")


class FromZero(nn.Module):
    """A linear regression that starts from zeros, so that on centred targets the bias's first gradient is rounding alone."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.linear, self.factor = nn.Linear(6, 1), factor
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.linear.weight, Scale.apply(self.linear.bias, self.factor))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("factor", [-1.0, 0.0, 2.0, 1.001])
def test_a_gradient_that_is_rounding_alone_at_first_is_judged_later(factor: float) -> None:
    targets = X @ torch.arange(6, dtype=torch.float64)[:, None]
    options = {"batches": [(X, targets - targets.mean(0))], "loss": F.mse_loss, "lr": 0.1, "steps": 30}
    assert_equivalent(FromZero(1.0), FromZero(1.0), **(CLASSES | options))
    different(FromZero(factor), FromZero(1.0), r"linear\.bias", **options)


def test_a_learning_rate_that_starts_at_0_proves_what_comes_after() -> None:
    rates = [0.0, *[0.01] * 19]
    assert_equivalent(network(), network(), lr=rates, **CLASSES)
    with pytest.raises(NotEquivalentError, match="not a proof"):
        assert_equivalent(network(), network(), lr=[0.0] * 20, **CLASSES)


def test_a_module_that_holds_on_to_itself_is_refused() -> None:
    held = network()
    held.extra = [lambda x: F.linear(x, held[0].weight)]  # type: ignore[assignment, arg-type]
    with pytest.raises(ProblemError, match=r"extra of the reference .Sequential. is or has a function that keeps hold of the module"):
        assert_equivalent(network(), held, **CLASSES)


def test_attention_is_equal_to_itself_and_to_a_row_of_its_own_sum() -> None:
    q, k, v = (torch.randn(2, 6, 8, generator=GENERATOR, dtype=torch.float64) * 10 for _ in range(3))

    def fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def by_log_sum(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = (q @ k.mT / 8**0.5).masked_fill(torch.ones(6, 6, dtype=torch.bool).triu(1), float("-inf"))
        return torch.exp(scores - torch.logsumexp(scores, -1, keepdim=True)) @ v

    for candidate in (fused, by_log_sum):
        assert_same_gradients(candidate, fused, q, k, v)
    with pytest.raises(NotEquivalentError):
        assert_same_gradients(lambda q, k, v: fused(Scale.apply(q, 1 - 1e-11), k, v), fused, q, k, v)  # type: ignore[no-untyped-call]


class Named(nn.Module):
    """A linear map, with a parameter called like what a report has of all parameters."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.grads, self.bias = nn.Parameter(torch.arange(6.0).reshape(2, 3)), nn.Parameter(torch.zeros(2))
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, Scale.apply(self.grads, self.factor), self.bias)


def test_a_parameter_may_be_called_like_a_phase() -> None:
    assert_equivalent(Named(), Named(), inputs=(4, 3), steps=3)
    with pytest.raises(NotEquivalentError, match="grads"):
        assert_equivalent(Named(1.001), Named(), inputs=(4, 3), steps=3)


def test_what_cannot_be_compared_is_said() -> None:
    with pytest.raises(ProblemError, match="nothing was compared"):
        assert_same_gradients(lambda x: x * 3, torch.tanh, torch.ones(0, 3))
    with pytest.raises(ProblemError, match="a NoneType cannot be called; expected a function"):
        assert_same_gradients(None, torch.tanh, torch.ones(2, 3))
    with pytest.raises(ProblemError, match="the class Linear cannot be called"):
        assert_same_gradients(nn.Linear, torch.tanh, torch.ones(2, 3))
