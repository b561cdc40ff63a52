"""A right file whose helper happens to be called loss, with other arguments."""

import numpy as np


def sig(z):
    return 1 / (1 + np.exp(-z))


def loss(w1, w2, x, y):
    return 0.5 * np.mean((sig(sig(x @ w1.T) @ w2.T) - y) ** 2)


def train_step(p, x, y, lr):
    w1, w2 = p["0.weight"], p["2.weight"]
    h = sig(x @ w1.T)
    o = sig(h @ w2.T)
    d2 = (o - y) * o * (1 - o) / len(x)
    d1 = d2 @ w2 * h * (1 - h)
    return {"0.weight": w1 - lr * d1.T @ x, "2.weight": w2 - lr * d2.T @ h}
