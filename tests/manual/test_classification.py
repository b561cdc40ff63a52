"""Cross-entropy and the margin of scores, with their options: beside PyTorch's own, and against central differences."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import manual
import torch_ref
from compare import Comparison, Problem
from compare.lockstep.of_module import train_beside_module
from compare.sides.by_hand import ByHand, Criterion
from manual.arrays import Array
from tests.manual.beside import DTYPES, FAULT, STEPS, few
from tests.manual.test_derivatives import central_differences

REDUCTIONS = ("mean", "sum", "batchmean")
LOSSES = ("CrossEntropy", "MultiMargin")
IGNORED = -100


@dataclass(frozen=True)
class Case:
    """A loss of that class and options, of outputs (places…, classes); with `soft`, of probabilities."""

    kind: str
    options: dict[str, Any]
    places: tuple[int, ...]
    classes: int
    reduction: str = "mean"
    soft: bool = False
    seed: int = 0

    def by_hand(self) -> Any:
        return getattr(manual, self.kind)(**self.options)

    def output(self, number: int = 0) -> Array:
        return np.random.default_rng((self.seed, number)).normal(size=(*self.places, self.classes))

    def targets(self, number: int = 0) -> Any:
        """Targets, some of them ignored where that may be."""
        generator = np.random.default_rng((self.seed, number, 1))
        if self.soft:
            p = generator.random((*self.places, self.classes)) + 0.01
            return p / p.sum(-1, keepdims=True)
        y = generator.integers(self.classes, size=self.places)
        if self.kind == "CrossEntropy":
            y[generator.random(self.places) < 0.2] = self.options.get("ignore_index", IGNORED)
            y.flat[0] = 0
        return y

    def by_pytorch(self, out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss by PyTorch's function alone, as people write it."""
        options = dict(self.options)
        scale = 1.0 if options.pop("average", True) else float(self.classes)
        if options.get("weight") is not None:
            options["weight"] = torch.tensor(options["weight"]).to(out)
        function: Any = {"CrossEntropy": F.cross_entropy, "MultiMargin": F.multi_margin_loss}[self.kind]
        y = y.reshape(-1, self.classes) if self.soft else y.reshape(-1)
        total = function(out.reshape(-1, self.classes), y, reduction={"batchmean": "sum"}.get(self.reduction, self.reduction), **options)
        return total * scale / (len(out) if self.reduction == "batchmean" else 1)

    def twin(self, out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss of `torch_ref`."""
        options = dict(self.options)
        if options.get("weight") is not None:
            options["weight"] = torch.tensor(options["weight"])
        loss: torch.Tensor = getattr(torch_ref, self.kind)(**options)(out, y, self.reduction)
        return loss

    def compared(self, loss: Criterion | None = None, dtype: str = "float64", steps: int = 10, mode: Any = "free") -> Comparison:
        """A table of words' scores, trained with the loss by hand, or that one, beside PyTorch's."""
        generator = np.random.default_rng((self.seed, 7))
        weight = generator.normal(size=(6, self.classes)).astype(dtype)
        batches = [(generator.integers(6, size=self.places), self.targets(number)) for number in range(3)]
        lr = 0.5 if self.reduction == "mean" else 0.02 / self.classes
        how: dict[str, Any] = {"optimizer": "sgd", "lr": lr, "dtype": dtype}
        problem = Problem.of(torch_ref.Embedding(torch.tensor(weight)), batches=batches, loss=self.by_pytorch, **how)
        side = ByHand(manual.Embedding(weight.copy()), loss or self.by_hand(), manual.SGD(lr), reduction=self.reduction)
        return train_beside_module(side, problem, steps=steps, mode=mode)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind, classes, seed = draw(st.sampled_from(LOSSES)), draw(st.integers(1, 6)), draw(st.integers(0, 2**32 - 1))
    places = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=3)))
    weight = draw(st.none() | st.just(np.random.default_rng(seed).random(classes) + 0.1))
    soft = kind == "CrossEntropy" and draw(st.booleans())
    if kind == "CrossEntropy":
        ignored = IGNORED if soft else draw(st.sampled_from([IGNORED, -1, classes]))
        options = {"label_smoothing": draw(st.just(0.0) | st.floats(0, 1)), "ignore_index": ignored}
    else:
        options = {"p": draw(st.sampled_from([1, 2])), "margin": draw(st.floats(0, 3)), "average": draw(st.booleans())}
    return Case(kind, {"weight": weight, **options}, places, classes, draw(st.sampled_from(REDUCTIONS)), soft, seed)


@few
@given(
    case=cases(), dtype=st.sampled_from(DTYPES), mode=st.sampled_from(["free", "follow"]), steps=STEPS,
)
def test_it_trains_as_pytorchs(case: Case, dtype: str, mode: str, steps: int) -> None:
    comparison = case.compared(None, dtype, steps, mode)
    assert comparison.verdict == "equivalent", comparison.explanation()
    assert comparison.steps == steps


@given(case=cases(), dtype=st.sampled_from(DTYPES))
def test_value_and_gradient_are_those_of_pytorch_and_of_the_twin(case: Case, dtype: Any) -> None:
    output, y = case.output().astype(dtype), case.targets()
    y = y.astype(dtype) if case.soft else y
    found = case.by_hand().value(output, y, case.reduction), case.by_hand().gradient(output, y, case.reduction)
    assert found[0].dtype == found[1].dtype == dtype
    near: dict[str, float] = {"float64": {"rtol": 1e-11, "atol": 1e-13}, "float32": {"rtol": 1e-3, "atol": 1e-5}}[dtype]
    for function in (case.by_pytorch, case.twin):
        tensor = torch.tensor(output, requires_grad=True)
        value = function(tensor, torch.tensor(y))
        value.backward()
        np.testing.assert_allclose(found[0], value.detach().numpy(), **near)
        np.testing.assert_allclose(found[1], tensor.grad, **near)


@given(case=cases())
def test_a_gradient_is_the_slope(case: Case) -> None:
    loss, output, y = case.by_hand(), case.output(), case.targets()
    slope = central_differences(lambda: float(loss.value(output, y, case.reduction)), output)
    np.testing.assert_allclose(loss.gradient(output, y, case.reduction), slope, rtol=1e-6, atol=1e-7)


# ---- Each line, wrong by a millionth.

WEIGHT = np.array([0.5, 2.0, 1.0, 0.7])
ENTROPY = Case("CrossEntropy", {"weight": WEIGHT, "label_smoothing": 0.1}, (4, 3), 4)
MARGIN = Case("MultiMargin", {"weight": WEIGHT, "margin": 0.9, "p": 2}, (4, 3), 4)


def with_wrong(case: Case, method: str, wrong: Callable[..., Any]) -> Any:
    """The loss with that method's result changed."""
    right = getattr(type(case.by_hand()), method)
    kind = type("Wrong", (type(case.by_hand()),), {method: lambda self, *given: wrong(right(self, *given))})
    return kind(**case.options)


METHODS = [(ENTROPY, name) for name in ("value", "gradient", "_divisor", "_weighted")]
METHODS += [(MARGIN, name) for name in ("value", "gradient", "_excess", "_share")]


@pytest.mark.parametrize(("case", "method"), METHODS, ids=lambda each: each if isinstance(each, str) else each.kind)
def test_a_fault_in_each_line_is_found(case: Case, method: str) -> None:
    assert case.compared(with_wrong(case, method, lambda result: result * FAULT), steps=1).verdict == "different"


@pytest.mark.parametrize("case", [ENTROPY, MARGIN], ids=lambda case: case.kind)
@pytest.mark.parametrize("option", ["weight", "label_smoothing", "margin", "ignore_index", "average"])
def test_a_wrong_option_is_found(case: Case, option: str) -> None:
    wrong = {
        "weight": WEIGHT * [1, FAULT, 1, 1], "label_smoothing": 0.1 * FAULT, "margin": 0.9 * FAULT, "ignore_index": 0, "average": False,
    }
    case = replace(case, options={"ignore_index": 2, **case.options}) if case is ENTROPY else case
    if not hasattr(case.by_hand(), option):
        return
    assert case.compared(steps=1).verdict == "equivalent"
    assert case.compared(replace(case.by_hand(), **{option: wrong[option]}), steps=1).verdict == "different"


# ---- What the options mean.


def test_a_score_of_minus_infinity_leaves_out_its_class() -> None:
    output, y = np.array([[0.5, -np.inf, 1.0], [-np.inf, 0.2, 0.3]]), np.array([0, 2])
    tensor = torch.tensor(output, requires_grad=True)
    expected = F.cross_entropy(tensor, torch.tensor(y))
    expected.backward()
    assert tensor.grad is not None
    np.testing.assert_allclose(manual.CrossEntropy().value(output, y), expected.detach().numpy(), rtol=1e-15)
    np.testing.assert_allclose(manual.CrossEntropy().gradient(output, y), tensor.grad.numpy(), rtol=1e-15)


def test_ignored_targets_count_neither_in_the_sum_nor_in_the_mean() -> None:
    output, y = np.random.default_rng(0).normal(size=(4, 3)), np.array([0, IGNORED, 2, IGNORED])
    loss = manual.CrossEntropy(label_smoothing=0.2)
    np.testing.assert_allclose(loss.value(output, y), loss.value(output[[0, 2]], y[[0, 2]]), rtol=1e-15)
    assert not loss.gradient(output, y)[[1, 3]].any()


def test_with_every_target_ignored_the_mean_is_nan_as_pytorchs() -> None:
    with np.errstate(invalid="ignore"):
        assert np.isnan(manual.CrossEntropy().value(np.ones((2, 3)), np.full(2, IGNORED)))
    assert F.cross_entropy(torch.ones(2, 3), torch.full((2,), IGNORED)).isnan()


def test_the_vector_machines_loss_of_courses_sums_over_the_classes() -> None:
    """CS231n's worked example: scores of a cat, a car and a frog, each the target once."""
    scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    loss = manual.MultiMargin(average=False)
    each = [float(loss.value(row[None], np.array([i]))) for i, row in enumerate(scores)]
    np.testing.assert_allclose(each, [2.9, 0.0, 12.9], atol=1e-12)
    np.testing.assert_allclose(loss.value(scores, np.arange(3)), 5.2666667, rtol=1e-7)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_target_that_is_no_class_is_refused(kind: str, wrong: int) -> None:
    loss = getattr(manual, kind)()
    for method in (loss.value, loss.gradient):
        with pytest.raises(IndexError, match="expected class indices from 0 to 2"):
            method(np.ones((2, 3)), np.array([0, wrong]))
        with pytest.raises(ValueError, match="reduction is 'none'"):
            method(np.ones((2, 3)), np.array([0, 1]), "none")


def test_a_power_that_pytorch_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="p is 3; expected 1 or 2"):
        manual.MultiMargin(p=3)


def test_the_tables_cross_entropy_refuses_more_axes() -> None:
    with pytest.raises(ValueError, match=r"expected \(n, classes\), or the loss CrossEntropy"):
        manual.LOSSES["cross_entropy"].value(np.ones((2, 3, 4)), np.zeros((2, 3), int))
