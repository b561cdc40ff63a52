"""Classes whose backward method takes its inputs again beside the gradient, and what mixes the records by a matrix."""

from pathlib import Path

import pytest

from compare import check

from .checking import is_found

DENSE = '''import numpy as np


class ReLU:
    def forward(self, input):
        return np.maximum(0, input)

    def backward(self, input, grad_output):
        return grad_output * (input > 0)


class Dense:
    def __init__(self, input_units, output_units, learning_rate=0.1):
        self.learning_rate = learning_rate
        self.weights, self.biases = np.random.randn(input_units, output_units), np.zeros(output_units)

    def forward(self, input):
        return input @ self.weights + self.biases

    def backward(self, input, grad_output):
        grad_input = grad_output @ self.weights.T
        self.weights = self.weights - self.learning_rate * input.T @ grad_output
        self.biases = self.biases - self.learning_rate * grad_output.sum(axis=0)
        return grad_input
'''
GATES = '''import numpy as np


class Multiply:
    def forward(self, w, x):
        return x @ w

    def backward(self, w, x, dz):
        return x.T @ dz, dz @ w.T


class Add:
    def forward(self, b, x):
        return x + b

    def backward(self, dz):
        return dz.sum(axis=0, keepdims=True), dz
'''
GRAPH = '''import numpy as np


class Graph:
    def __init__(self, n_in, n_out):
        self.w = np.random.randn(n_in, n_out)

    def forward(self, x, a):
        self.x, self.mixed = x, a / np.sqrt(a.sum(axis=1))[:, None]
        return np.tanh(self.mixed @ x @ self.w)

    def backward(self, dout):
        dz = dout * (1 - np.tanh(self.mixed @ self.x @ self.w) ** 2)
        self.dw = (self.mixed @ self.x).T @ dz
        return self.mixed.T @ dz @ self.w.T
'''


@pytest.mark.parametrize(
    ("text", "line", "wrong", "tensor"),
    [
        (DENSE, "grad_output * (input > 0)", "grad_output * (grad_output > 0)", "dx"),
        (DENSE, "grad_output.sum(axis=0)", "grad_output.mean(axis=0)", "new biases"),
        (GATES, "x.T @ dz, ", "2 * x.T @ dz, ", "dw"),
        (GATES, "keepdims=True), dz", "keepdims=True), dz / 2", "dx"),
        (GRAPH, "self.mixed.T @ dz", "dz", "dx"),
        (GRAPH, "self.dw = (self.mixed @ self.x).T", "self.dw = self.x.T", "dw"),
    ],
)
def test_it_is_right_and_a_planted_mistake_is_found(tmp_path: Path, text: str, line: str, wrong: str, tensor: str) -> None:
    is_found(tmp_path, text, line, wrong, tensor)


def test_a_layer_that_takes_the_gradient_from_above_is_not_taken_for_a_network(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(DENSE)
    assert check(path, seed=1).verdict == "equivalent"
    path.write_text(DENSE.replace("grad_output.sum(axis=0)", "grad_output.mean(axis=0)"))
    result = check(path, seed=1)
    assert result.verdict == "different"
    assert str(result.parts[-1].name) == "Dense.backward"
