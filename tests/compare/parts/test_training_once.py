"""A file that goes forward and back once, without a loop or a training, is held to the slope of its own loss by its gradients."""

from pathlib import Path

import pytest

from compare.cli.main import EQUIVALENT, main
from compare.parts.check import check_parts
from compare.parts.result import PartsCheck

SCALARS = """
import math

def squash(z):
    return 1 / (1 + math.exp(-z))

i1, i2 = 0.05, 0.10
w1, w2, w3, w4 = 0.15, 0.20, 0.25, 0.30
w5, w6, w7, w8 = 0.40, 0.45, 0.50, 0.55
b1, b2 = 0.35, 0.60
t1, t2 = 0.01, 0.99
lr = 0.5
h1 = squash(w1 * i1 + w2 * i2 + b1)
h2 = squash(w3 * i1 + w4 * i2 + b1)
o1 = squash(w5 * h1 + w6 * h2 + b2)
o2 = squash(w7 * h1 + w8 * h2 + b2)
E_total = 0.5 * (t1 - o1) ** 2 + 0.5 * (t2 - o2) ** 2
d_o1 = (o1 - t1) * o1 * (1 - o1)
d_o2 = (o2 - t2) * o2 * (1 - o2)
w5_new = w5 - lr * d_o1 * h1
w6_new = w6 - lr * d_o1 * h2
w7_new = w7 - lr * d_o2 * h1
w8_new = w8 - lr * d_o2 * h2
d_h1 = (d_o1 * w5 + d_o2 * w7) * h1 * (1 - h1)
d_h2 = (d_o1 * w6 + d_o2 * w8) * h2 * (1 - h2)
w1_new = w1 - lr * d_h1 * i1
w2_new = w2 - lr * d_h1 * i2
w3_new = w3 - lr * d_h2 * i1
w4_new = w4 - lr * d_h2 * i2
"""
LISTS = """
from math import exp

x, wanted = [1, 0, 2], 1
weights = [[0.1, -0.2, 0.3], [0.4, 0.2, -0.1]]
bias = [0.1, -0.1]
out_weights = [0.5, -0.4]
hidden = [1 / (1 + exp(-(sum(w * v for w, v in zip(row, x)) + b))) for row, b in zip(weights, bias)]
answer = sum(w * h for w, h in zip(out_weights, hidden))
error = answer - wanted
out_weights_gradient = [error * h for h in hidden]
back = [error * w * h * (1 - h) for w, h in zip(out_weights, hidden)]
bias_gradient = [d for d in back]
weights_gradient = []
for d in back:
    weights_gradient.append([d * v for v in x])
print(weights_gradient, bias_gradient, out_weights_gradient)
"""
WORD = """
import numpy as np

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

v_c, u_o, u_k = np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.2, 0.1]), np.array([-0.2, -0.1, 0.4])
alpha = 0.05
loss = -np.log(sigmoid(v_c @ u_o)) - np.log(sigmoid(-(v_c @ u_k)))
grad_vc = (sigmoid(v_c @ u_o) - 1) * u_o + sigmoid(v_c @ u_k) * u_k
v_c_updated = v_c - alpha * grad_vc
print(round(loss, 6), v_c_updated)
"""
ROWS = """
import numpy as np

np.random.seed(0)
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
W1 = np.random.randn(2, 3)
b1 = np.zeros((1, 3))
W2 = np.random.randn(3, 1)
b2 = np.zeros((1, 1))
m = len(X)
z1 = X @ W1 + b1
a1 = np.tanh(z1)
z2 = a1 @ W2 + b2
a2 = 1 / (1 + np.exp(-z2))
loss = -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))
dz2 = (a2 - y) / m
dW2 = a1.T @ dz2
db2 = dz2.sum(axis=0, keepdims=True)
dz1 = dz2 @ W2.T * (1 - a1 ** 2)
dW1 = X.T @ dz1
db1 = dz1.sum(axis=0, keepdims=True)
"""
COLUMNS = """
import numpy as np

def forward(x, w1, w2):
    h = np.maximum(w1 @ x, 0)
    scores = w2 @ h
    e = np.exp(scores - scores.max(axis=0))
    return h, e / e.sum(axis=0)

def backward(x, y, w1, w2):
    h, p = forward(x, w1, w2)
    d = (p - y) / x.shape[1]
    dw2 = d @ h.T
    back = w2.T @ d
    back[h <= 0] = 0
    dw1 = back @ x.T
    return dw1, dw2

rng = np.random.default_rng(0)
x, y = rng.normal(size=(4, 5)), np.eye(3)[[0, 2, 1, 0, 1]].T
w1, w2 = rng.normal(size=(6, 4)), rng.normal(size=(3, 6))
print(backward(x, y, w1, w2))
"""
DICTIONARY = """
import numpy as np

def init(sizes):
    rng = np.random.default_rng(4)
    return {"W1": rng.normal(size=sizes[:2]), "b1": np.zeros(sizes[1]), "W2": rng.normal(size=sizes[1:]), "b2": np.zeros(sizes[2])}

def main():
    params = init((3, 4, 2))
    x = np.linspace(-1, 1, 15).reshape(5, 3)
    y = np.cos(x[:, :2])
    h = np.tanh(x @ params["W1"] + params["b1"])
    out = h @ params["W2"] + params["b2"]
    cost = ((out - y) ** 2).mean()
    d = 2 * (out - y) / out.size
    grads = {"W2": h.T @ d, "b2": d.sum(axis=0)}
    d = d @ params["W2"].T * (1 - h * h)
    grads["W1"] = x.T @ d
    grads["b1"] = d.sum(axis=0)
    print(cost, grads)

if __name__ == "__main__":
    main()
"""
IN_PLACE = """
import numpy as np

x = np.array([[0.5, -1.0], [2.0, 0.3], [0.1, 0.7]])
target = np.array([[1.0], [0.0], [1.0]])
w = np.array([[0.2], [-0.4]])
b = np.array([0.1])
p = 1 / (1 + np.exp(-(x @ w + b)))
error = p - target
delta = error * p * (1 - p)
w -= 0.1 * x.T @ delta
b -= 0.1 * delta.sum(axis=0)
p = 1 / (1 + np.exp(-(x @ w + b)))
print("after", ((p - target) ** 2).mean())
"""
OBJECT = """
import numpy as np

class Net:
    def __init__(self):
        rng = np.random.default_rng(2)
        self.w_hidden = rng.normal(size=(2, 3))
        self.w_out = rng.normal(size=(3, 2))

    def forward(self, x):
        self.x = x
        self.h = 1 / (1 + np.exp(-x @ self.w_hidden))
        return self.h @ self.w_out

    def backward(self, out, y):
        d = out - y
        self.grad_w_out = self.h.T @ d
        self.grad_w_hidden = self.x.T @ (d @ self.w_out.T * self.h * (1 - self.h))

net = Net()
x, y = np.array([[1.0, 2.0], [0.3, -0.5]]), np.array([[0.0, 1.0], [1.0, 0.0]])
out = net.forward(x)
net.backward(out, y)
print(net.grad_w_out, net.grad_w_hidden)
"""
DELTA_RULE = """
import numpy as np

inputs, wanted, eta = np.array([0.3, -0.6]), np.array([1.0, 0.0]), 0.2
weights_ih = np.array([[0.1, 0.4, -0.3], [0.2, -0.5, 0.6]])
weights_ho = np.array([[0.3, -0.1], [0.2, 0.5], [-0.4, 0.1]])
h = 1 / (1 + np.exp(-inputs @ weights_ih))
o = 1 / (1 + np.exp(-h @ weights_ho))
at_output = (wanted - o) * o * (1 - o)
at_hidden = weights_ho @ at_output * h * (1 - h)
delta_weights_ho = eta * np.outer(h, at_output)
delta_weights_ih = eta * np.outer(inputs, at_hidden)
print(delta_weights_ih, delta_weights_ho)
"""
LINE = """
xs, ys = [1, 2, 3, 4], [3, 5, 7, 9]
m, c = 0.5, 0.1
n = len(xs)
mse = sum((y - (m * x + c)) ** 2 for x, y in zip(xs, ys)) / n
m_gradient, c_gradient = 0, 0
for x, y in zip(xs, ys):
    m_gradient += -(2 / n) * x * (y - (m * x + c))
    c_gradient += -(2 / n) * (y - (m * x + c))
"""


