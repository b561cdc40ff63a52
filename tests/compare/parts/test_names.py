"""Gradients by hand under the names of tensors, in PyTorch's code and NumPy's: each beside autograd, the first wrong one by its line."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.result import PartsCheck
from compare.parts.shapes import shape_of
from compare.report.parts import headline

from .checking import first, right

TENSORS, ARRAYS = map(right, ("tensor_names", "array_names"))


def checked(folder: Path, text: str, seed: int = 1) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    assert shape_of(path, is_last=True) == "tensor_names"
    return check_parts(path, "tensor_names", seed)


@pytest.mark.parametrize(("text", "count"), [(TENSORS, 12), (ARRAYS, 5)], ids=["torch", "numpy"])
def test_right_gradients_are_equivalent(tmp_path: Path, text: str, count: int) -> None:
    result = checked(tmp_path, text)
    assert result.verdict == "equivalent", first(result)
    assert sum(not part.name.startswith("update of ") for part in result.parts) == count
    assert "is not there" in result.notes[0]


@pytest.mark.sampled(7)
@pytest.mark.parametrize(
    ("text", "line", "wrong", "tensor"),
    [
        (TENSORS, "    dlogits /= n", "    dlogits /= 2 * n", "dlogits"),
        (TENSORS, "dhdiff = (1 - h**2) * dh", "dhdiff = (1 - h) * dh", "dhdiff"),
        (TENSORS, "dhpreact += dhmean / n", "dhpreact += dhmean", "dhpreact"),
        (TENSORS, "db1 = dhpreact.sum(0)", "db1 = dhdiff.sum(0)", "db1"),
        (TENSORS, "dC[Xb[i, j]] += demb[i, j]", "dC[Xb[i, j]] = demb[i, j]", "dC"),
        (ARRAYS, "dWhh += draw @ hs[t - 1].T", "dWhh += draw @ hs[t].T", "dWhh"),
        (ARRAYS, "dnext = Whh.T @ draw", "dnext = Whh @ draw", "dbh"),
    ],
)
def test_the_first_wrong_gradient_is_named_with_its_line(tmp_path: Path, text: str, line: str, wrong: str, tensor: str) -> None:
    assert text.count(line) == 1
    found = first(result := checked(tmp_path, text.replace(line, wrong)))
    assert (result.verdict, found.name) == ("different", tensor)
    assert result.text_of(found.line or 0) == wrong.strip() or tensor == "dbh"
    if tensor == "dhpreact":
        assert {part.name: part.mark for part in result.parts}["dW1"] == "unclear"


def test_gradients_of_no_loss_are_no_such_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TENSORS.replace("loss = F.cross_entropy", "other = F.cross_entropy"))
    assert shape_of(path, is_last=True) is None


def test_arrays_are_recognised_last(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(ARRAYS)
    assert shape_of(path) is None


def test_a_place_that_is_not_reached_is_no_proof(tmp_path: Path) -> None:
    result = checked(tmp_path, ARRAYS.replace("while True:", "while False:"))
    assert result.verdict == "not a proof"
    assert "not reached" in str(first(result).reason)


@pytest.mark.slow
def test_a_factor_between_the_loss_and_the_parameters_is_a_convention(tmp_path: Path) -> None:
    text = TENSORS.replace("    dlogits /= n\n", "").replace("(0)\n", "(0) / n\n")
    for line in ("dW2 = h.T @ dlogits", "dW1 = embcat.T @ dhpreact"):
        text = text.replace(line, f"{line} / n")
    result = checked(tmp_path, text.replace("dembcat.view(emb.shape)", "dembcat.view(emb.shape) / n"))
    assert result.verdict == "equivalent", first(result)
    assert "a factor of 32" in result.parts[0].beside


OTHER_NAMES = """import torch

x, y, w1, w2 = torch.randn(5, 3), torch.randn(5, 2), torch.randn(3, 4), torch.randn(4, 2)
for t in range(500):
    h = x.mm(w1)
    h_relu = h.clamp(min=0)
    y_pred = h_relu.mm(w2)
    loss = (y_pred - y).pow(2).sum()
    grad_y_pred = 2.0 * (y_pred - y)
    grad_w2 = h_relu.t().mm(grad_y_pred)
    h_grad = grad_y_pred.mm(w2.t())
    h_grad[h < 0] = 0
    gradient_w1 = x.t().mm(h_grad)
    w1 -= 1e-6 * gradient_w1
    w2 -= 1e-6 * grad_w2
