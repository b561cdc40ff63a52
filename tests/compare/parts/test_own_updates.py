"""Layers that keep their gradients, and have a method that steps along them."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts

TEXT = """
import numpy as np

class Densa:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros((1, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.dW = self.x.T @ g
        self.db = g.sum(axis=0, keepdims=True)
        return g @ self.W.T

    def update(self, lr):
        self.W -= lr * self.dW
        self.b -= lr * self.db
"""
LOSS = """
class MSELoss:
    def forward(self, pred, target):
        self.diff = pred - target
        return np.mean(self.diff ** 2)

    def backward(self):
        return 2 * self.diff / self.diff.size
"""
W, B = "self.W -= lr * self.dW", "self.b -= lr * self.db"
BOTH = f"{W}\n        {B}"


@pytest.mark.parametrize(
    ("was", "now", "loss", "mark"),
    [
        ("", "", "", "agrees"),
        ("update(self, lr)", "paso(self, lr)", "", "agrees"),
        (BOTH, BOTH.replace("lr", "lr / len(self.x)"), "", "agrees"),
        (BOTH, BOTH.replace("-=", "+="), "", "agrees"),
        (BOTH, BOTH.replace("-=", "+="), LOSS, "wrong"),
        (B, "pass", "", "wrong"),
        (B, B.replace("-=", "+="), "", "wrong"),
        (B, "self.b -= lr * self.db.mean()", "", "wrong"),
        (B, "self.b -= lr * self.dW.sum(axis=0, keepdims=True)", "", "wrong"),
        (B, "self.b -= lr * self.db / len(self.x)", "", "wrong"),
        (B, B.replace("db", "dW[:1]"), "", "wrong"),
        (W, "self.W -= lr * (self.dW + 0.1 * self.W)", "", None),
        (W, "self.W -= lr * np.clip(self.dW, -0.1, 0.1)", "", None),
        (BOTH, BOTH.replace("self.dW", "np.sign(self.dW)").replace("self.db", "np.sign(self.db)"), "", None),
    ],
)
def test_an_update_goes_against_the_gradients_at_one_rate(tmp_path: Path, was: str, now: str, loss: str, mark: str | None) -> None:
    assert was in TEXT
    path = tmp_path / "mine.py"
    path.write_text(TEXT.replace(was, now) + loss if was else TEXT + loss)
    result = check_parts(path, "layer_classes", 1)
    updates = {part.name: part.mark for part in result.parts if "backward" not in part.name}
    assert [*updates.values()] == ([] if mark is None else [mark])
    assert result.verdict == ("different" if mark == "wrong" else "equivalent")
    assert bool(result.caveats) or mark == "wrong"


def test_a_class_whose_update_is_not_compared_is_said_beside_others(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TEXT + TEXT.replace("Densa", "Decae").replace("self.dW\n        self.b", "(self.dW + 0.1 * self.W)\n        self.b"))
    result = check_parts(path, "layer_classes", 1)
    assert result.verdict == "equivalent"
    assert "Decae.backward has an update that is not compared" in " ".join(result.caveats)
