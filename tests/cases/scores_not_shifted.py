"""Softmax of scores from which nothing is taken off first: right, and unstable."""

import numpy as np
from scores_clipped import PROBLEM, both, forward

__all__ = ["PROBLEM", "forward"]


def gradients(params, x, y):
    h, z = both(params, x)
    e = np.exp(z)
    d = e / e.sum(1, keepdims=True)
    d[range(len(x)), y] -= 1
    d /= len(x)
    back = d @ params["2.weight"] * (h > 0)
    return {"0.weight": back.T @ x, "0.bias": back.sum(0), "2.weight": d.T @ h, "2.bias": d.sum(0)}
