"""A class that takes its activation by name, one of them none of PyTorch's: it is trained with each."""

from pathlib import Path

import pytest

from compare import check
from compare.parts.check import check_parts

TEXT = """
import numpy as np

class Rede:
    def __init__(self, n_in, n_hidden, n_out, taxa, activation):
        self.taxa, self.activation, self.erros = taxa, activation, []
        self.W1, self.b1 = np.random.randn(n_in, n_hidden) * 0.1, np.zeros((1, n_hidden))
        self.W2, self.b2 = np.random.randn(n_hidden, n_out) * 0.1, np.zeros((1, n_out))

    def f(self, z):
        if self.activation == 'linear':
            return z / 10
        return np.tanh(z)

    def slope(self, z):
        if self.activation == 'linear':
            return 1 / 10
        return 1 - np.tanh(z) ** 2

    def forward(self, X):
        self.Z1 = X @ self.W1 + self.b1
        self.A1 = self.f(self.Z1)
        self.Z2 = self.A1 @ self.W2 + self.b2
        self.A2 = self.f(self.Z2)
        return self.A2

    def backward(self, X, Y):
        d2 = (self.A2 - Y) * self.slope(self.Z2)
        d1 = d2 @ self.W2.T * self.slope(self.Z1)
        self.W2 -= self.taxa * self.A1.T @ d2
        self.b2 -= self.taxa * d2.sum(axis=0, keepdims=True)
        self.W1 -= self.taxa * X.T @ d1
        self.b1 -= self.taxa * d1.sum(axis=0, keepdims=True)

    def train(self, X, Y, epochs=10):
        for _ in range(epochs):
            self.erros.append(np.sum((self.forward(X) - Y) ** 2))
            self.backward(X, Y)

    def load(self, data):
        self.W1 = data['linear']
        self.W1 = data['tanh']
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("was", "now", "verdict"), [("", "", "equivalent"), ("1 / 10", "1 / 5", "different"), (") ** 2\n", ")\n", "different")]
)
def test_each_activation_is_compared(tmp_path: Path, was: str, now: str, verdict: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TEXT.replace(was, now, 1) if was else TEXT)
    result = check(path, seed=1)
    assert (result.verdict, result.conventions[0].rpartition(" ")[2]) == (verdict, "training")
    if verdict == "equivalent":
        assert any("agrees with the activation 'tanh', too" in note for note in result.notes)
    else:
        assert result.line is not None
        assert result.line < 42      # not in what loads weights


@pytest.mark.slow
def test_an_activation_of_which_nothing_can_be_told_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TEXT.replace("return z / 10", "return 0 * z").replace("activation):", "activation='tanh'):"))
    result = check_parts(path, "training", 1)
    assert (result.verdict, result.worst and result.worst.name) == ("not a proof", "activation 'linear'")


@pytest.mark.slow
def test_a_class_made_by_its_defaults_is_given_each_activation_too(tmp_path: Path) -> None:
    text = TEXT.replace("n_in, n_hidden, n_out, taxa, activation", "n_in=4, n_hidden=5, n_out=2, taxa=0.1, activation='tanh'")
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert check(path, seed=1).verdict == "equivalent"
    path.write_text(text.replace("1 / 10", "1 / 5"))
    assert check(path, seed=1).verdict == "different"


OUTPUTS = """
import numpy as np

class Net:
    def __init__(self, n_in=4, n_hidden=5, rate=0.01):
        self.rate = rate
        self.W1, self.b1 = np.random.randn(n_in, n_hidden) * 0.1, np.random.rand(n_hidden)
        self.W2, self.b2 = np.random.rand(n_hidden, 1) * 0.1, np.random.rand(1)

    def fit(self, X, Y):
        for _ in range(5):
            A1 = np.maximum(0, X @ self.W1 + self.b1)
            A2 = np.maximum(0, A1 @ self.W2 + self.b2)
            d2 = (A2 - Y.reshape(-1, 1)) MASK
            d1 = (d2 @ self.W2.T) * (A1 > 0)
            self.W2 -= self.rate * A1.T @ d2
            self.b2 -= self.rate * d2.sum(axis=0)
            self.W1 -= self.rate * X.T @ d1
            self.b1 -= self.rate * d1.sum(axis=0)
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("mask", "verdict"), [("* (A2 > 0)", "equivalent"), ("", "different"), ("* (A2 >= 0)", "different")])
def test_a_relu_at_the_output_is_looked_at_where_it_is_not_active(tmp_path: Path, mask: str, verdict: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OUTPUTS.replace("MASK", mask))
    result = check_parts(path, "training", 1)
    assert result.verdict == verdict
    assert [part.name for part in result.parts if "where an output is 0" in (part.why or "")] == (
        [] if verdict == "equivalent" else [part.name for part in result.parts if part.mark == "wrong"]
    )
