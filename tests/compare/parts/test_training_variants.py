"""The other ways in which a program may be run by its own words: another activation, and a penalty that is 0."""

import ast
from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.training.variants import variants_of

SCRIPT = """
import numpy as np

rng = np.random.default_rng(0)
X = rng.standard_normal((30, 3))
y = np.sin(X[:, :1]) * X[:, 1:2]


class Net:
    def __init__(self, hidden, kind="tanh", reg=0.0):
        self.W1, self.b1 = rng.standard_normal((3, hidden)) * 0.5, np.zeros(hidden)
        self.W2, self.b2 = rng.standard_normal((hidden, 1)) * 0.5, np.zeros(1)
        self.kind, self.reg = kind, reg

    def act(self, z):
        if self.kind == "tanh":
            return np.tanh(z)
        if self.kind == "relu":
            return np.maximum(0, z)
        return z / (1 + np.exp(-z))

    def slope(self, z):
        if self.kind == "tanh":
            return 1 - np.tanh(z) ** 2
        if self.kind == "relu":
            return (z > 0) * 1.0
        s = 1 / (1 + np.exp(-z))
        return s + z * s * (1 - s)

    def fit(self, rounds):
        for _ in range(rounds):
            z = X @ self.W1 + self.b1
            h = self.act(z)
            out = h @ self.W2 + self.b2
            loss = np.mean((out - y) ** 2) + self.reg * (np.sum(self.W1**2) + np.sum(self.W2**2))
            d = 2 * (out - y) / len(X)
            back = d @ self.W2.T * self.slope(z)
            self.W2 -= 0.1 * (h.T @ d + 2 * self.reg * self.W2)
            self.b2 -= 0.1 * d.sum(axis=0)
            self.W1 -= 0.1 * (X.T @ back + 2 * self.reg * self.W1)
            self.b1 -= 0.1 * back.sum(axis=0)


Net(5).fit(20)
"""


def test_the_ways_and_what_changes_to_them() -> None:
    ways = dict(variants_of(ast.parse(SCRIPT)))
    assert list(ways) == ["kind 'relu'", "another kind", "reg 0.05"]
    assert "kind='relu'" in ast.unparse(ways["kind 'relu'"](ast.parse(SCRIPT)))
    assert "self.kind == 'tanh'" in ast.unparse(ways["kind 'relu'"](ast.parse(SCRIPT)))
    assert "reg=0.05" in ast.unparse(ways["reg 0.05"](ast.parse(SCRIPT)))
    assert not [*variants_of(ast.parse("mode = 'train'\nif mode == 'test':\n    pass\nlr = 0.1"))]


@pytest.mark.slow
def test_a_right_one_agrees_in_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT)
    result = check_parts(path, "training", 1)
    assert result.verdict == "equivalent"
    assert "it agrees with kind 'relu', and with another kind, and with reg 0.05, too" in result.notes


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        ("return (z > 0) * 1.0", "return (z > 0) * z", "kind 'relu'"),
        ("s + z * s * (1 - s)", "s + s * (1 - s)", "another kind"),
        ("(X.T @ back + 2 * self.reg * self.W1)", "X.T @ back", "reg 0.05"),
        ("(h.T @ d + 2 * self.reg * self.W2)", "(h.T @ d - 2 * self.reg * self.W2)", "reg 0.05"),
    ],
)
def test_a_fault_in_one_of_them_is_found(old: str, new: str, way: str, tmp_path: Path) -> None:
    assert SCRIPT.count(old) == 1
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT.replace(old, new))
    result = check_parts(path, "training", 1)
    assert result.verdict == "different"
    assert f"it agrees as it is, and not with {way}" in result.notes
