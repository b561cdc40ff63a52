"""Problems of any module: what can be given, and the one clear error for what cannot."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compare import Problem, ProblemError, assert_equivalent

X, Y = np.random.default_rng(0).normal(size=(2, 6, 4))
BATCHES = [(X, Y)]
LINEAR = nn.Linear(4, 4)


def problem(module: Any = None, **options: Any) -> Any:
    return Problem.of(nn.Linear(4, 4) if module is None else module, **({"batches": BATCHES, "loss": "mse"} | options))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Problem.of(nn.Linear, inputs=(3, 4)), "the reference is the class Linear; expected an object"),
        (lambda: Problem.of([], inputs=(3, 4)), "the reference is a list; expected an object of torch.nn.Module"),
        (lambda: Problem.of(nn.Linear(4, 4)), "neither batches nor inputs are given"),
        (lambda: problem(inputs=(3, 4)), "batches and inputs are both given"),
        (lambda: problem(loss=None), "loss is None; expected one of half_mse"),
        (lambda: problem(loss="mean"), "loss is 'mean'; expected one of half_mse"),
        (lambda: problem(loss=3), "loss is an int; expected one of"),
        (lambda: problem(batches=[]), "there is no batch"),
        (lambda: problem(batches=X), "batches are an array of dtype float64; expected a list of tuples"),
        (lambda: problem(batches=[(X,)]), "batch 1 has 1 entries; expected inputs and a target"),
        (lambda: problem(batches=[(X, [[object()]])]), "batch 1 has an object in it; expected arrays or tensors"),
        (lambda: problem(batches=[(X * np.nan, Y)]), "batch 1 holds NaN"),
        (lambda: problem(optimizer="lbfgs"), "optimizer is 'lbfgs'; expected one of sgd"),
        (lambda: problem(optimizer=torch.optim.SGD, optimizer_options={"momentum": 1}), "optimizer_options are given with an optimizer"),
        (lambda: problem(optimizer_options={"speed": 1}), "speed is no option of sgd"),
        (lambda: problem(lr=-1), "lr is -1; expected a finite number above 0"),
        (lambda: problem(clip_grad_norm=0), "clip_grad_norm is 0; expected a finite number above 0"),
        (lambda: problem(clip_grad_value=0), "clip_grad_value is 0; expected a finite number above 0"),
        (lambda: problem(dtype="float16"), "dtype is 'float16'; expected one of float64, float32, bfloat16"),
        (lambda: problem(seed=-1), "seed is -1"),
        (lambda: problem(initial_parameters={"w": X}), "initial_parameters have w; expected some of weight, bias"),
        (lambda: problem(initial_parameters={"bias": X}), r"initial parameter bias has shape \[6, 4\]; expected \[4\]"),
        (lambda: problem(nn.Flatten(), batches=[(np.arange(6), Y)]), "no parameter of the module is trained, and no input is of floating"),
        (lambda: Problem.of(nn.Linear(4, 4), inputs=(3, 0)), r"inputs are \(3, 0\); expected shapes of whole numbers"),
        (lambda: Problem.of(nn.Linear(4, 4), inputs="3"), "inputs are '3'; expected a shape"),
    ],
)
def test_what_cannot_be_used_is_said_at_once(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        make()


class InPlace(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(2))


class Unsteady(nn.Linear):
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        Unsteady.calls += 1
        return super().forward(x) * Unsteady.calls


@pytest.mark.parametrize(
    ("candidate", "reference", "options", "said"),
    [
        (LINEAR, LINEAR, {"loss": lambda out, y: out - y}, r"the loss is a tensor of shape \[6, 4\]; expected a scalar"),
        (LINEAR, LINEAR, {"loss": lambda out, y: out.detach().sum()}, "the loss of the reference has no gradient"),
        (LINEAR, InPlace(4, 4), {}, "the reference changes its inputs in place"),
        (InPlace(4, 4), LINEAR, {}, "the module changes its inputs in place"),
        (LINEAR, Unsteady(4, 4), {}, "the reference gives another output when the same step"),
        (LINEAR, nn.Linear(4, 4, bias=False), {}, "the parameters do not match: bias is of shape .4. in the candidate and missing in"),
        (nn.Linear, LINEAR, {}, "the candidate is the class Linear; expected an object"),
        (3, LINEAR, {}, "the candidate is an int; expected a torch.nn.Module, an object with"),
        (nn.Linear(5, 4), nn.Linear(5, 4), {}, "the forward of the reference .Linear. raised RuntimeError: mat1 and mat2"),
        (LINEAR, LINEAR, {"lr": [0.1, 0.2]}, "lr has 2 numbers; expected one for each step, and this is"),
        (LINEAR, LINEAR, {"optimizer": lambda ps: None}, "optimizer returned a NoneType; expected a torch.optim.Optimizer"),
        (LINEAR, LINEAR, {"optimizer": torch.optim.LBFGS}, "the optimizer is LBFGS, which needs a closure"),
        (LINEAR, LINEAR, {"steps": 0}, "steps are 0; expected a whole number, at least 1"),
        (LINEAR, LINEAR, {"mode": "both"}, "mode is 'both'; expected 'free' or 'follow'"),
        (LINEAR, LINEAR, {"names": {"w": "wieght"}}, "names map to wieght, which the reference does not have"),
        (LINEAR, LINEAR, {"step": 3}, "step cannot be given with a module; expected some of batches"),
        (lambda p, x, y: {}, LINEAR, {}, "what gradients returned lacks bias, weight; expected weight, bias"),
        (lambda p, x, y: {"weight": X, "bias": X}, LINEAR, {}, "the gradient of weight is of shape .6, 4."),
        (lambda p, x, y: 3, LINEAR, {}, "gradients returned an int; expected a mapping"),
        (lambda p, x, y: p["w"], LINEAR, {}, "gradients raised KeyError: 'w'; expected a function of params"),
        (lambda p, x, y: {}, nn.Sequential(nn.Dropout(0.5), LINEAR), {}, "the reference draws random numbers .0., which a candidate"),
    ],
)
def test_a_run_that_cannot_be_made_is_one_clear_error(candidate: Any, reference: nn.Module, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        assert_equivalent(candidate, reference, **({"batches": BATCHES, "loss": "mse"} | options))


def test_the_users_modules_stay_as_they_are() -> None:
    candidate, reference = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    before = [{name: each.clone() for name, each in module.state_dict().items()} for module in (candidate, reference)]
    drawn, dtype = torch.random.get_rng_state(), torch.get_default_dtype()
    assert_equivalent(candidate, reference, batches=BATCHES, loss="mse", dtype="float64")
    for module, state in zip((candidate, reference), before, strict=True):
        assert all(torch.equal(each, state[name]) for name, each in module.state_dict().items())
        assert all(parameter.grad is None for parameter in module.parameters())
        assert not any(each._forward_hooks for each in module.modules())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert torch.get_default_dtype() == dtype


def test_nested_inputs_several_dtypes_and_a_loss_of_the_output_alone() -> None:
    class Masked(nn.Module):
        def __init__(self, order: int) -> None:
            super().__init__()
            self.table, self.order = nn.Embedding(5, 3), order

        def forward(self, inputs: dict[str, Any], scale: Tensor) -> dict[str, Tensor]:
            rows = self.table(inputs["tokens"])
            first, second = inputs["pair"]
            mask = inputs["mask"][:, None]
            return {"rows": rows * mask * scale * first + second if self.order else second + (first * scale) * (rows * mask)}

    generator = np.random.default_rng(1)
    pair = (generator.normal(size=(6, 3)), generator.normal(size=(6, 3)))
    inputs = {"tokens": generator.integers(0, 5, 6), "pair": pair, "mask": np.array([1, 0, 1, 1, 0, 1], bool)}
    batches = [(inputs, np.array(0.5))]
    comparison = assert_equivalent(Masked(0), Masked(1), batches=batches, loss=lambda out: out["rows"].square().mean(), dtype="float64")
    assert comparison.verdict == "equivalent"


@pytest.mark.parametrize(
    "options",
    [
        {"lr": [0.1 / (1 + step) for step in range(20)]},
        {"lr": lambda step: 0.1 if step < 5 else 0.01, "optimizer": lambda ps: torch.optim.Adagrad(ps)},
        {"clip_grad_norm": 0.1, "lr": 0.5},
        {"clip_grad_value": 0.01, "lr": 0.5},
        {"optimizer": "adamw", "optimizer_options": {"decay": "weights", "weight_decay": 0.1}, "lr": 0.01},
        {"optimizer": lambda ps: torch.optim.SGD([{"params": ps[:1], "lr": 0.1, "momentum": 0.9}, {"params": ps[1:]}], lr=0.01)},
    ],
    ids=lambda options: ", ".join(options),
)
def test_schedules_groups_and_clipping(options: dict[str, Any]) -> None:
    class Other(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return torch.einsum("ij,kj->ik", x, self.weight) + self.bias

    assert_equivalent(Other(4, 4), nn.Linear(4, 4), batches=BATCHES, loss=F.mse_loss, dtype="float64", **options)


def test_dropout_is_the_same_on_both_sides() -> None:
    def network() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 4))

    first = assert_equivalent(network(), network(), batches=BATCHES, loss="mse", dtype="float64")
    assert first.verdict == "equivalent"
    late = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.4), nn.Linear(8, 4))
    with pytest.raises(AssertionError, match="first at step 1, output of 1"):
        assert_equivalent(late, network(), batches=BATCHES, loss="mse", dtype="float64")


def test_frozen_and_tied_parameters() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
            self.second.weight = self.first.weight
            self.first.bias.requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(torch.tanh(self.first(x)))  # type: ignore[no-any-return]

    class Detached(Tied):
        def forward(self, x: Tensor) -> Tensor:
            return F.linear(torch.tanh(self.first(x)), self.second.weight.detach(), self.second.bias)

    assert_equivalent(Tied(), Tied(), batches=BATCHES, loss="mse", dtype="float64")
    with pytest.raises(AssertionError, match=r"first at step 1, grads first\.weight"):
        assert_equivalent(Detached(), Tied(), batches=BATCHES, loss="mse", dtype="float64")
