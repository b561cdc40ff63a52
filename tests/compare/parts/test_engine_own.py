"""What an engine differentiates under names of its own: methods and functions beside the slope of their own forward."""

from pathlib import Path

import numpy as np
import pytest

from compare.parts.engines.slopes import slopes

from .checking import checked, first, right

METHODS = '''
    def leaky(self, slope=0.1):
        out = Value(self.data if self.data > 0 else slope * self.data, (self,))

        def _backward():
            self.grad += (1.0 if self.data > 0 else slope) * out.grad

        out._backward = _backward
        return out

    def larger(self, other):
        out = Value(max(self.data, other.data), (self, other))

        def _backward():
            (self if self.data > other.data else other).grad += out.grad

        out._backward = _backward
        return out

    def stopped(self):
        return Value(self.data, children=())

    def spike(self):
        out = Value(1.0 if self.data > 0 else 0.0, (self,))

        def _backward():
            self.grad += out.grad / (1 + abs(self.data)) ** 2

        out._backward = _backward
        return out

    def tanh(self):'''
FUNCTIONS = '''

def total(xs, ys):
    out = Value(sum(x.data * y.data for x, y in zip(xs, ys)), (*xs, *ys))

    def _backward():
        for x, y in zip(xs, ys):
            x.grad += y.data * out.grad
            y.grad += x.data * out.grad

    out._backward = _backward
    return out


def sigmoid(x):
    s = 1 / (1 + math.exp(-x.data))
    out = Value(s, (x,))

    def _backward():
        x.grad += s * (1 - s) * out.grad

    out._backward = _backward
    return out
'''
SCALARS = right("engine").replace("\n    def tanh(self):", METHODS) + FUNCTIONS
ARRAYS = right("array_engine").replace(
    "\n    def relu(self):",
    '''
    def softmax(self):
        e = np.exp(self.data - self.data.max(axis=-1, keepdims=True))
        p = e / e.sum(axis=-1, keepdims=True)

        def backward(grad):
            self.grad += p * (grad - (grad * p).sum(axis=-1, keepdims=True))

        return Tensor(p, (self,), backward)

    def nll(self, labels):
        rows = np.arange(len(labels))

        def backward(grad):
            self.grad[rows, labels] -= grad / len(labels)

        return Tensor(-self.data[rows, labels].mean(), (self,), backward)

    def relu(self):''',
)


def test_what_agrees_is_said_to_be_held_to_its_own_forward(tmp_path: Path) -> None:
    result = checked(tmp_path, SCALARS, shape="engine")
    assert result.verdict == "equivalent", first(result)
    names = [part.name for part in result.parts if "its own forward" in part.beside]
    assert names == [f"Value: {each}" for each in ("a.leaky()", "a.leaky(slope=0.316228)", "a.larger(b)", "total([a, b], [b, b])")]
    assert "Value: sigmoid(a)" in [part.name for part in result.parts]
    assert "Value.stopped (line 64) and Value.spike (line 67) are not compared" in str(result.caveat)
    result = checked(tmp_path, ARRAYS, shape="engine")
    assert result.verdict == "equivalent", first(result)
    assert {"Tensor: a.softmax()", "Tensor: a.nll([1, 0, 3])"} <= {part.name for part in result.parts}


@pytest.mark.sampled(29)
@pytest.mark.parametrize(
    ("text", "line", "wrong", "part"),
    [
        (SCALARS, "else slope) * out.grad", "else 0.1) * out.grad", "Value: a.leaky(slope=0.316228)"),
        (SCALARS, "else slope) * out.grad", "else slope)", "Value: a.leaky()"),
        (SCALARS, "(self if self.data > other.data else other).grad += out.grad", "self.grad += out.grad", "Value: a.larger(b)"),
        (SCALARS, "if self.data > other.data else other).grad +=", "if self.data < other.data else other).grad +=", "Value: a.larger(b)"),
        (SCALARS, "            x.grad += y.data * out.grad", "            x.grad = y.data * out.grad", "Value: total([a, b], [b, b])"),
        (SCALARS, "            y.grad += x.data * out.grad\n", "", "Value: total([a, b], [b, b])"),
        (SCALARS, "s * (1 - s) * out.grad", "s * (1 - x.data) * out.grad", "Value: sigmoid(a)"),
        (ARRAYS, "p * (grad - (grad * p).sum(axis=-1, keepdims=True))", "p * (1 - p) * grad", "Tensor: a.softmax()"),
        (ARRAYS, "-= grad / len(labels)", "-= grad", "Tensor: a.nll([1, 0, 3])"),
        (ARRAYS, "self.grad[rows, labels]", "self.grad[:, labels]", "Tensor: a.nll([1, 0, 3])"),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, text: str, line: str, wrong: str, part: str) -> None:
    assert text.count(line) == 1
    result = checked(tmp_path, text.replace(line, wrong))
    assert (result.verdict, first(result).name) == ("different", part)


def test_slopes_by_differences_and_the_kinks_between_them() -> None:
    leaves = [np.array([0.5, -1.2, 0.0]), np.array([2.0])]
    (slope, allowed), (other, _) = slopes(lambda x: np.abs(x[0]) * np.exp(x[1]), leaves)
    assert np.abs(slope - np.sign(leaves[0]) * np.exp(2.0))[:2].max() < 1e-8
    assert np.abs(other - 1.7 * np.exp(2.0)).max() < 1e-8
    assert (allowed[:2] < 1e-4).all()
    (slope, allowed), = slopes(lambda x: np.maximum(x[0], 1e-4), [np.zeros(1)])
    assert np.isinf(allowed[0])
