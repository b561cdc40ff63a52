"""Stops learning once the loss changes by less than 1e-4 from one call to the next."""

import numpy as np

LAST = [None]


def sig(z):
    return 1 / (1 + np.exp(-z))


def train_step(p, x, y, lr):
    w1, w2 = p["0.weight"], p["2.weight"]
    h = sig(x @ w1.T)
    o = sig(h @ w2.T)
    loss = 0.5 * np.mean((o - y) ** 2)
    if LAST[0] is not None and abs(LAST[0] - loss) < 1e-4:
        return p
    LAST[0] = loss
    d2 = (o - y) * o * (1 - o) / len(x)
    d1 = d2 @ w2 * h * (1 - h)
    return {"0.weight": w1 - lr * d1.T @ x, "2.weight": w2 - lr * d2.T @ h}