"""


def test_gradients_are_known_by_other_names_too(tmp_path: Path) -> None:
    result = checked(tmp_path, OTHER_NAMES)
    assert [part.name for part in result.parts] == ["grad_y_pred", "grad_w2", "h_grad", "gradient_w1", "update of w2", "update of w1"]
    assert result.verdict == "equivalent"
    assert first(checked(tmp_path, OTHER_NAMES.replace("    h_grad[h < 0] = 0\n", ""))).name == "h_grad"


KEPT = """import gzip, pickle, torch


def get_data():
    with gzip.open("nowhere/mnist.pkl.gz", "rb") as file:
        return pickle.load(file)


x_train, y_train = get_data()
n, m = x_train.shape
w1, b1 = torch.randn(m, 5) / m**0.5, torch.zeros(5)
w2, b2 = torch.randn(5, 1), torch.zeros(1)
y_train = y_train.float()


def mse_grad(inp, targ):
    inp.g = 2. * (inp.squeeze() - targ).unsqueeze(-1) / inp.shape[0]


def relu_grad(inp, out):
    inp.g = (inp > 0).float() * out.g


def lin_grad(inp, out, w, b):
    inp.g = out.g @ w.t()
    w.g = inp.t() @ out.g
    b.g = out.g.sum(0)


def forward_and_backward(inp, targ):
    l1 = inp @ w1 + b1
    l2 = l1.clamp_min(0.)
    out = l2 @ w2 + b2
    loss = (out.squeeze(-1) - targ).pow(2).mean()
    mse_grad(out, targ)
    lin_grad(l2, out, w2, b2)
    relu_grad(l1, l2)
    lin_grad(inp, l1, w1, b1)


forward_and_backward(x_train, y_train)
"""


def test_gradients_that_functions_keep_on_the_tensors_are_compared(tmp_path: Path) -> None:
    result = checked(tmp_path, KEPT)
    assert result.verdict == "equivalent", first(result)
    assert [part.name for part in result.parts] == ["out.g", "l2.g", "w2.g", "b2.g", "l1.g", "inp.g", "w1.g", "b1.g"]
    assert "drawn numbers stand in" in result.notes[0]


@pytest.mark.parametrize(
    ("line", "wrong", "tensor"),
    [
        ("2. * (inp", "-2. * (inp", "out.g"),
        ("(inp > 0).float() * out.g", "out.g", "l1.g"),
        ("inp.t() @ out.g", "inp.t() @ out.g / 2", "w2.g"),
        ("out.g @ w.t()", "2 * out.g @ w.t()", "l2.g"),
    ],
)
def test_a_wrong_kept_gradient_is_named(tmp_path: Path, line: str, wrong: str, tensor: str) -> None:
    found = first(result := checked(tmp_path, KEPT.replace(line, wrong)))
    assert (result.verdict, found.name) == ("different", tensor)


SCRIPT = """
import numpy as np

X, y = np.random.randn(9, 4), np.random.rand(9, 1)
W1, b1 = np.random.randn(4, 5), np.zeros((1, 5))
W2, b2 = np.random.randn(5, 1), np.zeros((1, 1))
lr = 0.5
for epoch in range(200):
    a1 = np.tanh(X @ W1 + b1)
    out = a1 @ W2 + b2
    loss = np.mean((out - y) ** 2)
    dout = 2 * (out - y) / y.size
    dW2 = a1.T @ dout
    db2 = dout.sum(axis=0, keepdims=True)
    da1 = dout @ W2.T
    dz1 = da1 * (1 - a1 ** 2)
    dW1 = X.T @ dz1
    db1 = dz1.sum(axis=0, keepdims=True)
    W2 -= lr * dW2
    b2 -= lr * db2
    W1 -= lr * dW1
    b1 -= lr * db1
