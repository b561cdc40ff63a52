"""Graphs of nodes: each node beside autograd of its own forward, and the functions that run a graph beside its nodes."""

from pathlib import Path

import pytest

from .checking import checked, first, right

RIGHT = right("nodes")


def test_a_right_graph_is_equivalent(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT, shape="nodes")
    assert result.verdict == "equivalent", first(result)
    names = ["Affine.backward", "Tanh.backward", "SquaredError.backward", "Input.backward", "there_and_back", "step"]
    assert [part.name for part in result.parts] == names


@pytest.mark.parametrize(
    ("line", "wrong", "part"),
    [
        ("x.value.T @ above", "2 * x.value.T @ above", "Affine.backward"),
        ("above.sum(axis=0)", "above.mean(axis=0)", "Affine.backward"),
        ("self.from_above() * (1 - self.value**2)", "self.from_above() * (1 - self.value)", "Tanh.backward"),
        ("-2 * self.gap", "2 * self.gap", "SquaredError.backward"),
        ("{self: self.from_above()}", "{self: self.outputs[0].gradients[self]}", "Input.backward"),
        ("reversed(order)", "order", "there_and_back"),
        ("node.value -= rate", "node.value += rate", "step"),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, line: str, wrong: str, part: str) -> None:
    assert RIGHT.count(line) == 1
    found = first(result := checked(tmp_path, RIGHT.replace(line, wrong)))
    assert (found.name, result.verdict) == (part, "could not run" if wrong == "order" else "different")


def test_a_function_that_is_not_compared_is_said(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT + "\n\ndef other(a, b, c):\n    return a\n")
    assert "not compared: other" in result.notes


KEEPERS = """import numpy as np


class Var:
    def __init__(self):
        self.value, self.grad = None, 0.0

    def forward(self):
        pass

    def backward(self):
        pass


class Two(Var):
    def __init__(self, a, b):
        super().__init__()
        self.a, self.b = a, b


class Mul(Two):
    def forward(self):
        self.value = self.a.value * self.b.value

    def backward(self):
        self.a.grad += self.grad * self.b.value
        self.b.grad += self.grad * self.a.value


class Exp(Var):
    def __init__(self, a):
        super().__init__()
        self.a = a

    def forward(self):
        self.value = np.exp(self.a.value)

    def backward(self):
        self.a.grad += self.grad * self.value
"""


def test_nodes_that_keep_their_gradient_themselves(tmp_path: Path) -> None:
    assert checked(tmp_path, KEEPERS, shape="nodes").verdict == "equivalent"
    assert first(checked(tmp_path, KEEPERS.replace("self.grad * self.a.value", "self.grad * self.b.value"))).name == "Mul.backward"
    assert first(checked(tmp_path, KEEPERS.replace("+= self.grad * self.value", "= self.grad"))).name == "Exp.backward"
