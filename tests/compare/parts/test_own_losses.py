"""Pairs of functions that are a loss: the gradient at the prediction stands beside autograd of the loss itself."""

from pathlib import Path

import pytest

from .checking import checked, first

AFFINE = '''import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)

'''
CROSS_ENTROPY = '''
def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy_forward(scores, labels):
    p = softmax(scores)
    return -np.sum(labels * np.log(p + 1e-12)), (p, labels)


def cross_entropy_backward(cache):
    p, labels = cache
    return p - labels
'''
NUMBERS = '''
def nll_forward(labels, p):
    n = len(labels)
    return -np.log(p[np.arange(n), labels]).mean(), (labels, p)


def nll_backward(dloss, cache):
    labels, p = cache
    dp = np.zeros_like(p)
    dp[np.arange(len(labels)), labels] = -1 / p[np.arange(len(labels)), labels]
    return dloss * dp / len(labels)
'''
BARE = '''
def square(y, t):
    return 0.5 * np.sum((y - t) ** 2)


def square_backward(y, t):
    return y - t
'''
OF_PROBABILITIES = '''
def cost_forward(p, labels):
    return -np.sum(labels * np.log(p)), (p, labels)


def cost_backward(cache):
    p, labels = cache
    return p - labels
'''


@pytest.mark.sampled(7)
@pytest.mark.parametrize(
    ("loss", "line", "wrong", "verdict"),
    [
        (CROSS_ENTROPY, "return p - labels", "return labels - p", "different"),
        (CROSS_ENTROPY, "return p - labels", "return p * (p - labels)", "different"),
        (CROSS_ENTROPY, "return p - labels", "return 3 * (p - labels)", "not a proof"),
        (NUMBERS, "= -1 / p", "= 1 / p", "different"),
        (NUMBERS, "= -1 / p[np.arange(len(labels)), labels]", "= -1", "different"),
        (BARE, "return y - t", "return t - y", "different"),
        (BARE, "return y - t", "return (y - t) * y", "different"),
        (BARE, "0.5 * np.sum", "np.mean", "equivalent"),
    ],
)
def test_a_pair_that_is_a_loss_is_compared(tmp_path: Path, loss: str, line: str, wrong: str, verdict: str) -> None:
    result = checked(tmp_path, AFFINE + loss, shape="layer_pairs")
    assert result.verdict == "equivalent", first(result)
    assert "its own forward" in result.parts[-1].beside
    assert loss.count(line) == 1
    result = checked(tmp_path, AFFINE + loss.replace(line, wrong))
    assert result.verdict == verdict
    assert verdict == "equivalent" or first(result).name.endswith("_backward")


def test_a_multiple_is_said(tmp_path: Path) -> None:
    result = checked(tmp_path, AFFINE + BARE.replace("0.5 * np.sum", "np.mean"))
    assert "½n·k times the gradient" in result.parts[-1].caveat


def test_a_gradient_at_the_input_of_what_is_not_there_is_no_proof(tmp_path: Path) -> None:
    result = checked(tmp_path, AFFINE + OF_PROBABILITIES)
    assert (result.verdict, "no such function is found" in str(first(result).reason)) == ("not a proof", True)
