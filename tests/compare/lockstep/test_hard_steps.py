"""A step in which rounding weighs much, or one such number, says nothing of the other steps: what is wrong in them is found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from compare import Manual, Problem, TorchRef, assert_equivalent, train_in_lockstep
from compare.problem.of_module import ModuleProblem
from compare.sides.interface import StepRecord
from compare.support.arrays import Array
from compare.support.errors import NotEquivalentError
from tests.compare.variants import Variant
from tests.soak import perceptron_run

XOR = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]])


def xor() -> Problem:
    """From equal weights a relu's z is 0.3 − 0.3: at its bend, by rounding alone."""
    weights = {"0.weight": np.full((3, 2), 0.3), "2.weight": np.full((1, 3), 0.3)}
    return Problem(sizes=(2, 3, 1), activations=("relu", "sigmoid"), loss="bce", lr=0.1, batches=(XOR,), initial_parameters=weights)


def saturated(z: float, at: int) -> Problem:
    """One of the batches has a record of which a sigmoid is sure and wrong."""
    generator = np.random.default_rng(4)
    batches = []
    for number in range(20):
        x, y = generator.normal(size=(6, 3)), generator.integers(2, size=(6, 1)).astype(float)
        if number + 1 == at:
            x[0], y[0] = [z, 0.0, 0.0], 0.0
        batches.append((x, y))
    weights = {"0.weight": np.array([[1.0, 0.5, -0.4]])}
    return Problem(sizes=(3, 1), loss="bce", lr=1e-6, batches=tuple(batches), initial_parameters=weights)


def wrong_by(factor: float, at: int, until: float) -> dict[str, Any]:
    def fault(arrays: dict[str, Array]) -> None:
        if "0.weight" in arrays:
            arrays["0.weight"] *= factor

    return {"fault": fault, "fault_at": at, "fault_until": until}


@pytest.mark.parametrize(("problem", "at"), [(xor(), 6), (saturated(32.0, 1), 12), (saturated(40.0, 1), 12), (saturated(32.0, 5), 12)])
@pytest.mark.parametrize("factor", [1.01, 1 + 1e-6])
def test_a_hard_step_does_not_excuse_another(problem: Problem, at: int, factor: float) -> None:
    for wrong in (wrong_by(1.0, at, at), wrong_by(factor, at, at)):
        comparison = train_in_lockstep(Variant(problem, **wrong), TorchRef(problem), problem, steps=20)
        found = comparison.first_divergence
        is_right = wrong["fault"] is not None and found is None
        assert is_right or (found is not None and found.step == at), comparison.explanation()
    assert found is not None


def test_probabilities_that_are_no_longer_numbers_are_a_verdict() -> None:
    """PyTorch's own bce raises for them."""
    weights = {"0.weight": np.array([[1e300], [-1e300]]), "2.weight": np.ones((1, 2))}
    batches = ((np.full((3, 1), 1e12), np.ones((3, 1))),)
    sizes, activations = (1, 2, 1), ("identity", "sigmoid")
    problem = Problem(sizes=sizes, activations=activations, loss="bce", lr=0.1, batches=batches, initial_parameters=weights)
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=3)
    assert "both sides are no longer finite" in comparison.explanation()


def test_a_choice_that_rounding_turns_is_said() -> None:
    weights = {"0.weight": np.array([[0.3, 0.3, -0.6], [0.1, 0.5, 0.2]]), "2.weight": np.full((1, 2), 0.3)}
    batches = ((np.ones((4, 3)), np.ones((4, 1))),)
    problem = Problem(sizes=(3, 2, 1), activations=("relu", "sigmoid"), loss="mse", lr=1e-9, batches=batches, initial_parameters=weights)
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=3)
    assert comparison.rounding is not None
    assert comparison.rounding.turned == (1, 2)
    assert "at 2 of these, first at step 1, rounding turns a choice" in comparison.explanation()
    easy = saturated(1.0, 1)
    assert "turns" not in train_in_lockstep(Manual(easy), TorchRef(easy), easy, steps=3).explanation()


def centred() -> ModuleProblem:
    """In the first two batches the bias's gradient is rounding alone."""
    generator = np.random.default_rng(0)
    model = nn.Linear(3, 1, dtype=torch.float64)
    nn.init.zeros_(model.bias)
    batches = [(generator.normal(size=(8, 3)), generator.normal(size=(8, 1))) for _ in range(20)]
    batches[:2] = [(x - x.mean(axis=0), y - y.mean(axis=0)) for x, y in batches[:2]]
    return Problem.of(model, batches=batches, loss="mse", lr=0.05)


