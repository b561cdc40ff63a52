"""A fault in any line of any backward pass is found, and at the layer that the line is of."""

from typing import Any

import numpy as np
import pytest

import manual
from manual.normalization import Normalization
from manual.recurrence import Recurrent
from manual.windows import Windows
from tests.manual.beside import Case
from tests.manual.planted import Fault, Line, lines_of
from tests.manual.test_recurrence import case_of


def conv(package: Any, array: Any) -> Any:
    return package.Conv2d(array(4, 1, 2, 2), array(4), groups=2, padding=1)


def attention(package: Any, array: Any) -> Any:
    return package.MultiheadAttention(2, array(12, 4), array(12), package.Linear(array(4, 4), array(4)), causal=True)


def swiglu(package: Any, array: Any) -> Any:
    return package.SwiGLU(package.Linear(array(4, 3), array(4)), package.Linear(array(4, 3)), package.Linear(array(2, 4)))


def tied(package: Any, array: Any) -> Any:
    return package.TiedEmbedding(package.Embedding(array(5, 2)), package.PositionalEmbedding(array(4, 2)), array(5))


def sequential(package: Any, array: Any) -> Any:
    return package.Sequential(package.Linear(array(4, 3)), package.Activate(package.ACTIVATIONS["tanh"]), package.Linear(array(2, 4)))


def norm(package: Any, array: Any, kind: str = "LayerNorm") -> Any:
    return getattr(package, kind)(*((2,) if kind == "GroupNorm" else ()), array(4), array(4))


# The class whose lines these are: layers that run them all, between them.
CASES: dict[type, list[Case]] = {
    manual.Linear: [Case(lambda package, array: package.Linear(array(4, 3), array(4)), (5, 2, 3))],
    manual.Activate: [Case(lambda package, array: package.Activate(package.ACTIVATIONS["silu"]), (5, 3))],
    manual.Flatten: [Case(lambda package, array: package.Flatten(), (5, 2, 2))],
    manual.Sequential: [Case(sequential, (5, 3))],
    manual.Residual: [Case(lambda package, array: package.Residual(package.Linear(array(3, 3))), (5, 3))],
    manual.Conv2d: [Case(conv, (3, 2, 3, 4))],
    manual.Conv1d: [Case(lambda package, array: package.Conv1d(array(4, 2, 2), array(4), stride=2), (3, 2, 5))],
    manual.MaxPool2d: [Case(lambda package, array: package.MaxPool2d(2, 1), (3, 2, 3, 4))],
    manual.AvgPool2d: [Case(lambda package, array: package.AvgPool2d(2, 1), (3, 2, 3, 4))],
    Windows: [Case(conv, (3, 2, 3, 4))],
    Normalization: [
        Case(norm, (5, 4)),
        Case(lambda package, array: package.RMSNorm(array(4)), (5, 4)),
        Case(lambda package, array: norm(package, array, "BatchNorm2d"), (3, 4, 2, 2)),
    ],
    manual.GroupNorm: [Case(lambda package, array: norm(package, array, "GroupNorm"), (3, 4, 2, 3))],
    manual.Embedding: [Case(lambda package, array: package.Embedding(array(5, 3)), (8, 2), words=5)],
    manual.PositionalEmbedding: [Case(lambda package, array: package.PositionalEmbedding(array(4, 3)), (5, 3, 3))],
    manual.TiedEmbedding: [Case(tied, (5, 4), words=5)],
    manual.MultiheadAttention: [Case(attention, (3, 4, 4))],
    manual.SwiGLU: [Case(swiglu, (5, 3))],
    Recurrent: [case_of("GRU", (2, 2, 2), 3, last=last) for last in (False, True)],
    manual.RNN: [case_of("RNN", (2, 2, 2), 3)],
    manual.LSTM: [case_of("LSTM", (2, 2, 2), 3)],
    manual.GRU: [case_of("GRU", (2, 2, 2), 3)],
}


LINES = [line for owner in CASES for line in lines_of(owner)]

# Lines that compute sizes, zeros or places, or raise.
OTHERS = (
    "Conv2d.backward: n, _, height, width =", "Windows.backward: n, channels, height, width =", "Windows.backward: (top, left)",
    "Windows.backward: x = np.zeros", "Windows.backward: *_, rows, columns =",
    "Normalization.gradients: first =", "Normalization.gradients: others =", "Embedding.gradients: gradient = np.zeros_like",
    "PositionalEmbedding.gradients: gradient = np.zeros_like", "TiedEmbedding.backward: return self.embedding.backward",
    "Recurrent.from_outside: errors = np.zeros_like", "Recurrent.weight_gradients: gates, _, _, units =",
    "RNN.gradients: dh = np.zeros_like", "LSTM.gradients: delta = np.zeros_like", "LSTM.gradients: dh = dc = np.zeros_like",
    "GRU.gradients: delta = np.zeros_like", "GRU.gradients: dh = np.zeros_like",
)


def with_fault(line: Line, fault: Fault, case: Case) -> Case:
    """The case's layer, with the fault, and a linear layer after it."""
    units = case.layer().forward(case.inputs(0)).shape[-1]

    def build(package: Any, array: Any) -> Any:
        layer = case.build(package, array)
        if package is manual:
            line.plant(fault, layer if isinstance(layer, line.owner) else layer.windows)
        return package.Sequential(layer, package.Linear(array(2, units), array(2)))

    return Case(build, case.shape, case.seed, case.words)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_fault_in_a_line_is_found_where_it_is(line: Line) -> None:
    """A gradient's line makes that gradient wrong alone, and no line the error at this layer's output or what comes after it."""
    is_met = False
    for case in CASES[line.owner]:
        fault = Fault()
        comparison = with_fault(line, fault, case).compared(steps=1)
        assert comparison.verdict == ("different" if fault.met else "equivalent")
        if fault.met:
            is_met = True
            compared = list(comparison.kept[1].tensors())
            wrong = {key for key, actual, expected, allowed in compared if (np.abs(actual - expected) > allowed).any()}
            wrong = {(phase, name) for phase, name in wrong if phase not in ("state", "deltas", "params")}      # which follow
            here = {("errors", "input 0")} | {key for key, *_ in compared if key[0] in ("errors", "grads") and key[1].startswith("0.")}
            if line.gradient is not None:
                here = {("grads", f"0.{line.gradient}")}
            elif line.method in ("backward", "through"):
                here = {("errors", "input 0")}
            assert wrong
            assert wrong <= here
    assert is_met != str(line).startswith(OTHERS)


@pytest.mark.parametrize(("of", "rows"), [("dq", slice(0, 4)), ("dk", slice(4, 8)), ("dv", slice(8, 12))])
def test_a_fault_of_the_queries_the_keys_or_the_values_is_in_their_rows(of: str, rows: slice) -> None:
    (line,) = (line for line in LINES if str(line).startswith(f"MultiheadAttention.gradients: {of} ="))
    comparison = with_fault(line, Fault(), CASES[manual.MultiheadAttention][0]).compared(steps=1)
    tensors = {key: arrays for key, *arrays in comparison.kept[1].tensors()}
    actual, expected, allowed = tensors["grads", "0.in_proj_weight"]
    is_wrong = np.abs(actual - expected) > allowed
    assert is_wrong[rows].all()
    assert is_wrong.sum() == is_wrong[rows].size