def checked(folder: Path, text: str, seed: int = 1) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    return check_parts(path, "training", seed)


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, text.count(old)
    return text.replace(old, new)


RIGHT = {
    "scalars": (SCALARS, {f"w{number}_new" for number in range(1, 9)}, ("no gradient of b1, b2 is made",)),
    "lists": (LISTS, {"weights_gradient", "bias_gradient", "out_weights_gradient"}, ()),
    "rows": (ROWS, {"dW1", "db1", "dW2", "db2"}, ()),
    "columns": (COLUMNS, {"dw1", "dw2"}, ()),
    "a dictionary": (DICTIONARY, {f"grads['{name}']" for name in ("W1", "b1", "W2", "b2")}, ()),
    "in place": (IN_PLACE, {"w", "b"}, ()),
    "an object": (OBJECT, {"net.grad_w_hidden", "net.grad_w_out"}, ()),
    "a line": (LINE, {"m_gradient", "c_gradient"}, ()),
    "a word": (WORD, {"v_c_updated"}, ()),
    "the delta rule": (DELTA_RULE, {"delta_weights_ih", "delta_weights_ho"}, ()),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_page_agrees(name: str, tmp_path: Path) -> None:
    text, parts, caveats = RIGHT[name]
    result = checked(tmp_path, text)
    assert (result.verdict, {part.name for part in result.parts}, result.caveats) == ("equivalent", parts, caveats)


WRONG = [
    # the squared error in place of the error, a missing derivative, one of the input of another, the other output forgotten
    (SCALARS, "d_o1 = (o1 - t1)", "d_o1 = 0.5 * (o1 - t1) ** 2", None),
    (SCALARS, "* h2 * (1 - h2)", "", {"w3_new", "w4_new"}),
    (SCALARS, "d_h1 * i2", "d_h1 * i1", {"w2_new"}),
    (SCALARS, "(d_o1 * w6 + d_o2 * w8)", "(d_o2 * w8)", {"w3_new", "w4_new"}),
    (SCALARS, "w7_new = w7 -", "w7_new = w7 +", {"w7_new"}),
    (SCALARS, "math.exp(-z)", "math.exp(z)", None),
    (LISTS, "error * w * h * (1 - h)", "error * w", {"weights_gradient", "bias_gradient"}),
    (LISTS, "[error * h for h in hidden]", "[error for h in hidden]", {"out_weights_gradient"}),
    (WORD, "(sigmoid(v_c @ u_o) - 1)", "sigmoid(v_c @ u_o)", {"v_c_updated"}),
    (WORD, "+ sigmoid(v_c @ u_k) * u_k", "- sigmoid(v_c @ u_k) * u_k", {"v_c_updated"}),
    (WORD, "v_c - alpha", "v_c + alpha", {"v_c_updated"}),
    (ROWS, "db1 = dz1.sum", "db1 = dz1.mean", {"db1"}),
    (ROWS, "dz2 @ W2.T * (1 - a1 ** 2)", "dz2 @ W2.T * (1 - z1 ** 2)", {"dW1", "db1"}),
    (ROWS, "(a2 - y) / m\n", "(a2 - y) / m * a2 * (1 - a2)\n", None),
    (ROWS, "db1 = dz1.sum(axis=0, keepdims=True)", "db1 = dz1", {"db1"}),
    (COLUMNS, "back = w2.T @ d\n    back[h <= 0] = 0", "back = w2.T @ d", {"dw1"}),
    (COLUMNS, "dw2 = d @ h.T", "dw2 = d @ h.T * x.shape[1]", None),
    (DICTIONARY, "d @ params[\"W2\"].T * (1 - h * h)", "d @ params[\"W2\"].T", {"grads['W1']", "grads['b1']"}),
    (IN_PLACE, "b -= 0.1 * delta", "b -= 0.1 * error", {"b"}),
    (IN_PLACE, "error = p - target", "error = target - p", None),
    (OBJECT, "* self.h * (1 - self.h)", "* self.h", {"net.grad_w_hidden"}),
    (OBJECT, "d = out - y", "d = y - out", {"net.grad_w_out", "net.grad_w_hidden"}),
    (LINE, "m_gradient += -(2 / n)", "m_gradient += -(1 / n)", None),
    (LINE, "c_gradient += -", "c_gradient += ", {"c_gradient"}),
    (DELTA_RULE, "weights_ho @ at_output", "weights_ho @ (wanted - o)", {"delta_weights_ih"}),
]


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("text", "old", "new", "wrong"), WRONG)
def test_a_fault_is_found_in_what_it_reaches(text: str, old: str, new: str, wrong: set[str] | None, tmp_path: Path) -> None:
    result = checked(tmp_path, changed(text, old, new))
    assert result.verdict == "different"
    if wrong is not None:
        assert {part.name for part in result.parts if part.mark == "wrong"} == wrong
    assert result.line is not None


