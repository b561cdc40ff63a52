"""What once passed beside a module and was wrong: each is different now, or refused in one clear error; its honest neighbour is equal."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compare import (
    Manual,
    NotEquivalentError,
    Problem,
    ProblemError,
    StepRecord,
    TorchRef,
    assert_equivalent,
    assert_same_gradients,
    train_in_lockstep,
)
from compare.sides.interface import Abilities

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
    with pytest.raises(ProblemError, match="returns no number for these inputs; expected"):
        assert_same_gradients(lambda x: x * 3, torch.tanh, torch.ones(0, 3))
    with pytest.raises(ProblemError, match="a NoneType cannot be called; expected a function"):
        assert_same_gradients(None, torch.tanh, torch.ones(2, 3))
    with pytest.raises(ProblemError, match="the class Linear cannot be called"):
        assert_same_gradients(nn.Linear, torch.tanh, torch.ones(2, 3))


class Masked(nn.Module):
    """A linear layer of what a mask leaves, both in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3, dtype=torch.float64)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        out: Tensor = self.linear(inputs["x"]) * inputs["mask"]
        return out


def test_what_a_candidate_puts_into_its_inputs_does_not_reach_the_reference() -> None:
    generator = np.random.default_rng(0)
    inputs = {"x": generator.normal(size=(6, 4)), "mask": (generator.random((6, 1)) > 0.5) * 1.0}
    problem = Problem.of(Masked(), batches=[(inputs, generator.normal(size=(6, 3)))], loss="mse", lr=0.1)

    def gradients(forgets: bool) -> Callable[..., Any]:
        def of(params: Any, inputs: dict[str, Any], y: Any) -> Any:
            if forgets:
                inputs["mask"] = np.ones_like(inputs["mask"])
            output = (inputs["x"] @ params["linear.weight"].T + params["linear.bias"]) * inputs["mask"]
            delta = 2 * (output - y) / y.size * inputs["mask"]
            return ((output - y) ** 2).mean(), {"linear.weight": delta.T @ inputs["x"], "linear.bias": delta.sum(axis=0)}

        return of

    assert_equivalent(gradients(False), problem, steps=3)
    with pytest.raises(NotEquivalentError, match="first at step 1, loss"):
        assert_equivalent(gradients(True), problem, steps=3)


class Undropped(Manual):
    """The hand-written side, which drops nothing."""

    abilities = Abilities()

    def step(self, x: Any, y: Any, masks: Any = None) -> StepRecord:
        masks.update({name: np.ones_like(mask) for name, mask in masks.items()})
        return super().step(x, y, masks)


def test_nor_do_masks_of_a_perceptron() -> None:
    problem = Problem.draw((5, 8, 3), activations=("tanh", "identity"), lr=0.3, dropout=0.5)
    assert train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=3).verdict == "equivalent"
    found = train_in_lockstep(Undropped(problem), TorchRef(problem), problem, steps=3).first_divergence
    assert found is not None
    assert (found.step, found.phase) == (1, "output")


class Attending(nn.Module):
    """Causal attention whose mask is a number; the weights of each place are multiplied by a factor."""

    def __init__(self, masked: float, factor: float = 1.0, apart: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.q, self.k, self.masked, self.factor, self.apart = nn.Linear(8, 8), nn.Linear(8, 8), masked, factor, apart

    def forward(self, x: Tensor) -> Tensor:
        scores = self.q(x) @ self.k(x).mT
        scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), self.masked)
        if not self.apart:
            return torch.softmax(scores, -1) * self.factor @ x
        e = torch.exp(scores - scores.amax(-1, keepdim=True))
        return e / e.sum(-1, keepdim=True) @ x


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("dtype", "factor"), [(torch.float64, 1 + 1e-10), (torch.float32, 1 + 1e-4)])
@pytest.mark.parametrize("masked", [-1e4, -1e9, "min", -torch.inf])
def test_a_mask_of_large_numbers_allows_no_more_than_one_of_infinities(masked: Any, dtype: torch.dtype, factor: float) -> None:
    masked = torch.finfo(dtype).min if masked == "min" else masked
    how: Any = {"inputs": (4, 6, 8), "dtype": dtype, "steps": 3}
    assert_equivalent(Attending(masked, apart=True), Attending(masked), **how)
    with pytest.raises(NotEquivalentError, match="first at step 1, output"):
        assert_equivalent(Attending(masked, factor), Attending(masked), **how)


