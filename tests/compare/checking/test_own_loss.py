"""A file's own loss says which loss its step is meant to descend."""

import json
from pathlib import Path

import pytest

from compare import Check, check
from compare.report.json import check_json
from compare.report.words import headline

pytestmark = pytest.mark.sampled(6)

RIGHT = '''
"""A network with the logistic function."""
import numpy as np


class Network:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros((1, n_hidden))
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros((1, n_out))

    def forward(self, X):
        self.a1 = 1 / (1 + np.exp(-(X @ self.W1 + self.b1)))
        return 1 / (1 + np.exp(-(self.a1 @ self.W2 + self.b2)))

    def loss(self, output, y):
        return np.mean((output - y) ** 2)

    def train(self, X, y, lr):
        out = self.forward(X)
        d2 = 2 * (out - y) / out.size * out * (1 - out)
        d1 = d2 @ self.W2.T * self.a1 * (1 - self.a1)
        self.W2 -= lr * self.a1.T @ d2
        self.b2 -= lr * d2.sum(axis=0, keepdims=True)
        self.W1 -= lr * X.T @ d1
        self.b1 -= lr * d1.sum(axis=0, keepdims=True)
'''
ERROR = "2 * (out - y) / out.size * out * (1 - out)"


def checked(folder: Path, text: str) -> Check:
    path = folder / "network.py"
    path.write_text(text)
    return check(path, seed=1, steps=2)


def test_a_step_that_descends_the_own_loss_needs_no_note(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT)
    assert (result.verdict, result.notes) == ("equivalent", ())
    assert any("mse, averaged over records and outputs" in said for said in result.conventions)


@pytest.mark.parametrize(
    ("error", "times"),
    [
        ("2 * (out - y) * out * (1 - out)", "3n"),
        ("(out - y) * out * (1 - out)", "3n/2"),
        ("(out - y) / out.size * out * (1 - out)", "1/2"),
        ("2 * (out - y) / len(y) * out * (1 - out)", "3"),
    ],
)
def test_a_factor_between_the_step_and_the_own_loss_is_in_the_line_of_the_verdict(tmp_path: Path, error: str, times: str) -> None:
    result = checked(tmp_path, RIGHT.replace(ERROR, error))
    assert result.verdict == "equivalent"
    assert f"; but its step is {times} times the gradient of the loss that it computes, loss: the step is that of" in headline(result)
    assert json.loads(check_json(result))["caveat"] == result.caveat


@pytest.mark.slow
@pytest.mark.parametrize("said", ["", "    # the logistic function, as in a logistic regression\n"])
def test_the_error_of_another_loss_than_the_own_one_is_wrong(tmp_path: Path, said: str) -> None:
    result = checked(tmp_path, said.strip() + RIGHT.replace(ERROR, "(out - y) / out.size"))
    assert result.verdict == "different"
    assert {cause.id for found in result.diagnosis for cause in found.causes} & {"other-loss", "slope-missing"}


def test_a_mean_of_absolute_errors_is_printed_beside_any_loss(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT.replace("(output - y) ** 2", "np.abs(output - y)"))
    assert result.verdict == "equivalent"
    assert any("and loss is l1" in note for note in result.notes)
    assert result.caveat is None


@pytest.mark.slow
@pytest.mark.parametrize(("update", "sentence"), [("+= lr", "uphill"), ("-= 5 * lr", "5 times")])
def test_where_no_reading_is_right_that_of_the_own_loss_comes_first(tmp_path: Path, update: str, sentence: str) -> None:
    result = checked(tmp_path, RIGHT.replace("-= lr", update).replace("2 * (out", "(out").replace("np.mean(", "0.5 * np.mean("))
    assert (result.verdict, result.problem.loss, result.problem.reduction) == ("different", "half_mse", "mean")
    assert any(sentence in cause.sentence for cause in result.diagnosis[0].causes)


def test_a_rate_of_its_own_that_is_a_fraction_is_found_exactly(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT.replace(", lr)", ")").replace("lr *", "0.1 *").replace("2 * (out - y) / out.size", "4 * (out - y)"))
    assert result.verdict == "equivalent"


def test_a_sum_over_outputs_at_a_rate_of_its_own_is_read_as_a_mean_exactly(tmp_path: Path) -> None:
    text = RIGHT.replace(", lr)", ")").replace("lr *", "0.1 *").replace("2 * (out - y) / out.size", "4 * (out - y) / out.size")
    result = checked(tmp_path, text)
    assert result.verdict == "equivalent"
    assert any("a learning rate of its own: 0.2" in said for said in result.conventions)