def test_an_update_of_one_entry_after_the_other_is_one_step(tmp_path: Path) -> None:
    each = "w[0] = w[0] - 0.1 * x[:, 0] @ delta[:, 0]\nw[1] = w[1] - 0.1 * x[:, 1] @ delta[:, 0]"
    text = changed(IN_PLACE, "w -= 0.1 * x.T @ delta", each)
    assert checked(tmp_path, text).verdict == "equivalent"
    assert checked(tmp_path, changed(text, "0.1 * x[:, 1]", "0.1 * x[:, 0]")).verdict == "different"


def test_what_makes_a_parameter_is_no_update_of_it(tmp_path: Path) -> None:
    text = changed(IN_PLACE, "b = np", "w = 2 * w\nw = w - 0.1\nb = np")
    assert checked(tmp_path, text).verdict == "equivalent"
    assert checked(tmp_path, changed(text, "error * p * (1 - p)", "error * p * p")).verdict == "different"


def test_only_the_first_of_two_steps_is_looked_at(tmp_path: Path) -> None:
    again = IN_PLACE[IN_PLACE.index("p = 1") :]
    assert checked(tmp_path, IN_PLACE + again).verdict == "equivalent"
    assert checked(tmp_path, changed(IN_PLACE, "error * p * (1 - p)", "error * p * p") + again).verdict == "different"


@pytest.mark.parametrize("text", [
    "import numpy as np\nx = np.array([1.0, 2.0])\ny = x - 1\nprint(y)\n",
    "t, dt, w = 0.5, 0.01, 2.0\nx = w * t - 0.2\nprint(x - dt)\n",
    "import numpy as np\nw = np.array([1.0, 2.0])\nw_new = w - 0.1\nprint(w_new)\n",
])
def test_what_has_no_gradient_is_no_page(text: str, tmp_path: Path) -> None:
    assert checked(tmp_path, text).parts == ()


def test_a_file_needs_no_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SCALARS)
    assert main(["check", str(path), "--seed", "1", "--quiet"]) == EQUIVALENT
    assert "no gradient of b1, b2 is made" in capsys.readouterr().out
