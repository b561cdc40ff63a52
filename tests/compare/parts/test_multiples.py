"""A gradient that is n, 2 or ½ times that of the loss that its class returns is a convention; the verdict's line says so."""

from pathlib import Path

import pytest

from compare.parts.words import multiple_of
from compare.report.parts import headline

from .checking import first
from .test_classes import BLOCKS, PRIMES, checked

SQUARES = '''import numpy as np


class ReLU:
    def forward(self, x):
        self.x = x
        return np.maximum(0, x)

    def backward(self, above):
        return above * (self.x > 0)


class MSELoss:
    def forward(self, y_pred, y_true):
        self.y_pred, self.y_true = y_pred, y_true
        return np.mean((y_pred - y_true) ** 2)

    def backward(self):
        return 2 * (self.y_pred - self.y_true) / self.y_true.size
'''


@pytest.mark.parametrize(
    ("text", "line", "other", "said"),
    [
        (SQUARES, "self.y_true.size", "self.y_true.shape[0]", "MSELoss.backward is k times"),
        (SQUARES, "2 * (self.y_pred - self.y_true) / self.y_true.size", "self.y_pred - self.y_true", "MSELoss.backward is ½n·k times"),
        (SQUARES, "2 * (self.y_pred", "(self.y_pred", "MSELoss.backward is ½ times"),
        (BLOCKS, "return (self.p - self.y) / len(self.y)", "return self.p - self.y", "CrossEntropy.backward is n times"),
        (PRIMES, "2 * (y_pred - y_true)", "(y_pred - y_true)", "mse_prime is ½ times"),
    ],
)
def test_a_multiple_that_conventions_have_is_said(tmp_path: Path, text: str, line: str, other: str, said: str) -> None:
    assert text.count(line) == 1
    assert "times" not in headline(checked(tmp_path, text))
    result = checked(tmp_path, text.replace(line, other))
    assert result.verdict == "equivalent", first(result)
    assert f"{said} the gradient of the loss that it returns" in headline(result)


@pytest.mark.parametrize("factor", ["3 *", "6 *", "24 *", "self.y_true.shape[1] ** 2 *"])
def test_another_factor_is_none_even_where_it_is_a_size(tmp_path: Path, factor: str) -> None:
    assert checked(tmp_path, SQUARES.replace("2 *", f"{factor} 2 *")).verdict == "not a proof"


def test_an_uphill_multiple_is_wrong(tmp_path: Path) -> None:
    assert checked(tmp_path, SQUARES.replace("2 *", "-2 *")).verdict == "different"


def test_a_multiple_is_known_by_two_sizes() -> None:
    assert str(multiple_of([(6.0, 4, 6), (7.0, 3, 7)])).startswith("is k times")
    assert str(multiple_of([(0.25, 4, 6), (1 / 3, 3, 7)])).startswith("is 1/n times")
    assert multiple_of([(6.0, 4, 6)]) is None
    for one, other in ((6.0, 6.0), (1.0, 1.0), (-2.0, -2.0), (None, 7.0)):
        assert multiple_of([(one, 4, 6), (other, 3, 7)]) is None
