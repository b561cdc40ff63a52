"""One call and its backward pass: honest second forms agree, and the smallest planted faults do not."""

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compare import NotEquivalentError, ProblemError, assert_same_gradients
from compare.lockstep.call import CallComparison, compare_call
from tests.compare.second_forms import CASES, Second

DTYPES = (torch.float64, torch.float32, torch.bfloat16)


def compared(name: str, dtype: torch.dtype = torch.float64, factor: float = 1.0) -> CallComparison:
    case = CASES[name]
    torch.manual_seed(1)
    module = case.module().to(dtype)
    inputs = [(case.scale * torch.randn(shape, dtype=torch.float64)).to(dtype) for shape in case.shapes]
    return compare_call(Second(module, case.form, factor), module, inputs)


@pytest.mark.sampled(11)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_second_form_is_equal(name: str, dtype: torch.dtype) -> None:
    comparison = compared(name, dtype)
    assert comparison.verdict == "equivalent", comparison.explanation()
    assert max(each.share for each in comparison.differences) < 0.5


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", CASES)
def test_a_gradient_off_by_a_little_is_seen(name: str) -> None:
    """By 1 − 1e-12 of it in float64."""
    comparison = compared(name, factor=1 - 1e-12)
    found = comparison.first_divergence
    assert found is not None, max(each.share for each in comparison.differences)
    assert found.phase == "gradients"


class CrossEntropy(torch.autograd.Function):
    """A fused cross-entropy, as people write it."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:  # type: ignore[override]
        p = torch.softmax(logits, -1)
        ctx.save_for_backward(p, targets)
        return -torch.log(p[torch.arange(len(p)), targets]).mean()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        p, targets = ctx.saved_tensors
        delta = p.clone()
        delta[torch.arange(len(p)), targets] -= 1
        return grad * delta / len(p), None


class WithoutMean(CrossEntropy):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        delta, _ = CrossEntropy.backward(ctx, grad)
        return delta * len(delta), None


LOGITS = 4 * torch.randn((30, 10), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
TARGETS = torch.arange(30) % 10


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_function_of_ones_own_is_equal_in_each_precision(dtype: torch.dtype) -> None:
    comparison = assert_same_gradients(CrossEntropy, F.cross_entropy, LOGITS.to(dtype), TARGETS)
    assert comparison.compared == 301
    with pytest.raises(NotEquivalentError, match=r"first at the gradient of input 0, index \[\d+, \d+\](.|\n)*agreed before it: output"):
        assert_same_gradients(WithoutMean, F.cross_entropy, LOGITS.to(dtype), TARGETS)


def test_a_cast_to_float32_on_the_way_is_seen() -> None:
    def cast(x: Tensor) -> Tensor:
        return torch.tanh(x.float().double())

    with pytest.raises(NotEquivalentError, match="first at output"):
        assert_same_gradients(cast, torch.tanh, LOGITS)


def test_gradients_no_larger_than_rounding_prove_nothing() -> None:
    def lost(x: Tensor) -> Tensor:
        return x * 1e-20 + 1 - x.detach() * 1e-20

    def same(x: Tensor) -> Tensor:
        return (x + 1) - (x + 1) + torch.ones_like(x)

    assert compare_call(lost, lost, [LOGITS]).verdict == "equivalent"
    assert compare_call(same, same, [LOGITS]).verdict == "equivalent"


def test_what_is_missing_is_told() -> None:
    def flat(x: Tensor) -> Tensor:
        return torch.tanh(x).sum(0)

    def single(x: Tensor) -> Tensor:
        return torch.tanh(x.float())

    with pytest.raises(NotEquivalentError, match=r"it is \[10\] of float64; expected \[30, 10\] of float64"):
        assert_same_gradients(flat, torch.tanh, LOGITS)
    with pytest.raises(NotEquivalentError, match=r"it is \[30, 10\] of float32; expected \[30, 10\] of float64"):
        assert_same_gradients(single, torch.tanh, LOGITS)
    with pytest.raises(NotEquivalentError, match="output 1"):
        assert_same_gradients(lambda x: (torch.tanh(x),), lambda x: (torch.tanh(x), torch.exp(x)), LOGITS)


def test_no_gradient_at_all_is_a_gradient_of_zeros() -> None:
    with pytest.raises(NotEquivalentError, match=r"first at the gradient of input 1(.|\n)*actual      0.0"):
        assert_same_gradients(lambda a, b: a * b.detach(), torch.mul, LOGITS, LOGITS + 1)


def test_not_a_number_is_never_equal() -> None:
    with pytest.raises(NotEquivalentError, match="both sides are no longer finite"):
        assert_same_gradients(torch.sqrt, torch.sqrt, LOGITS)


@pytest.mark.parametrize(
    ("function", "inputs", "message"),
    [
        (torch.tanh, (3,), "inputs are an int; expected a tensor of floating point among them"),
        (torch.tanh, (torch.arange(3),), "expected a tensor of floating point among them"),
        (lambda x: x.mul_(2), (LOGITS,), "changes its inputs in place"),
        (lambda x: x.detach(), (LOGITS,), "returns a Tensor without a gradient"),
        (lambda x: x * next(COUNT), (LOGITS,), "gives other numbers when it is called again"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_error(function: Any, inputs: Any, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        assert_same_gradients(function, function, *inputs)


COUNT = itertools.count(1)


def test_modules_are_given_the_same_parameters_or_refused() -> None:
    x = torch.randn((3, 16), dtype=torch.float64)
    assert_same_gradients(nn.Linear(16, 4).double(), nn.Linear(16, 4).double(), x)
    with pytest.raises(ProblemError, match=r"the parameters of Linear are weight \[4, 16\]; expected weight \[4, 16\], bias \[4\]"):
        assert_same_gradients(nn.Linear(16, 4, bias=False).double(), nn.Linear(16, 4).double(), x)


def test_drawn_dropout_is_the_same_on_both_sides() -> None:
    assert_same_gradients(lambda x: F.dropout(x, 0.5) * 2 / 2, lambda x: F.dropout(x, 0.5), LOGITS)


class Blind(torch.autograd.Function):
    """tanh, whose backward pass takes its argument for the gradient from above."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return x * (1 - torch.tanh(x) ** 2)


