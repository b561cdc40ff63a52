"""Only mistake: the output bias gradient is left at zero."""

import numpy as np

PROBLEM = {"sizes": (4, 5, 3), "activations": ("tanh", "identity"), "bias": True, "loss": "cross_entropy"}


def go(p, x, y):
    z1 = x @ p["0.weight"].T + p["0.bias"]
    h = np.tanh(z1)
    z = h @ p["2.weight"].T + p["2.bias"]
    e = np.exp(z - z.max(1, keepdims=True))
    s = e / e.sum(1, keepdims=True)
    d2 = (s - y) / len(x)
    d1 = d2 @ p["2.weight"] * (1 - h * h)
    return {
        "z1": z1,
        "a1": h,
        "output": s,
        "delta2": d2,
        "delta1": d1,
        "dW2": d2.T @ h,
        "dW1": d1.T @ x,
        "db2": np.zeros(3),
        "db1": d1.sum(0),
    }


def trace(p, x, y):
    return go(p, x, y)


def train_step(p, x, y, lr):
    t = go(p, x, y)
    return {
        "0.weight": p["0.weight"] - lr * t["dW1"],
        "0.bias": p["0.bias"] - lr * t["db1"],
        "2.weight": p["2.weight"] - lr * t["dW2"],
        "2.bias": p["2.bias"] - lr * t["db2"],
    }
