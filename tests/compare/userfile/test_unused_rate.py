"""A learning rate that a file names and never takes a step with."""

from pathlib import Path

import pytest

from compare import check
from compare.userfile.computing import parsed
from compare.userfile.shapes.unused_rate import unused_rate

CLASS = """
import numpy as np

class Softmax:
    def __init__(self, inputs, classes, learning_rate=0.1):
        self.W = np.zeros((inputs, classes))
        self.learning_rate = learning_rate

    def predict(self, X):
        z = X @ self.W
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def fit(self, X, y, epochs=10):
        for _ in range(epochs):
            p = self.predict(X)
            p[np.arange(len(y)), y] -= 1
            self.W -= self.learning_rate * X.T @ p / len(y)
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CLASS, None),
        (CLASS.replace("self.learning_rate * ", ""), "learning_rate (line 5) is never used"),
        ("def step(w, d, eta):\n    print('at', eta)\n    return w - d", "eta (line 1) is never used"),
        ("def step(w, d, eta):\n    return moved(w, d, eta)\n\ndef moved(w, d, eta):\n    return w - d", "eta (line 1) is never used"),
        ("def step(w, d, eta):\n    return moved(w, d, eta)\n\ndef moved(w, d, lr):\n    return w - lr * d", None),
        ("lr = 0.1\nw = library.step(w, lr)", None),
        ("def leaky(z, alpha=0.1):\n    return z", None),
    ],
)
def test_what_is_said(text: str, said: str | None) -> None:
    assert unused_rate(parsed(text)) == said


def test_a_verdict_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(CLASS.replace("self.learning_rate * ", ""))
    result = check(path, seed=1)
    assert "learning_rate (line 5) is never used" in str(result.caveat)
    path.write_text(CLASS)
    assert "never used" not in str(check(path, seed=1).caveat)