def test_the_gradient_from_above_is_of_no_stream_that_the_inputs_may_be_from() -> None:
    torch.manual_seed(0)
    with pytest.raises(NotEquivalentError, match="first at the gradient of input 0"):
        assert_same_gradients(Blind, torch.tanh, torch.randn((8, 4), dtype=torch.float64))


def test_inputs_and_outputs_inside_others_are_compared() -> None:
    a, b = LOGITS, LOGITS.flip(0)
    assert_same_gradients(lambda xs: xs["a"] * xs["b"], lambda xs: torch.mul(*xs.values()), {"a": a, "b": b})
    with pytest.raises(NotEquivalentError, match=r"first at the gradient of input 0\['b'\]"):
        assert_same_gradients(lambda xs: xs["a"] * (2 * xs["b"].detach() - xs["b"]), lambda xs: xs["a"] * xs["b"], {"a": a, "b": b})
    with pytest.raises(NotEquivalentError, match="first at output 2"):
        assert_same_gradients(lambda x: (x * 2, (x * 3, x * 5)), lambda x: (x * 2, (x * 3, x * 4)), a)
    with pytest.raises(NotEquivalentError, match="first at output 1"):
        assert_same_gradients(lambda x: (x * 2, 4.0), lambda x: (x * 2, 3.0), a)


def test_an_output_that_only_one_side_returns_is_a_difference() -> None:
    for ours, theirs, side in ((1, 0, "expected"), (0, 1, "actual")):
        with pytest.raises(NotEquivalentError, match=rf"first at output 1\n.*it is missing on the {side} side"):
            assert_same_gradients(lambda x, n=ours: (x * 2, *[3.0] * n), lambda x, n=theirs: (x * 2, *[3.0] * n), LOGITS)


