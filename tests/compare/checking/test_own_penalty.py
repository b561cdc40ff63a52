"""A regularisation in a file's own loss has to be in its step, too."""

from pathlib import Path

import pytest

from compare import Check, check

pytestmark = pytest.mark.sampled(6)

CLASS = '''
import numpy as np


class Network:
    def __init__(self, n_in, n_hidden, n_out, lam=0.01):
        self.lam = lam
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros((1, n_hidden))
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros((1, n_out))

    def forward(self, X):
        self.a1 = np.tanh(X @ self.W1 + self.b1)
        return self.a1 @ self.W2 + self.b2

    def loss(self, output, y):
        penalty = self.lam / 2 * (np.sum(self.W1**2) + np.sum(self.W2**2))
        return 0.5 * np.mean(np.sum((output - y) ** 2, axis=1)) + penalty

    def train(self, X, y, lr):
        d2 = (self.forward(X) - y) / len(X)
        d1 = d2 @ self.W2.T * (1 - self.a1**2)
        dW2 = self.a1.T @ d2 + self.lam * self.W2
        dW1 = X.T @ d1 + self.lam * self.W1
        self.W2 -= lr * dW2
        self.b2 -= lr * d2.sum(axis=0, keepdims=True)
        self.W1 -= lr * dW1
        self.b1 -= lr * d1.sum(axis=0, keepdims=True)
'''
WITHOUT = CLASS.replace(" + self.lam * self.W2", "").replace(" + self.lam * self.W1", "")


def checked(folder: Path, text: str) -> Check:
    path = folder / "network.py"
    path.write_text(text)
    return check(path, seed=1, steps=2)


def test_a_regularisation_in_the_loss_and_in_the_step_agrees(tmp_path: Path) -> None:
    assert checked(tmp_path, CLASS).verdict == "equivalent"


def test_a_constant_regularisation_in_both_agrees_and_another_one_in_the_step_does_not(tmp_path: Path) -> None:
    constant = CLASS.replace("self.lam /", "0.01 /").replace("self.lam *", "0.01 *")
    result = checked(tmp_path, constant)
    assert result.verdict == "equivalent"
    assert "its step has the regularisation that its own loss, loss, has: 0.01/2 Σw² over the weights" in result.notes
    assert checked(tmp_path, constant.replace("0.01 / 2", "0.01")).verdict == "different"


@pytest.mark.parametrize(
    ("strength", "said"),
    [
        ("self.lam / 2", "1 times ½ λ Σw² over the weights"),
        ("self.lam", "2 times ½ λ Σw² over the weights"),
        ("0.01 / 2", "0.01/2 Σw² over the weights"),
        ("0.3 / len(y)", "0.6/2 Σw² over the weights, divided by the number of records"),
    ],
)
def test_a_regularisation_in_the_loss_alone_is_different(tmp_path: Path, strength: str, said: str) -> None:
    result = checked(tmp_path, WITHOUT.replace("self.lam / 2", strength))
    assert result.verdict == "different"
    assert result.reason == f"its own loss, loss, has a regularisation, {said}, and its step has none"


def test_a_loss_without_regularisation_is_no_mistake(tmp_path: Path) -> None:
    result = checked(tmp_path, WITHOUT.replace(" + penalty", ""))
    assert (result.verdict, result.reason) == ("equivalent", None)