class OwnAdamW:
    """tanh of a linear layer, with an AdamW of its own that may forget its decay, or scale the weights after each step."""

    def __init__(self, decay: float = 0.01, scale: float = 1.0) -> None:
        self.decay, self.scale = np.float32(decay), np.float32(scale)

    def load_state_dict(self, params: Any) -> None:
        self.w = params["0.weight"].copy()
        self.m, self.v, self.done = np.zeros_like(self.w), np.zeros_like(self.w), 0

    def predict(self, x: Any) -> Any:
        return np.tanh(x @ self.w.T)

    def step(self, x: Any, y: Any) -> StepRecord:
        output = self.predict(x)
        grad = (2 / np.float32(y.size) * (output - y) * (1 - output * output)).T @ x
        self.done += 1
        self.m = np.float32(0.9) * self.m + np.float32(0.1) * grad
        self.v = np.float32(0.999) * self.v + np.float32(0.001) * grad * grad
        m, v = self.m / np.float32(1 - 0.9**self.done), self.v / np.float32(1 - 0.999**self.done)
        self.w = self.w * (1 - np.float32(1e-4) * self.decay)
        self.w = (self.w - np.float32(1e-4) * m / (np.sqrt(v) + np.float32(1e-8))) * self.scale
        return StepRecord(output=output, grads={"0.weight": grad}, params={"0.weight": self.w.copy()})


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [{"decay": 0}, {"scale": 1 + 5e-7}, {}])
def test_steps_that_lean_to_one_side_are_found_together(wrong: dict[str, float]) -> None:
    """In float32 a decay of 1e-6 of the weights is less than what rounding allows in one step."""
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    module = nn.Sequential(nn.Linear(8, 6, bias=False), nn.Tanh())
    batches = [(generator.normal(size=(16, 8)), generator.normal(size=(16, 6))) for _ in range(5)]
    how: Any = {"optimizer": "adamw", "optimizer_options": {"weight_decay": 0.01}, "lr": 1e-4, "dtype": "float32"}
    problem = Problem.of(module, batches=batches, loss="mse", **how)
    if not wrong:
        assert_equivalent(OwnAdamW(), problem, steps=400)
        return
    with pytest.raises(NotEquivalentError, match=r"first at step 400, params 0\.weight\n.*its 400 steps lean to one side"):
        assert_equivalent(OwnAdamW(**wrong), problem, steps=400)


class Both:
    """A side that shows a parameter of another name beside one of the reference's."""

    def load_state_dict(self, params: Any) -> None:
        self.params = params

    def step(self, x: Any, y: Any) -> StepRecord:
        return StepRecord(grads={"0.weight": np.zeros((3, 4)), "0.bias": np.zeros(3), "gate": np.zeros(3)})

    def predict(self, x: Any) -> Any:
        return x


class Gated(nn.Sequential):
    """A linear layer beside a parameter that nothing uses."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 3))
        self.gate = nn.Parameter(torch.zeros(3))


@pytest.mark.parametrize("candidate", [Both(), Gated()])
def test_no_two_names_become_one(candidate: Any) -> None:
    batches = [(np.ones((2, 4)), np.ones((2, 3)))]
    with pytest.raises(ProblemError, match=r"names map gate to 0\.bias, which the candidate has, too"):
        assert_equivalent(candidate, nn.Sequential(nn.Linear(4, 3)), batches=batches, loss="mse", names={"gate": "0.bias"})