def test_outputs_of_a_mask_are_equal_where_both_are_the_same_infinity() -> None:
    mask = torch.ones(30, 10, dtype=torch.bool).triu(1)

    def masked(by: float) -> Any:
        return lambda x: (x * 2).masked_fill(mask, by)

    assert_same_gradients(lambda x: torch.where(mask, -torch.inf, x + x), masked(-torch.inf), LOGITS)
    for other in (torch.inf, -1e300, torch.nan):
        with pytest.raises(NotEquivalentError, match=r"first at output, index \[0, 1\]"):
            assert_same_gradients(masked(other), masked(-torch.inf), LOGITS)


@pytest.mark.parametrize("logarithm", [False, True])
@pytest.mark.parametrize(("dtype", "by"), [(torch.float64, -1e9), (torch.float64, -1e300), (torch.float32, -1e9), (torch.float32, -3e38)])
def test_a_row_that_is_masked_throughout_is_held_to_equal_parts(dtype: torch.dtype, by: float, logarithm: bool) -> None:
    """Beside −1e9 nothing is left of e^(z − log Σeᶻ), in float32; of e^(z − max z) all is."""
    scores = LOGITS.to(dtype).index_fill(0, torch.tensor([3]), by)

    def of(parts: float) -> Any:
        def softmax(z: Tensor) -> Tensor:
            e = torch.exp(z - z.detach().amax(-1, keepdim=True))
            p = e / e.sum(-1, keepdim=True) * torch.where(z[:, :1] == by, parts, 1.0)
            return torch.log(p) if logarithm else p

        return softmax

    expected = torch.log_softmax if logarithm else torch.softmax
    assert_same_gradients(of(1.0), lambda z: expected(z, -1), scores)
    for parts in (1e-9, 0.9, 10.0):
        with pytest.raises(NotEquivalentError, match=r"first at output, index \[3, \d\]"):
            assert_same_gradients(of(parts), lambda z: expected(z, -1), scores)


def test_buffers_that_a_call_changes_are_compared() -> None:
    class Still(nn.BatchNorm1d):
        def forward(self, x: Tensor) -> Tensor:
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True)

    assert_same_gradients(nn.BatchNorm1d(10).double(), nn.BatchNorm1d(10).double(), LOGITS)
    with pytest.raises(NotEquivalentError, match="first at running_mean"):
        assert_same_gradients(Still(10).double(), nn.BatchNorm1d(10).double(), LOGITS)


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(ProblemError, match="an input is complex"):
        assert_same_gradients(torch.abs, torch.abs, torch.randn(3, dtype=torch.complex128))
    with pytest.raises(ProblemError, match="returns complex numbers"):
        assert_same_gradients(torch.fft.fft, torch.fft.fft, LOGITS)


def test_sparse_inputs_and_a_seed_that_is_none_are_refused() -> None:
    with pytest.raises(ProblemError, match=r"an input is a tensor that is torch.sparse_coo; expected a dense one"):
        assert_same_gradients(lambda x: x.to_dense(), lambda x: x.to_dense(), LOGITS.to_sparse())
    with pytest.raises(ProblemError, match="seed"):
        assert_same_gradients(torch.sin, torch.sin, LOGITS, seed="a")  # type: ignore[arg-type]


def test_an_expected_function_with_constants_of_float32_is_sampled_in_float32() -> None:
    weight, x = torch.randn((10, 4), generator=torch.Generator().manual_seed(3)), LOGITS.float()
    assert_same_gradients(lambda x: (x[:, :, None] * weight).sum(1), lambda x: x @ weight, x)
    for wrong in (weight * (1 + 1e-4), weight.bfloat16().float()):
        with pytest.raises(NotEquivalentError, match="first at output"):
            assert_same_gradients(lambda x, wrong=wrong: x @ wrong, lambda x: x @ weight, x)


def test_a_difference_says_which_calls_have_no_row() -> None:
    with pytest.raises(NotEquivalentError, match=r"has no row for logcumsumexp, in which honest"):
        assert_same_gradients(lambda x: x.logcumsumexp(0) * 2, lambda x: x.logcumsumexp(0), LOGITS)
    with pytest.raises(NotEquivalentError, match=r"(?s)^((?!no row).)*$"):
        assert_same_gradients(lambda x: x.cumsum(0) * 2, lambda x: x.cumsum(0), LOGITS)
