"""Pairs of functions with caches: right ones are equivalent, in whatever layout, and planted mistakes are found where they are."""

from pathlib import Path

import pytest

from .checking import checked, first, right

LAYERS, RECURRENT = map(right, ("layer_pairs", "recurrent_pairs"))


@pytest.mark.parametrize("text", [LAYERS, RECURRENT], ids=["layers", "recurrent"])
@pytest.mark.parametrize("seed", range(3))
def test_right_files_are_equivalent(tmp_path: Path, text: str, seed: int) -> None:
    result = checked(tmp_path, text, seed)
    assert result.verdict == "equivalent", first(result)
    assert all(part.mark == "agrees" and part.compared for part in result.parts)


@pytest.mark.sampled(11)
@pytest.mark.parametrize(
    ("text", "line", "wrong", "part", "tensor"),
    [
        (LAYERS, "out = x.reshape(x.shape[0], -1) @ w + b", "out = x.reshape(x.shape[0], -1) @ w - b", "affine_forward", "out"),
        (LAYERS, "db = dout.sum(axis=0)\n    return dx, dw, db", "db = dout.mean(axis=0)\n    return dx, dw, db", "affine_backward", "db"),
        (LAYERS, "return dout * (cache > 0)", "return dout * (dout > 0)", "relu_backward", "dx"),
        (LAYERS, "affine_backward(relu_backward(dout, relu_cache), ", "affine_backward(dout, ", "affine_relu_backward", "dx"),
        (LAYERS, "cache = (x_hat, gamma, var + eps)", "cache = (x_hat, gamma, var)", "batchnorm_backward", "dx"),
        (LAYERS, "running_mean = momentum * running_mean", "running_mean = 0.9 * running_mean", "batchnorm_forward", "running_mean"),
        (LAYERS, "/ np.sqrt(running_var + eps)", "/ np.sqrt(running_var)", "batchnorm_forward", "out"),
        (LAYERS, "dbeta = dout.sum(axis=0)", "dbeta = dout.sum(axis=0) / len(dout)", "batchnorm_backward", "dbeta"),
        (LAYERS, "(np.random.rand(*x.shape) < p) / p", "(np.random.rand(*x.shape) < 0.5) / p", "dropout_forward", "out"),
        (LAYERS, 'return dout * mask if', 'return dout * (mask > 0) if', "dropout_backward", "dx"),
        (LAYERS, "dpadded[at] += np.tensordot", "dpadded[at] = np.tensordot", "conv_backward_naive", "dx"),
        (LAYERS, "dx = dpadded[:, :, pad :", "dx = dpadded[:, :, 0 :", "conv_backward_naive", "dx"),
        (LAYERS, "dx[at] += largest", "dx[at] = largest", "max_pool_backward_naive", "dx"),
        (LAYERS, "return loss, dx / n", "return loss, dx", "softmax_loss", "dx"),
        (RECURRENT, "dz = dnext_h * (1 - next_h**2)", "dz = dnext_h * (1 - next_h)", "rnn_step_backward", "dx"),
        (RECURRENT, "rnn_step_backward(dh[:, t] + dprev_h, cache[t])", "rnn_step_backward(dh[:, t], cache[t])", "rnn_backward", "dx"),
        (RECURRENT, "dWh += dWh_t", "dWh = dWh_t", "rnn_backward", "dWh"),
        (RECURRENT, "dc = dnext_c + dnext_h * o", "dc = dnext_h * o", "lstm_step_backward", "dx"),
        (RECURRENT, "dprev_c = dc * f", "dprev_c = dc * i", "lstm_step_backward", "dprev_c"),
        (RECURRENT, "np.add.at(dW, x, dout)", "dW[x] += dout", "word_embedding_backward", "dW"),
        (RECURRENT, "db = dout.sum(axis=(0, 1))", "db = dout.sum(axis=1).mean(axis=0)", "temporal_affine_backward", "db"),
        (RECURRENT, "dx *= counts[:, None] / n", "dx *= counts[:, None] / counts.sum()", "temporal_softmax_loss", "dx"),
    ],
)
def test_a_planted_mistake_is_found_where_it_is(tmp_path: Path, text: str, line: str, wrong: str, part: str, tensor: str) -> None:
    assert text.count(line) == 1
    result = checked(tmp_path, text.replace(line, wrong))
    found = first(result)
    assert (result.verdict, found.name) == ("different", part)
    assert found.tensor.partition("[")[0] == tensor
    assert found.lines is not None
    assert result.text_of(found.lines[0]).startswith(f"def {part}(")
    assert found.line is None or found.lines[0] < found.line <= found.lines[1]


