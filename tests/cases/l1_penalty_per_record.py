"""An L1 penalty in the update; δ is per record, and 1/n comes with the gradient."""

import numpy as np


def go(p, x, y):
    w1, w2 = p["0.weight"], p["2.weight"]
    a1 = 1 / (1 + np.exp(-x @ w1.T))
    o = 1 / (1 + np.exp(-a1 @ w2.T))
    d2 = (o - y) * o * (1 - o)
    d1 = d2 @ w2 * a1 * (1 - a1)
    return {"a1": a1, "output": o, "delta2": d2, "delta1": d1, "dW2": d2.T @ a1 / len(x), "dW1": d1.T @ x / len(x)}


def trace(p, x, y):
    return go(p, x, y)


def train_step(p, x, y, lr):
    t = go(p, x, y)
    return {k: p[k] - lr * (t[g] + 1e-3 * np.sign(p[k])) for k, g in (("0.weight", "dW1"), ("2.weight", "dW2"))}