@pytest.mark.parametrize("factor", [-1.0, 0.0, 2.0, 1 + 1e-9])
def test_gradients_that_were_rounding_alone_excuse_no_real_ones(factor: float) -> None:
    def gradients(wrong: float) -> Any:
        def of(params: Any, x: Array, y: Array) -> dict[str, Array]:
            delta = 2 * (x @ params["weight"].T + params["bias"] - y) / len(y)
            return {"weight": delta.T @ x, "bias": wrong * delta.sum(axis=0)}

        return of

    assert_equivalent(gradients(1.0), centred(), steps=7)
    with pytest.raises(NotEquivalentError, match=r"first at step 3, (grads|params) bias"):
        assert_equivalent(gradients(factor), centred(), steps=7)


def test_a_loss_of_sure_probabilities_is_not_free() -> None:
    """PyTorch's logarithm is never below −100, whatever rounding makes of 1 − p."""
    generator = np.random.default_rng(0)
    batches = ((generator.normal(size=(100, 2)) * 40, generator.random((100, 1))),)
    weights = {"0.weight": np.array([[1.0, 0.5]])}
    problem = Problem(sizes=(2, 1), activations="sigmoid", loss="bce", lr=1e-3, batches=batches, initial_parameters=weights)

    class Summed(Manual):
        def steps(self, *batches: Any) -> StepRecord:
            shown = super().steps(*batches)
            return replace(shown, loss=np.asarray(shown.loss) * 100)

    assert train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=5).verdict == "equivalent"
    found = train_in_lockstep(Summed(problem), TorchRef(problem), problem, steps=5).first_divergence
    assert found is not None
    assert (found.step, found.tensor) == (1, "loss")


def test_what_is_no_longer_shown_is_a_difference() -> None:
    problem = centred()
    weight, bias = (np.array(problem.initial_parameters[name]) for name in ("weight", "bias"))

    class Fewer:
        def load_state_dict(self, params: Any) -> None:
            self.params = {"weight": weight.copy(), "bias": bias.copy()}
            self.done = 0

        def step(self, x: Array, y: Array) -> StepRecord:
            self.done += 1
            delta = 2 * (x @ self.params["weight"].T + self.params["bias"] - y) / len(y)
            grads = {"weight": delta.T @ x, "bias": delta.sum(axis=0)}
            self.params = {name: array - 0.05 * grads[name] for name, array in self.params.items()}
            return StepRecord(grads=grads if self.done < 3 else None, params=self.params)

        def predict(self, x: Array) -> Array:
            return np.asarray(x @ self.params["weight"].T + self.params["bias"])

    with pytest.raises(NotEquivalentError, match="expected it in every step"):
        assert_equivalent(Fewer(), problem, steps=7)


def test_a_hard_first_batch_beside_a_module_excuses_no_later_one() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(100, 4), torch.randint(0, 2, (100, 1)).float()
    hard = x.clone()
    hard[0], y[0] = torch.tensor([10.0, 0.0, 0.0, 0.0]), 0.0
    model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0.3, -0.2, 0.1]]))
    calls = iter(range(1, 100))

    def gradients(params: dict[str, Array], x: Array, y: Array) -> dict[str, Array]:
        p = 1 / (1 + np.exp(-(x @ params["0.weight"].T + params["0.bias"])))
        delta = (p - y) / len(y) * np.float32(1 if next(calls) == 1 else 1.001)
        return {"0.weight": delta.T @ x, "0.bias": delta.sum(0)}

    batches = [(hard.numpy(), y.numpy()), *((x.numpy(), y.numpy()) for _ in range(9))]
    problem = Problem.of(model, batches=batches, loss=F.binary_cross_entropy, lr=1e-3)
    with pytest.raises(NotEquivalentError, match="first at step 2"):
        assert_equivalent(gradients, problem, steps=10)


@pytest.mark.parametrize("loss", ["l1", "huber"])
@pytest.mark.parametrize(("dtype", "records"), [("float64", 5000), ("float32", 2000)])
def test_a_sum_of_equal_terms_rounds_the_same_way_each_time(loss: str, dtype: str, records: int) -> None:
    """With all targets on one side, δ is the same for each record, and its sum over them is off by more than by chance."""
    for seed in range(4):
        generator = np.random.default_rng(seed)
        batch = generator.normal(size=(records, 3)), generator.normal(size=(records, 2)) + 50
        problem = Problem(sizes=(3, 4, 2), activations=("tanh", "identity"), bias=True, loss=loss, batches=(batch,), seed=seed, dtype=dtype)
        comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=2)
        assert comparison.verdict == "equivalent", comparison.explanation()


