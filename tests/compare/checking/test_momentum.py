"""A momentum that a file takes or keeps is checked at a value at which it does something."""

from pathlib import Path

import pytest

from compare import check

pytestmark = pytest.mark.sampled(6)

CLASS = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out, momentum=0.9):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)
        self.mu, self.v, self.t = momentum, [0, 0, 0, 0], 0

    def forward(self, x):
        self.h = np.tanh(x @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2

    def train(self, x, y, lr):
        d2 = 2 * (self.forward(x) - y) / y.size      # of the mean squared error
        d1 = d2 @ self.W2.T * (1 - self.h ** 2)
        self.t += 1
        mu = self.mu
        for i, (p, g) in enumerate(zip([self.W1, self.b1, self.W2, self.b2],
                                       [x.T @ d1, d1.sum(0), self.h.T @ d2, d2.sum(0)])):
            UPDATE
"""
PLAIN = ("v = self.v[i] = mu * self.v[i] + g", "p -= lr * v")
RATE_WITHIN = ("v = self.v[i] = mu * self.v[i] - lr * g", "p += v")
AVERAGED = ("v = self.v[i] = mu * self.v[i] + (1 - mu) * g", "p -= lr * v")
CORRECTED = (AVERAGED[0], "p -= lr * v / (1 - mu ** self.t)")
NESTEROV = (PLAIN[0], "p -= lr * (g + mu * v)")
LOOKING_AHEAD = ("last = self.v[i]", RATE_WITHIN[0], "p += -mu * last + (1 + mu) * v")


def written(folder: Path, *update: str, text: str = CLASS) -> Path:
    (folder / "mine.py").write_text(text.replace("UPDATE", "; ".join(update)), encoding="utf-8")
    return folder / "mine.py"


@pytest.mark.parametrize("update", [PLAIN, RATE_WITHIN, AVERAGED, CORRECTED, NESTEROV, LOOKING_AHEAD])
def test_each_form_in_use_agrees(tmp_path: Path, update: tuple[str, ...]) -> None:
    result = check(written(tmp_path, *update), seed=1, steps=2)
    assert result.verdict == "equivalent"
    assert any("it agrees with its momentum at 0.9, too" in note for note in result.notes)
    assert not any("is not compared" in note for note in result.notes)


@pytest.mark.parametrize(
    "update",
    [
        ("v = self.v[i] = -mu * self.v[i] + g", PLAIN[1]),
        ("v = self.v[i] = mu * self.v[i] + g if i % 2 else g", PLAIN[1]),
        ("v = self.v[i] = mu * np.sum(self.v[0]) + g", PLAIN[1]),
        (PLAIN[0], "p -= lr * (g + v * mu ** 2)"),
    ],
)
def test_a_wrong_one_differs(tmp_path: Path, update: tuple[str, ...]) -> None:
    result = check(written(tmp_path, *update), seed=1, steps=2)
    assert result.verdict == "different"
    assert any("it agrees without its momentum, and not with" in note for note in result.notes)


def test_its_mistake_is_named(tmp_path: Path) -> None:
    result = check(written(tmp_path, "v = self.v[i] = -mu * self.v[i] + g", PLAIN[1]), seed=1, steps=2)
    assert result.diagnosis[0].causes[0].id == "momentum-sign"


@pytest.mark.slow
def test_a_momentum_that_an_object_keeps_is_set_to_both_values(tmp_path: Path) -> None:
    text = CLASS.replace(", momentum=0.9", "").replace("self.mu, self.v, self.t = momentum", "self.mu, self.v, self.t = 0.7")
    assert check(written(tmp_path, *RATE_WITHIN, text=text), seed=1, steps=2).verdict == "equivalent"
    wrong = ("v = self.v[i] = mu * self.v[i] + lr * g * mu", "p -= v + lr * g * (1 - mu) ** 2")
    assert check(written(tmp_path, *wrong, text=text), seed=1, steps=2).verdict == "different"


def test_a_momentum_that_nothing_sets_is_said_not_to_be_compared(tmp_path: Path) -> None:
    text = CLASS.replace(", momentum=0.9", "").replace("self.mu, self.v, self.t = momentum", "velocity, self.v, self.t = 0.9")
    result = check(written(tmp_path, "p -= lr * g", text=text.replace("        mu = self.mu\n", "")), seed=1, steps=2)
    assert result.verdict == "equivalent"
    assert any("momentum is not compared" in note for note in result.notes)


SCRIPT = """
import numpy as np

X, y = np.random.randn(8, 3), np.random.randn(8, 1)
W1, W2 = np.random.randn(3, 5), np.random.randn(5, 1)
v1, v2 = np.zeros((3, 5)), np.zeros((5, 1))
lr, momentum = 0.1, 0.9
for epoch in range(100):
    h = np.tanh(X @ W1)
    out = h @ W2
    loss = np.mean((out - y) ** 2)
    d2 = 2 * (out - y) / y.size
    d1 = d2 @ W2.T * (1 - h ** 2)
    v2 = momentum * v2 - lr * h.T @ d2
    v1 = SIGN momentum * v1 - lr * X.T @ d1
    W2 += v2
    W1 += v1
"""


OTHER_NAMES = SCRIPT.replace("v1, v2 = np.zeros((3, 5)), np.zeros((5, 1))", "u1 = u2 = 0").replace("v1", "u1").replace("v2", "u2")


@pytest.mark.parametrize("text", [SCRIPT, pytest.param(OTHER_NAMES, marks=pytest.mark.slow)], ids=["arrays", "numbers"])
@pytest.mark.parametrize(("sign", "verdict"), [("", "equivalent"), ("-", "different")])
def test_a_scripts_own(tmp_path: Path, text: str, sign: str, verdict: str) -> None:
    result = check(written(tmp_path, text=text.replace("SIGN ", sign)), seed=1, steps=2)
    assert result.verdict == verdict
    assert any("with its momentum at 0.9" in note for note in result.notes)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["W1 -= lr * (X.T @ d1 + beta * W1)", "W1 = W1 - lr * X.T @ d1 - lr * beta * W1"])
def test_a_factor_of_the_weights_is_no_momentum(tmp_path: Path, step: str) -> None:
    text = SCRIPT.replace("momentum = 0.1, 0.9", "beta = 0.1, 0.0")
    for line in ("    v2 = momentum * v2 - lr * h.T @ d2\n", "    v1 = SIGN momentum * v1 - lr * X.T @ d1\n"):
        text = text.replace(line, "")
    result = check(written(tmp_path, text=text.replace("W2 += v2", "W2 -= lr * h.T @ d2").replace("W1 += v1", step)), seed=1, steps=2)
    assert result.verdict == "equivalent"
    assert not any("momentum at 0.9" in note for note in result.notes)


BIASES = """
import numpy as np

X, y = np.random.randn(8, 3), np.random.randn(8, 1)
W1, v1, W2, v2 = np.random.randn(3, 5), np.zeros((1, 5)), np.random.randn(5, 1), np.zeros((1, 1))
for epoch in range(100):
    h = np.tanh(v1 + X.dot(W1))
    out = h.dot(W2) + v2
    d2 = 2 * (out - y) / y.size      # of the mean squared error
    d1 = d2 @ W2.T * (1 - h ** 2)
    W2, W1 = W2 - 0.1 * h.T @ d2, W1 - 0.1 * X.T @ d1
    v2 -= 0.1 * d2.sum(0, keepdims=True)
    v1 SIGN 0.1 * d1.sum(0, keepdims=True)
"""


@pytest.mark.parametrize(("sign", "verdict"), [("-=", "equivalent"), ("+=", "different"), ("-= 0 *", "different")])
def test_what_a_product_has_added_is_a_bias_by_the_name_of_a_velocity(tmp_path: Path, sign: str, verdict: str) -> None:
    result = check(written(tmp_path, text=BIASES.replace("SIGN", sign)), seed=1, steps=2)
    assert result.verdict == verdict
    assert result.problem is not None
    assert result.problem.bias


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("", ""), ("v1 = 0.9 * v1", "v1 = -0.9 * v1"), ("v1 = 0.9 * v1", "v1 = 0.9 * v2.mean()"), ("v1 = 0.9 * v1", "v1 = 0 * 0.9 * v1")],
)
def test_a_scripts_momentum_that_is_written_out(tmp_path: Path, right: str, wrong: str) -> None:
    text = SCRIPT.replace("SIGN ", "").replace("momentum * ", "0.9 * ").replace("lr, momentum = 0.1, 0.9", "lr = 0.1")
    result = check(written(tmp_path, text=text.replace(right, wrong) if right else text), seed=1, steps=2)
    assert result.verdict == ("different" if wrong else "equivalent")
