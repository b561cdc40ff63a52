"""A file whose network is made with an activation by name is checked with each that it names."""

from pathlib import Path

import pytest

from compare import Check, check

pytestmark = pytest.mark.sampled(6)

RIGHT = '''
import numpy as np

F = {"tanh": (np.tanh, lambda a: 1 - a**2), "relu": (lambda z: np.maximum(0, z), lambda a: (a > 0) * 1.0)}


class MLP:
    def __init__(self, sizes, activation="tanh"):
        self.weights = [np.random.randn(a, b) for a, b in zip(sizes[:-1], sizes[1:])]
        self.f, self.df = F[activation]

    def forward(self, X):
        self.a = [X]
        for W in self.weights[:-1]:
            self.a.append(self.f(self.a[-1] @ W))
        return self.a[-1] @ self.weights[-1]

    def train_batch(self, X, y, lr):
        """One step on half of the mean squared error."""
        delta = (self.forward(X) - y) / len(X)
        for i in reversed(range(len(self.weights))):
            before = delta @ self.weights[i].T * self.df(self.a[i])
            self.weights[i] -= lr * self.a[i].T @ delta
            delta = before
'''

BRANCHES = """
import numpy as np


class MLP:
    def __init__(self, n_in, n_hidden, n_out, activation="tanh"):
        self.activation = activation
        self.W1, self.b1 = np.random.randn(n_hidden, n_in), np.zeros((n_hidden, 1))
        self.W2, self.b2 = np.random.randn(n_out, n_hidden), np.zeros((n_out, 1))

    def act(self, z):
        return np.tanh(z) if self.activation == "tanh" else np.where(z > 0, z, 0.1 * z) if self.activation == "bent" else None

    def slope(self, z):
        return 1 - np.tanh(z) ** 2 if self.activation == "tanh" else SLOPE

    def train_step(self, x, t, lr):
        z1 = self.W1 @ x + self.b1
        a1 = self.act(z1)
        z2 = self.W2 @ a1 + self.b2
        d2 = (self.act(z2) - t) * self.slope(z2)
        d1 = (self.W2.T @ d2) * self.slope(z1)
        self.W2 -= lr * d2 @ a1.T
        self.b2 -= lr * d2
        self.W1 -= lr * d1 @ x.T
        self.b1 -= lr * d1
"""


def checked(folder: Path, text: str) -> Check:
    path = folder / "network.py"
    path.write_text(text)
    return check(path, seed=1, steps=2)


@pytest.mark.parametrize("default", ['="tanh"', ""])
def test_each_activation_is_compared(tmp_path: Path, default: str) -> None:
    result = checked(tmp_path, RIGHT.replace('activation="tanh"', f"activation{default}"))
    assert (result.verdict, result.notes) == ("equivalent", ("it agrees with the activation 'relu', too",))


@pytest.mark.slow
@pytest.mark.parametrize(("slope", "verdict"), [("(a > 0)", "equivalent"), ("(a < 0)", "different")])
def test_its_argument_may_have_any_name(tmp_path: Path, slope: str, verdict: str) -> None:
    result = checked(tmp_path, RIGHT.replace("activation", "ativacao").replace("(a > 0)", slope))
    assert result.verdict == verdict


@pytest.mark.slow
@pytest.mark.parametrize(("slope", "verdict"), [("(z > 0) + 0.1 * (z <= 0)", "equivalent"), ("(z > 0) + 0.01 * (z <= 0)", "different")])
def test_an_activation_may_be_named_as_it_is_nowhere_else(tmp_path: Path, slope: str, verdict: str) -> None:
    text = BRANCHES.replace("SLOPE", slope)
    path = tmp_path / "network.py"
    path.write_text(text)
    assert check(path, seed=1).verdict == verdict


@pytest.mark.slow
def test_an_activation_whose_steps_leave_everything_is_no_proof(tmp_path: Path) -> None:
    path = tmp_path / "network.py"
    path.write_text(BRANCHES.replace("SLOPE", "0 * z"))
    assert check(path, seed=1).verdict == "not a proof"


@pytest.mark.slow
def test_a_slope_that_is_wrong_for_another_activation_than_the_default_is_found(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT.replace("(a > 0)", "(a < 0)"))
    assert result.verdict == "different"
    assert result.problem.activations == ("relu", "relu", "identity")
    assert result.notes[-1] == "it agrees as it is made by default, and not with the activation 'relu'"


@pytest.mark.slow
def test_a_name_that_is_no_activation_of_the_file_is_passed_over(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT + '\nNAMES = ["sigmoid"]\n')
    assert result.verdict == "equivalent"
    assert "sigmoid" not in " ".join(result.notes)
