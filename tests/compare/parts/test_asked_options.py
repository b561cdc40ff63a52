"""Layers without the modes, running averages and ε of CS231n's: a right one agrees, and planted mistakes are found."""

from pathlib import Path

import pytest

from .checking import checked, first

NORM = """
import numpy as np

def batch_norm_forward(x, gamma, beta, eps=1e-3):
    centred = x - x.mean(0)
    spread = np.sqrt((centred ** 2).mean(0) + eps)
    x_hat = centred / spread
    return gamma * x_hat + beta, (x_hat, gamma, spread)

def batch_norm_backward(dout, cache):
    x_hat, gamma, spread = cache
    g = dout * gamma
    dx = (g - g.mean(0) - x_hat * (g * x_hat).mean(0)) / spread
    return dx, (dout * x_hat).sum(0), dout.sum(0)
"""
DROPOUT = """
import numpy as np

def dropout_forward(x, keep_prob):
    mask = (np.random.rand(*x.shape) < keep_prob) / keep_prob
    return x * mask, mask

def dropout_backward(dout, mask):
    return dout * mask
"""
FIXED = NORM.replace(", eps=1e-3):", "):\n    eps = 1e-7")
TRAINING = NORM.replace("beta, eps=1e-3", "beta, training=True").replace("+ eps", "+ 1e-4")
MODES = DROPOUT.replace("keep_prob):", "keep_prob, training=True):\n    if not training:\n        return x, np.ones(x.shape)")


@pytest.mark.parametrize(
    ("text", "line", "wrong", "part"),
    [
        (NORM, "- x_hat * (g * x_hat).mean(0)", "", "batch_norm_backward"),
        (NORM, "(centred ** 2).mean(0) + eps", "(centred ** 2).sum(0) + eps", "batch_norm_forward"),
        (NORM.replace("beta, eps=", "beta, bn_param=None, eps="), "g - g.mean(0)", "g", "batch_norm_backward"),
        (FIXED, "(dout * x_hat)", "dout", "batch_norm_backward"),
        (TRAINING, "g - g.mean(0)", "g + g.mean(0)", "batch_norm_backward"),
        (DROPOUT, "return dout * mask", "return dout * (mask > 0)", "dropout_backward"),
        (DROPOUT, "(*x.shape) < keep_prob", "(*x.shape) < 0.5", "dropout_forward"),
        (MODES, "return x, np", "return x / keep_prob, np", "dropout_forward"),
    ],
)
def test_what_a_function_has_no_place_for_is_not_asked_of_it(tmp_path: Path, text: str, line: str, wrong: str, part: str) -> None:
    assert (result := checked(tmp_path, text)).verdict == "equivalent", first(result)
    assert text.count(line) == 1
    result = checked(tmp_path, text.replace(line, wrong))
    assert (result.verdict, first(result).name) == ("different", part)
