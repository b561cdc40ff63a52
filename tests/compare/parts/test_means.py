"""Layers whose weights' gradients are those of a mean over the records: a convention, unless the loss or another layer has its own."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts

from .checking import first

DENSE = '''import numpy as np


class Dense:
    def __init__(self, n_in, n_out):
        self.w, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, above):
        self.dw, self.db = self.x.T @ above / len(above), above.mean(axis=0)
        return above @ self.w.T
'''
LOSS = '''

class Squares:
    def forward(self, p, y):
        self.p, self.y = p, y
        return np.sum((p - y) ** 2) / len(p)

    def backward(self):
        return 2 * (self.p - self.y) / len(self.p)
'''
SCALE = '''

class Scale:
    def __init__(self, n_in):
        self.gamma = np.random.randn(n_in)

    def forward(self, x):
        self.x = x
        return self.gamma * x

    def backward(self, above):
        self.dgamma = (above * self.x).sum(axis=0)
        return above * self.gamma
'''
PRIME = '''

def mse(p, y):
    return np.mean((p - y) ** 2)


def mse_prime(p, y):
    return 2 * (p - y) / p.size
'''


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (DENSE, "equivalent"),
        (DENSE.replace("above.mean(axis=0)", "above.sum(axis=0)"), "different"),
        (DENSE.replace("return above @ self.w.T", "return above @ self.w.T / len(above)"), "different"),
        (DENSE.replace("/ len(above), above.mean(axis=0)", "/ 6, above.sum(axis=0) / 6"), "different"),
        (DENSE + LOSS, "different"),
        (DENSE + LOSS.replace("- self.y) / len(self.p)", "- self.y)"), "equivalent"),
        (DENSE + PRIME, "different"),
        (DENSE + SCALE, "not a proof"),
        (DENSE + SCALE.replace(".sum(axis=0)", ".mean(axis=0)"), "equivalent"),
    ],
)
def test_a_mean_over_the_records_is_a_convention_of_all_layers(tmp_path: Path, text: str, verdict: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    result = check_parts(path, "layer_classes", 1)
    assert result.verdict == verdict, first(result)
    assert verdict != "equivalent" or "has 1/n of each weight's gradient" in result.parts[0].caveat
