"""A class of which every array goes elsewhere than its loss says is different, if most of it goes down the loss."""

from pathlib import Path

import pytest

from compare import check
from compare.support.errors import CompareError

TEXT = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def slope(z):
    return sigmoid(z) * (1 - sigmoid(z))

class Net:
    def __init__(self, X, Y):
        self.inputs, self.Y = X, Y
        self.weights1, self.bias1 = np.random.rand(X.shape[1], 5), np.random.rand(1)
        self.weights2, self.bias2 = np.random.rand(5, Y.shape[1]), np.random.rand(1)

    def forward_propagation(self):
        self.z1 = self.inputs @ self.weights1 + self.bias1
        self.layer1 = sigmoid(self.z1)
        self.z2 = self.layer1 @ self.weights2 + self.bias2
        self.output = sigmoid(self.z2)
        return self.output

    def backward_propagation(self):
        delta2 = (self.output - self.Y) * slope(self.z2)
        delta1 = delta2 @ self.weights2.T * slope(self.z1)
        self.weights2 -= 0.1 * self.layer1.T @ delta2
        self.bias2 -= 0.1 * np.sum(delta2)
        self.weights1 -= 0.1 * self.inputs.T @ delta1
        self.bias1 -= 0.1 * np.sum(delta1)
"""


def test_a_right_one_agrees(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TEXT)
    assert check(tmp_path / "mine.py", seed=1).verdict == "equivalent"


@pytest.mark.parametrize("was", ["slope(self.z2)", "(self.output - self.Y)"])
def test_one_that_is_wrong_everywhere_is_different(was: str, tmp_path: Path) -> None:
    now = {"slope(self.z2)": "slope(self.output)", "(self.output - self.Y)": "(self.output - self.Y) ** 3"}[was]
    (tmp_path / "mine.py").write_text(TEXT.replace(was, now, 1).replace("slope(self.z1)", "slope(self.layer1)"))
    result = check(tmp_path / "mine.py", seed=1)
    assert result.verdict == "different"
    assert {part.mark for part in result.parts} == {"wrong"}
    assert result.line is not None
    assert 20 < result.line < 30


def test_one_that_goes_nowhere_in_particular_is_not_taken_for_a_step(tmp_path: Path) -> None:
    noise = TEXT.replace("(self.output - self.Y) * slope(self.z2)", "np.sin(40 * self.output) * np.cos(70 * self.Y)")
    (tmp_path / "mine.py").write_text(noise)
    with pytest.raises(CompareError, match="no network is recognised"):
        check(tmp_path / "mine.py", seed=1)
