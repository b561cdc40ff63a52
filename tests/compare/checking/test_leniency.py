"""What a recognised file is forgiven is said in the verdict's line, and hides no mistake."""

from pathlib import Path

import pytest

from compare import Check, check
from compare.report.words import headline

pytestmark = [pytest.mark.sampled(6), pytest.mark.all_trials]

RIGHT = '''
import numpy as np


def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


class Network:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros((1, n_hidden))
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros((1, n_out))
        self.steps = 0

    def forward(self, X):
        self.a1 = np.tanh(X @ self.W1 + self.b1)
        return softmax(self.a1 @ self.W2 + self.b2)

    def loss(self, output, Y):
        return -np.mean(np.sum(Y * np.log(output), axis=1))

    def train(self, X, Y, lr):
        n = len(X)
        self.steps += 1
        d2 = (self.forward(X) - Y) / n
        d1 = d2 @ self.W2.T * (1 - self.a1**2)
        self.W2 -= lr * self.a1.T @ d2
        self.b2 -= lr * d2.sum(axis=0, keepdims=True)
        self.W1 -= lr * X.T @ d1
        self.b1 -= lr * d1.sum(axis=0, keepdims=True)
'''


def checked(folder: Path, text: str, steps: int = 2) -> Check:
    path = folder / "network.py"
    path.write_text(text)
    return check(path, seed=1, steps=steps)


@pytest.mark.slow
def test_an_unstable_formula_is_trained_in_lockstep_too(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT, steps=40)
    assert (result.verdict, result.steps) == ("equivalent", 46)
    assert any("right, and unstable for large numbers" in note for note in result.notes)
    late = checked(tmp_path, RIGHT.replace("lr * self.a1.T", "(lr if self.steps < 30 else lr / 2) * self.a1.T"), steps=40)
    assert (late.verdict, late.reason) == ("different", "the probes agree, and a training in lockstep does not")


@pytest.mark.slow
def test_an_error_on_some_numbers_of_records_is_in_the_line_of_the_verdict(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT.replace("n = len(X)\n", "n = len(X)\n        assert n != 100\n"))
    assert result.verdict == "equivalent"
    assert "; but it raises an error with 100 records, and elsewhere" in headline(result)


@pytest.mark.slow
def test_more_records_than_those_that_raise_are_compared(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT.replace("n = len(X)\n", "n = min(len(X), 60)\n        assert len(X) != 12\n"))
    assert result.verdict == "different"
    assert "with more than" in str(result.reason)


NUMBERS = RIGHT.replace("Y * np.log(output), axis=1", "np.eye(output.shape[1])[Y] * np.log(output), axis=1").replace(
    "d2 = (self.forward(X) - Y) / n", "out = self.forward(X)\n        d2 = (out - one_hot(Y, out.shape[1])) / n"
)
COUNTED = "\n\ndef one_hot(Y, k):\n    return np.eye(Y.max() + 1)[Y]\n"
IN_ORDER = "\n\ndef one_hot(Y, k):\n    return np.eye(k)[np.unique(Y, return_inverse=True)[1]]\n"


@pytest.mark.slow
def test_a_class_that_no_record_has_is_tried_where_classes_are_numbers(tmp_path: Path) -> None:
    assert checked(tmp_path, NUMBERS + COUNTED).verdict == "equivalent"
    assert checked(tmp_path, NUMBERS + IN_ORDER).verdict == "different"


@pytest.mark.slow
def test_one_shift_for_all_records_is_no_mistake(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT.replace("np.exp(z)", "np.exp(z - np.max(z))"))
    assert result.verdict == "equivalent"
    clipped = checked(tmp_path, RIGHT.replace("np.exp(z)", "np.exp(np.clip(z, -300, 300))"))
    assert clipped.verdict == "different"
