"""A network of a file's own layers is checked beside them."""

from pathlib import Path

import pytest

from compare import Check, PartsCheck, check

pytestmark = pytest.mark.sampled(2)

TEXT = """
import numpy as np

def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)

def relu_forward(x):
    return np.maximum(0, x), x

def relu_backward(dout, cache):
    return dout * (cache > 0)

def softmax_loss(x, y):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    dx = p.copy()
    dx[np.arange(len(y)), y] -= 1
    return -np.log(p[np.arange(len(y)), y]).mean(), dx / len(y)

class Network:
    def __init__(self, n_in, n_hidden, n_out):
        self.w1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)
        self.w2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)

    def train(self, x, y, lr):
        a, first = affine_forward(x, self.w1, self.b1)
        r, kinks = relu_forward(a)
        scores, second = affine_forward(r, self.w2, self.b2)
        loss, dout = softmax_loss(scores, y)
        dout, dw2, db2 = affine_backward(dout, second)
        dout = relu_backward(dout, kinks)
        _, dw1, db1 = affine_backward(dout, first)
        for name, grad in (("w1", dw1), ("b1", db1), ("w2", dw2), ("b2", db2)):
            setattr(self, name, getattr(self, name) - lr * grad)
        return loss
"""


def checked(folder: Path, text: str) -> PartsCheck | Check:
    path = folder / "mine.py"
    path.write_text(text)
    return check(path, seed=1, steps=10)


@pytest.mark.slow
def test_a_network_of_the_layers_is_one_more_part(tmp_path: Path) -> None:
    result = checked(tmp_path, TEXT)
    assert isinstance(result, PartsCheck)
    assert (result.parts[-1].name, result.parts[-1].mark, result.caveats) == ("Network", "agrees", ())


@pytest.mark.slow
def test_a_network_that_forgets_a_layer_is_different_though_each_layer_is_right(tmp_path: Path) -> None:
    line = "        dout = relu_backward(dout, kinks)\n"
    assert TEXT.count(line) == 1
    result = checked(tmp_path, TEXT.replace(line, ""))
    assert isinstance(result, Check)
    assert result.verdict == "different"
    assert "f′ is left out of the error term of the hidden layer" in result.diagnosis[0].causes[0].sentence
    assert "its 5 parts agree one by one, and Network does not" in result.notes


def test_a_network_with_a_method_that_goes_back_by_its_name_is_compared_by_it(tmp_path: Path) -> None:
    result = checked(tmp_path, TEXT.replace("def train(", "def train_backward("))
    assert (result.verdict, result.parts[-1].name) == ("equivalent", "Network")
    asking = TEXT.replace("        self.w1, self.b1 =", "        input()\n        self.w1, self.b1 =")
    other = checked(tmp_path, asking.replace("def train(", "def train_backward("))
    assert (other.verdict, other.parts[-1].name) == ("not a proof", "Network.train_backward")