@pytest.mark.parametrize("seed", [6844, 7840, 8277])
def test_equal_numbers_may_round_unlike_each_other(seed: int) -> None:
    """What a product of matrices makes equal on one side is not on the other: a sum of them cancels to more than rounding of their sum."""
    _, what, comparison, _ = perceptron_run(seed)
    assert comparison.verdict == "equivalent", f"{what}\n{comparison.explanation()}"


def test_an_empty_class_beside_a_module_is_no_difference() -> None:
    """From weights of 0 each record's p is the same."""
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(5000, 4)).astype("float32"), np.sort(generator.integers(0, 3, size=5000))
    model = nn.Linear(4, 4)
    with torch.no_grad():
        for each in model.parameters():
            each.zero_()

    def gradients(params: dict[str, Array], x: Array, y: Array) -> dict[str, Array]:
        z = x @ params["weight"].T + params["bias"]
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        delta = (p - np.eye(4, dtype="float32")[y]) / np.float32(len(y))
        return {"weight": delta.T @ x, "bias": delta.sum(0)}

    assert_equivalent(gradients, Problem.of(model, batches=[(x, y)], loss=F.cross_entropy, lr=0.1), steps=3)


def test_a_square_that_is_not_shown_may_be_next_to_nothing() -> None:
    """RMSprop divides by the root of squares of gradients of which rounding alone made a choice."""
    _, _, comparison, _ = perceptron_run(4130)
    assert comparison.verdict == "equivalent", comparison.explanation()


class Early(torch.autograd.Function):
    """x Wᵀ, with the gradient of W's later columns multiplied by a factor."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, factor: float, first: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.factor, ctx.first = factor, first
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = grad.T @ x
        gradient[:, ctx.first :] *= ctx.factor
        return grad @ weight, gradient, None, None


class Wrong(nn.Module):
    """A linear layer, which is wrong in training at all steps but some."""

    def __init__(self, weight: torch.Tensor, factor: float, right: tuple[int, ...], first: int = 0) -> None:
        super().__init__()
        self.weight, self.factor, self.right, self.first, self.calls = nn.Parameter(weight), factor, right, first, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        factor = 1.0 if self.factor == 1 or self.calls in self.right else self.factor
        out: torch.Tensor = Early.apply(x, self.weight, factor, self.first)  # type: ignore[no-untyped-call]
        return out


@pytest.mark.parametrize(("dtype", "scale", "factor"), [("float32", 1e4, 1 + 1e-4), ("float64", 1e6, 1 + 1e-9)])
def test_numbers_that_are_small_in_their_tensor_are_held_to_their_own(dtype: str, scale: float, factor: float) -> None:
    generator = np.random.default_rng(0)
    batches = [(generator.normal(size=(32, 3)) * [scale, 1, 1], generator.normal(size=(32, 1))) for _ in range(3)]
    how: Any = {"batches": batches, "loss": lambda output, y: (output * y).mean(), "lr": 1e-6, "dtype": dtype, "steps": 13}
    weight = torch.tensor(generator.normal(size=(8, 3)))
    assert_equivalent(Wrong(weight, 1, (1, 2, 11), 1), Wrong(weight, 1, ()), stages=False, **how)
    with pytest.raises(NotEquivalentError, match="first at step 3, grads weight"):
        assert_equivalent(Wrong(weight, factor, (1, 2, 11), 1), Wrong(weight, 1, ()), stages=False, **how)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("dtype", "factor"), [("float32", 1 + 1e-4), ("float64", 1 + 1e-9)])
def test_steps_in_which_a_gradient_is_rounding_alone_excuse_no_real_one(dtype: str, factor: float) -> None:
    """Of equal records a batch normalisation leaves rounding alone, of which relu makes a choice."""

    def network(factor: float) -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(Wrong(torch.randn(12, 6), factor, (1, 2)), nn.BatchNorm1d(12, affine=False), nn.ReLU(), nn.Linear(12, 3))

    generator = np.random.default_rng(0)
    batches = [(generator.normal(size=(16, 6)), generator.normal(size=(16, 3))) for _ in range(7)]
    batches[:2] = [(np.repeat(x[:1], 16, axis=0), y) for x, y in batches[:2]]
    how: Any = {"batches": batches, "loss": "mse", "lr": 1e-3, "dtype": dtype, "steps": 7}
    assert_equivalent(network(1.0), network(1.0), **how)
    with pytest.raises(NotEquivalentError, match=r"first at step 3, grads 0\.weight"):
        assert_equivalent(network(factor), network(1.0), **how)