def test_a_factor_that_explains_every_number_is_said(tmp_path: Path) -> None:
    result = checked(tmp_path, LAYERS.replace("return loss, dx / n", "return loss, dx"))
    assert first(result).why == "every number of dx is n times what it should be, n being the number of records"
    result = checked(tmp_path, LAYERS.replace("db = dout.sum(axis=0)\n    return dx, dw", "db = -dout.sum(axis=0)\n    return dx, dw"))
    assert first(result).why == "every number of db has the wrong sign"
    assert result.text_of(first(result).line or 0) == "db = -dout.sum(axis=0)"


@pytest.mark.slow
def test_what_is_not_written_or_not_known_is_no_proof(tmp_path: Path) -> None:
    stub = "def relu_forward(x):\n    out = cache = None\n    return out, cache\n\n\ndef relu_backward(dout, cache):\n    return None\n"
    assert checked(tmp_path, stub).verdict == "not a proof"
    result = checked(tmp_path, LAYERS + stub.replace("relu", "warp"))
    assert result.verdict == "not a proof"
    assert "warp" in str(first(result).reason)


WARP = """

def leaky_relu_forward(x):
    out = np.where(x > 0, x, 0.1 * x)
    return out, x


def leaky_relu_backward(dout, cache):
    return dout * np.where(cache > 0, 1.0, 0.1)


def scaled_forward(x, w, b):
    assert x.ndim == 2
    out = np.zeros((x.shape[0], w.shape[1]))
    for i in range(x.shape[0]):
        out[i] = x[i] @ np.tanh(w) + b
    out *= 2
    return out, (x, w)


def scaled_backward(dout, cache):
    x, w = cache
    t = np.tanh(w)
    return 2 * dout @ t.T, 2 * x.T @ dout * (1 - t**2), 2 * dout.sum(0)
"""


@pytest.mark.slow
def test_a_layer_of_no_known_name_is_compared_with_autograd_of_its_own_forward(tmp_path: Path) -> None:
    result = checked(tmp_path, LAYERS + WARP)
    backwards = {part.name: part for part in result.parts if part.name.startswith(("leaky", "scaled"))}
    assert {part.mark for part in backwards.values()} == {"agrees"}, first(result)
    assert set(backwards) == {"leaky_relu_backward", "scaled_backward"}
    assert "its own forward" in backwards["leaky_relu_backward"].beside
    for line, wrong, name in (
        ("np.where(cache > 0, 1.0, 0.1)", "np.where(cache > 0, 1.0, 0.2)", "leaky_relu_backward"),
        ("2 * x.T @ dout * (1 - t**2)", "x.T @ dout * (1 - t**2)", "scaled_backward"),
    ):
        assert WARP.count(line) == 1
        result = checked(tmp_path, LAYERS + WARP.replace(line, wrong))
        assert (result.verdict, first(result).name) == ("different", name)


@pytest.mark.slow
def test_a_number_that_a_forward_has_by_default_is_given_another_value(tmp_path: Path) -> None:
    own = """
def sharp_relu_forward(x, alpha=0.1):
    return np.where(x > 0, x, alpha * x), (x, alpha)

def sharp_relu_backward(dout, cache):
    x, alpha = cache
    return dout * np.where(x > 0, 1.0, alpha)
"""
    assert checked(tmp_path, LAYERS + own).verdict == "equivalent"
    wrong = checked(tmp_path, LAYERS + own.replace("1.0, alpha)", "1.0, 0.1)"))
    assert (wrong.verdict, first(wrong).name, first(wrong).on) == ("different", "sharp_relu_backward", "x (4, 6), alpha 0.316")
    in_both = own.replace("(dout, cache)", "(dout, cache, alpha=0.1)").replace("x, alpha = cache", "x, _ = cache")
    assert checked(tmp_path, LAYERS + in_both).verdict == "equivalent"


def test_what_raises_could_not_run(tmp_path: Path) -> None:
    result = checked(tmp_path, LAYERS.replace("return dout * (cache > 0)", "return dout * (missing > 0)"))
    found = first(result)
    assert (result.verdict, found.name) == ("could not run", "relu_backward")
    assert result.text_of(found.line or 0) == "return dout * (missing > 0)"


COLUMNS = """
import numpy as np

def linear_forward(A, W, b):
    return W @ A + b, (A, W, b)

def linear_backward(dZ, cache):
    A, W, b = cache
    return W.T @ dZ, dZ @ A.T, dZ.sum(axis=1, keepdims=True)
"""