"""


def test_updates_are_compared_with_their_gradients(tmp_path: Path) -> None:
    result = checked(tmp_path, SCRIPT)
    assert (result.verdict, result.left_out) == ("equivalent", ())
    assert [part.name for part in result.parts[-4:]] == [f"update of {each}" for each in ("W2", "b2", "W1", "b1")]


@pytest.mark.parametrize(
    ("line", "wrong", "why"),
    [
        ("    b2 -= lr * db2\n", "", "b2 is never updated: no statement of the loop changes it by db2"),
        ("W1 -= lr * dW1", "W1 += lr * dW1", "W1 goes uphill: its step is +0.5 dW1"),
        ("b1 -= lr * db1", "b1 -= db1", "its step is −1 db1, and that of others −0.5 times theirs"),
        (" -= lr", " += lr", "W2 goes uphill: its step is +0.5 dW2"),
    ],
)
def test_a_wrong_update_beside_right_gradients_differs(tmp_path: Path, line: str, wrong: str, why: str) -> None:
    result = checked(tmp_path, SCRIPT.replace(line, wrong))
    assert (result.verdict, first(result).why) == ("different", why)


def test_an_update_that_is_no_multiple_of_the_gradient_is_said_not_to_be_compared(tmp_path: Path) -> None:
    result = checked(tmp_path, SCRIPT.replace("W1 -= lr * dW1", "W1 -= lr * dW1 / np.sqrt(dW1 ** 2 + 1e-8)"))
    assert (result.verdict, result.left_out) == ("equivalent", ("W1",))
    assert headline(result).endswith("; the update of W1 is not compared")


SINGLE = "    hot = F.one_hot(Xb.flatten(), num_classes=len(C)).float()\n    dC = hot.to(torch.float32).T @ demb.flatten(end_dim=1)\n"


def test_tensors_that_a_file_makes_float32_are_of_the_others_kind(tmp_path: Path) -> None:
    before, after = TENSORS.index("    dC = torch.zeros_like(C)\n"), TENSORS.index("\n    for p, grad in zip")
    result = checked(tmp_path, TENSORS[:before] + SINGLE + TENSORS[after:])
    assert result.verdict == "equivalent", first(result)
    wrong = checked(tmp_path, TENSORS[:before] + SINGLE.replace(".T @", ".T @ torch.abs(1 *").replace("=1)\n", "=1))\n") + TENSORS[after:])
    assert (wrong.verdict, first(wrong).name) == ("different", "dC")


@pytest.mark.slow
def test_a_file_that_is_still_open_as_a_variable_is_no_obstacle(tmp_path: Path) -> None:
    reading = 'open("names.txt").read().splitlines()'
    assert TENSORS.count(reading) == 1
    lines = TENSORS.splitlines()
    at = next(i for i, line in enumerate(lines) if reading in line)
    name = lines[at].partition(" =")[0]
    text = "\n".join([*lines[:at], 'with open("names.txt") as f:', f"    {name} = f.read().splitlines()", *lines[at + 1 :]]) + "\n"
    assert checked(tmp_path, text).verdict == "equivalent"
    for line, wrong in (("dhdiff = (1 - h**2) * dh", "dhdiff = (1 - h) * dh"), ("dhmean / n", "dhmean"), ("    dlogits /= n", "")):
        assert text.count(line) == 1
        assert checked(tmp_path, text.replace(line, wrong)).verdict == "different"


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("line", "verdict"), [("db2_unused = dhpreact.sum(0)", "equivalent"), ("db2_fast = 2 * dlogits.sum(0)", "different")]
)
def test_a_longer_name_is_of_the_same_tensor_if_it_has_its_shape(tmp_path: Path, line: str, verdict: str) -> None:
    at = "    db1 = dhpreact.sum(0)\n"
    assert TENSORS.count(at) == 1
    assert checked(tmp_path, TENSORS.replace(at, f"{at}    {line}\n")).verdict == verdict


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("gradient", "verdict"), [("dlogits /= n", "equivalent"), ("dlogits /= 2 * n", "different")])
def test_a_small_number_in_the_loss_is_no_mistake(tmp_path: Path, gradient: str, verdict: str) -> None:
    text = f"""
import numpy as np
rng = np.random.default_rng(0)
x, y, n = rng.normal(size=(6, 4)), rng.integers(0, 3, 6), 6
W1, b1, W2, b2 = rng.normal(size=(4, 5)), np.zeros(5), rng.normal(size=(5, 3)), np.zeros(3)
for step in range(20):
    h = np.tanh(x @ W1 + b1)
    logits = h @ W2 + b2
    counts = np.exp(logits)
    probs = counts / counts.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(probs[np.arange(n), y] + 1e-9))
    dlogits = probs.copy()
    dlogits[np.arange(n), y] -= 1
    {gradient}
    dW2, db2 = h.T @ dlogits, dlogits.sum(axis=0)
    dh = dlogits @ W2.T
    dW1, db1 = x.T @ (dh * (1 - h**2)), (dh * (1 - h**2)).sum(axis=0)
    W1 -= 0.1 * dW1
    b1 -= 0.1 * db1
    W2 -= 0.1 * dW2
    b2 -= 0.1 * db2
"""
    assert checked(tmp_path, text).verdict == verdict


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("begun", "completed", "wrong"),
    [
        ("torch.zeros_like(C)", "dC.index_add_(0, Xb.flatten(), demb.flatten(0, 1))", "dC.index_copy_(0, Xb.flatten(), demb.view(-1, 4))"),
        ("torch.zeros_like(C)", "dC.index_put_((Xb,), demb, accumulate=True)", "dC.index_put_((Xb,), demb)"),
        ("torch.empty_like(C)", "dC.zero_().index_add_(0, Xb.flatten(), demb.flatten(0, 1)); dC.mul_(1)", "dC.zero_(); dC.mul_(1)"),
    ],
)
def test_a_gradient_is_what_a_method_makes_of_it_in_place(tmp_path: Path, begun: str, completed: str, wrong: str) -> None:
    before, after = TENSORS.index("    dC = torch.zeros_like(C)\n"), TENSORS.index("\n    for p, grad in zip")
    for line, verdict in ((completed, "equivalent"), (wrong, "different")):
        result = checked(tmp_path, f"{TENSORS[:before]}    dC = {begun}\n    {line}\n{TENSORS[after:]}")
        assert (result.verdict, first(result).name if verdict == "different" else "dC") == (verdict, "dC")


TABLE = """import numpy as np
import pandas as pd
import torch

