"""Softmax of scores that are clipped at 300, so that nothing overflows: two scores beyond it count as equal."""

import numpy as np

PROBLEM = {"sizes": (4, 6, 3), "activations": ("relu", "identity"), "bias": True, "loss": "cross_entropy", "targets": "classes"}


def both(params, x):
    h = np.maximum(0, x @ params["0.weight"].T + params["0.bias"])
    return h, h @ params["2.weight"].T + params["2.bias"]


def forward(params, x):
    return both(params, x)[1]


def gradients(params, x, y):
    h, z = both(params, x)
    e = np.exp(np.minimum(z, 300))
    d = e / e.sum(1, keepdims=True)
    d[range(len(x)), y] -= 1
    d /= len(x)
    back = d @ params["2.weight"] * (h > 0)
    return {"0.weight": back.T @ x, "0.bias": back.sum(0), "2.weight": d.T @ h, "2.bias": d.sum(0)}