def test_layouts_and_orders_are_found_and_said(tmp_path: Path) -> None:
    result = checked(tmp_path, COLUMNS)
    assert result.verdict == "equivalent", first(result)
    assert "records in columns" in result.parts[0].beside
    renamed = COLUMNS.replace("return W.T @ dZ, dZ @ A.T,", "dA, dW, db = W.T @ dZ, dZ @ A.T,") + "    return dW, dA, db\n"
    result = checked(tmp_path, renamed)
    assert result.verdict == "equivalent"
    assert "returns dw, dx, db" in result.parts[1].beside
    wrong = checked(tmp_path, COLUMNS.replace("dZ.sum(axis=1", "dZ.mean(axis=1"))
    assert first(wrong).tensor.startswith("db")


def test_pairs_of_pytorchs_tensors_are_compared(tmp_path: Path) -> None:
    text = "import torch\n\n\ndef linear_forward(x, w, b):\n    return x @ w + b, (x, w, b)\n\n\ndef linear_backward(dout, cache):\n"
    text += "    x, w, b = cache\n    return dout @ w.t(), x.t() @ dout, dout.sum(0)\n"
    assert checked(tmp_path, text).verdict == "equivalent"
    found = first(result := checked(tmp_path, text.replace("sum(0)", "mean(0)")))
    assert (result.verdict, found.name) == ("different", "linear_backward")
    assert checked(tmp_path, "import torch\n" + right("layer_pairs")).parts[0].name == "affine_forward"


ONE_SEQUENCE = '''import numpy as np


def rnn_forward(x, h0, Wx, Wh, b):
    hs, h = [], h0
    for xt in x:
        h = np.tanh(xt @ Wx + h @ Wh + b)
        hs.append(h.ravel())
    return np.array(hs), (x, h0, Wx, Wh, b, np.array(hs))


def rnn_backward(dh, cache):
    x, h0, Wx, Wh, b, hs = cache
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    later = np.zeros(len(b))
    for t in reversed(range(len(x))):
        draw = (dh[t] + later) * (1 - hs[t] ** 2)
        before = hs[t - 1] if t > 0 else h0.ravel()
        dx[t] = Wx @ draw
        dWx += np.outer(x[t], draw)
        dWh += np.outer(before, draw)
        db += draw
        later = Wh @ draw
    return dx, later.reshape(h0.shape), dWx, dWh, db
'''


BARE = """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_backward(da, a):
    return da * a * (1 - a)


def relu(z):
    return np.maximum(0, z)


def relu_backward(da, z):
    return da * (z > 0)
"""


@pytest.mark.parametrize(("line", "wrong"), [("a * (1 - a)", "a * (1 + a)"), ("(z > 0)", "(z < 0)")])
def test_a_forward_function_may_have_the_layers_name_alone(tmp_path: Path, line: str, wrong: str) -> None:
    affine = LAYERS.partition("def relu_forward")[0]
    assert (right := checked(tmp_path, affine + BARE)).verdict == "equivalent", first(right)
    assert "it takes the output" in next(part.beside for part in right.parts if part.name == "sigmoid_backward")
    assert checked(tmp_path, affine + BARE.replace(line, wrong)).verdict == "different"


@pytest.mark.slow
def test_one_sequence_without_an_axis_of_records_is_a_layout(tmp_path: Path) -> None:
    result = checked(tmp_path, ONE_SEQUENCE)
    assert result.verdict == "equivalent", first(result)
    assert "one sequence, x is (T, D)" in result.parts[0].beside
    before = "hs[t - 1] if t > 0 else h0.ravel()"
    for line, wrong in (("dh[t] + later", "dh[t]"), (before, "hs[t]"), ("db += draw", "db = draw"), ("hs[t] ** 2", "hs[t]")):
        assert ONE_SEQUENCE.count(line) == 1
        found = first(result := checked(tmp_path, ONE_SEQUENCE.replace(line, wrong)))
        assert (result.verdict, found.name) == ("different", "rnn_backward")
    alone = ONE_SEQUENCE.replace("h = [], h0\n", "h = [], h0.ravel()\n").replace("later.reshape(h0.shape)", "later")
    assert checked(tmp_path, alone.replace("hs, h = ", "assert h0.ndim == 1\n    hs, h = ")).verdict == "equivalent"
    forward = first(result := checked(tmp_path, ONE_SEQUENCE.replace("h @ Wh + b)", "h @ Wh)")))
    assert (result.verdict, forward.name) == ("different", "rnn_forward")