df = pd.read_csv("nowhere/wine.csv", sep=";").sample(frac=1)
extra = np.loadtxt("nowhere/more.txt")
y = torch.tensor(df["quality"].values)
x = torch.tensor(df.drop(columns="quality").values, dtype=torch.float32)
n, k = len(x), int(y.max()) + 1
W, b = torch.randn(x.shape[1], k) * 0.1, torch.zeros(k)
for step in range(100):
    logits = x @ W + b
    counts = (logits - logits.max(1, keepdim=True).values).exp()
    probs = counts / counts.sum(1, keepdim=True)
    perda = -probs.log()[torch.arange(n), y].mean() + 0.01 * (W ** 2).sum()
    dlogits = probs.clone()
    dlogits[torch.arange(n), y] -= 1
    dlogits /= n
    dW = x.T @ dlogits + 0.02 * W
    db = dlogits.sum(0)
    W -= 0.5 * dW
    b -= 0.5 * db
"""


@pytest.mark.slow
def test_a_loss_of_another_name_and_a_table_that_is_not_there(tmp_path: Path) -> None:
    result = checked(tmp_path, TABLE)
    assert result.verdict == "equivalent", first(result)
    assert [part.name for part in result.parts[:3]] == ["dlogits", "dW", "db"]
    assert [note.partition(":")[0] for note in result.notes] == ["wine.csv is not there", "more.txt is not there"]
    for right_one, wrong, name in ((" + 0.02 * W", " + 0.01 * W", "dW"), ("    dlogits /= n\n", "", "dlogits")):
        assert TABLE.count(right_one) == 1
        assert first(checked(tmp_path, TABLE.replace(right_one, wrong))).name == name


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("gradient", "verdict"), [("dlogits /= n", "equivalent"), ("dlogits /= n * (1 + 1e-7)", "different")])
def test_the_rounding_of_its_own_formula_is_allowed(tmp_path: Path, gradient: str, verdict: str) -> None:
    text = TABLE.replace("* 0.1", "* 2").replace("dlogits /= n", gradient)      # so that the largest share is nearly 1
    assert checked(tmp_path, text).verdict == verdict


LETTERS = """
import numpy as np
random = np.random.default_rng(0)
E, R, k = random.normal(size=(7, 4)), random.normal(size=(4, 7)), np.zeros(7)
words, wanted = np.array([0, 3, 3, 1, 6, 2, 0, 5]), np.array([3, 3, 1, 6, 2, 0, 5, 4])
n = len(words)
for step in range(20):
    v = E[words]
    o = v @ R + k
    q = np.exp(o) / np.exp(o).sum(1, keepdims=True)
    loss = -np.log(q[np.arange(n), wanted]).sum() / n
    do = q.copy()
    do[np.arange(n), wanted] -= 1
    do /= n
    dR = v.T @ do
    dk = do.sum(0)
    dv = do @ R.T
    dE = np.zeros_like(E)
    np.add.at(dE, words, dv)
    for p, g in ((E, dE), (R, dR), (k, dk)):
        p -= 0.5 * g
"""


@pytest.mark.parametrize(
    ("old", "new", "verdict", "why"),
    [
        ("", "", "equivalent", None),
        ("(E, dE), ", "", "different", "E is never updated: no statement of the loop changes it by dE"),
        ("p -= 0.5", "p += 0.5", "different", "E goes uphill: its step is +0.5 dE"),
        ("0.5 * g", "(0.5 if p is not k else 0.1) * g", "different", "its step is −0.1 dk, and that of others −0.5 times theirs"),
        ("(R, dR)", "(R, dE.reshape(R.shape))", "different", "R goes along dE, and not dR"),
    ],
    ids=["right", "never", "uphill", "another rate", "another gradient"],
)      # fmt: skip
def test_what_the_loop_changes_is_a_parameter_by_any_name(tmp_path: Path, old: str, new: str, verdict: str, why: str | None) -> None:
    result = checked(tmp_path, LETTERS.replace(old, new))
    assert result.verdict == verdict
    assert why is None or why in [part.why for part in result.parts if part.mark == "wrong"]
