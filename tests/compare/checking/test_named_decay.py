"""A constant weight decay that a file names is a convention where no loss of its own has a penalty, and else a mistake."""

from pathlib import Path

import pytest

from compare import check

TEXT = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros((1, n_hidden))
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros((1, n_out))

    def forward(self, X):
        self.h = np.tanh(X @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2

    def train(self, X, y, lr):
        e = (self.forward(X) - y) / len(X)
        loss = np.mean((e * len(X)) ** 2)
        d = (e @ self.W2.T) * (1 - self.h ** 2)
        self.W2 -= lr * (self.h.T @ e + 0.02 * self.W2)      # L2 regularisation
        self.W1 -= lr * (X.T @ d + 0.02 * self.W1)
        self.b2 -= lr * e.sum(axis=0, keepdims=True)
        self.b1 -= lr * d.sum(axis=0, keepdims=True)
        return loss
"""


@pytest.mark.slow
def test_a_decay_that_is_named_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TEXT)
    result = check(path, seed=1, steps=2)
    assert result.verdict == "equivalent"
    assert "its step has a weight decay of 0.02, which the file names, and no loss of its own has" in result.notes


@pytest.mark.sampled(7)
@pytest.mark.parametrize(("old", "new"), [
    ("      # L2 regularisation", ""),
    ("X.T @ d + 0.02 * self.W1", "X.T @ d"),
    ("+ 0.02 *", "- 0.02 *"),
    ("(1 - self.h ** 2)", "(1 - self.h)"),
    ("** 2)\n        d = ", "** 2) + 0.02 * (np.sum(self.W1 ** 2) + np.sum(self.W2 ** 2))\n        d = "),
], ids=["unnamed", "in one layer", "uphill", "another fault", "half of that in its loss"])
def test_another_is_different(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    assert old in TEXT
    path.write_text(TEXT.replace(old, new))
    assert check(path, seed=1, steps=2).verdict == "different"
