"""What the check of a recognised file did not run is said, and other networks of the file are checked too."""

from pathlib import Path

import pytest

from compare import check
from compare.checking.unrun import others_like, trainers_unrun, unrun_in

pytestmark = pytest.mark.sampled(6)

FUNCTIONS = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def act(z, kind="tanh"):
    if kind == "tanh":
        return np.tanh(z)
    return np.maximum(0, z)

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.W2 = np.random.randn(n_in, n_hidden), np.random.randn(n_hidden, n_out)

    def forward(self, x):
        self.h = act(x @ self.W1)
        if x.ndim == 1:
            self.h = self.h[None] * 2
        return self.h @ self.W2

    def train(self, x, y, lr):
        d2 = 2 * (self.forward(x) - y) / y.size      # of the mean squared error
        d1 = d2 @ self.W2.T * (1 - self.h ** 2)
        self.W2 -= lr * self.h.T @ d2
        self.W1 -= lr * x.T @ d1

def fit(net, x, y):
    for _ in range(10):
        net.train(x, y, 0.1)
        net.W1 += 1.0

def plot(x):
    return x * x + x
"""
OTHER = FUNCTIONS[FUNCTIONS.index("class Net") : FUNCTIONS.index("def fit")].replace("Net", "Other")


def written(folder: Path, text: str) -> Path:
    (folder / "mine.py").write_text(text, encoding="utf-8")
    return folder / "mine.py"


def test_functions_and_branches_that_did_not_run_are_named(tmp_path: Path) -> None:
    result = check(written(tmp_path, FUNCTIONS), seed=1, steps=2)
    lines = FUNCTIONS.splitlines()
    at = {name: next(i for i, each in enumerate(lines, start=1) if name in each) for name in ("def sigmoid", "[None] * 2", "def fit")}
    said = f"sigmoid (line {at['def sigmoid']}), a branch of Net.forward (line {at['[None] * 2']}), fit (line {at['def fit']})"
    assert (result.verdict, result.caveat) == ("equivalent", f"fit (line {at['def fit']}) did not run, and may train in another way")
    assert f"not run, and so not compared: {said}" in result.notes


def test_a_function_of_one_line_has_not_run_where_it_is_defined(tmp_path: Path) -> None:
    one_line = "def sigmoid(z):\n    return"
    assert FUNCTIONS.count(one_line) == 1
    result = check(written(tmp_path, FUNCTIONS.replace(one_line, "def sigmoid(z): return")), seed=1, steps=2)
    assert any("so not compared: sigmoid (line 4), " in note for note in result.notes)
    text = "class Tanh:\n    def slope(self, z): return 1 - z * z\n"
    assert list(unrun_in(text, {1, 2})) == ["Tanh.slope (line 2)"]
    assert not list(unrun_in(text, {1, 2, -2}))


def test_nothing_is_said_where_all_ran() -> None:
    assert not list(unrun_in(FUNCTIONS, range(1000)))


def test_a_loop_at_top_level_that_did_not_run_is_named() -> None:
    text = "import numpy as np\n\nfor i in range(3):\n    w = w - 0.1 * g\n"
    assert list(unrun_in(text, {1, 3})) == ["the loop in line 3"]
    assert list(unrun_in(text, {1, 3, 4})) == []
    late = "import numpy as np\n\nfor i in range(3):\n    w = w - g\n    if i > 0:\n        w = w - 0.1 * w\n"
    assert list(unrun_in(late, {1, 3, 4, 5})) == ["a branch of the loop in line 3 (line 6)"]
    assert trainers_unrun(late, {1, 3, 4, 5}) == ["a branch of the loop in line 3 (line 6)"]


@pytest.mark.parametrize(("was", "now", "verdict"), [("", "", "equivalent"), ("(1 - self.h ** 2)", "(1 - self.h)", "different")])
def test_another_class_is_checked_too(tmp_path: Path, was: str, now: str, verdict: str) -> None:
    result = check(written(tmp_path, FUNCTIONS + OTHER.replace(was, now)), seed=1, steps=2)
    assert result.verdict == verdict
    assert any("Other agrees, too" in note or "agrees, and Other does not" in note for note in result.notes)


def test_functions_with_the_arguments_of_one_that_ran_are_like_it() -> None:
    text = "def one(w, x, y):\n    return x @ w\n\ndef two(w, x, y):\n    return x * w\n\ndef three(x, y):\n    return x * y\n"
    assert list(others_like(text, {2})) == [("step", "two")]


TWICE = """
import numpy as np

def loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros_like(W)
    for row, label in zip(X, y):
        scores = row @ W
        p = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        loss -= np.log(p[label])
        p[label] -= 1
        dW += np.outer(row, p)
    return loss / len(X) + reg * np.sum(W * W), dW / len(X) + 2 * reg * W

def loss_vectorized(W, X, y, reg):
    scores = X @ W
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(X)), y]).mean() + reg * np.sum(W * W)
    p[np.arange(len(X)), y] -= 1
    dW = X.T @ p / len(X)
    dW += 2 * reg * W
    return loss, dW
"""


@pytest.mark.parametrize(
    ("was", "now", "verdict"), [("", "", "equivalent"), ("dW += 2", "dW = 2", "not a proof"), ("@ p / len(X)", "@ p", "different")]
)
def test_a_function_of_the_same_arguments_is_checked_too(tmp_path: Path, was: str, now: str, verdict: str) -> None:
    result = check(written(tmp_path, TWICE.replace(was, now)), seed=1, steps=2)
    said = "loss_vectorized agrees, too" if verdict == "equivalent" else "loss_naive agrees, and loss_vectorized does not"
    assert result.verdict == verdict
    assert any(said in note for note in result.notes)
