"""Cross-entropy on a sigmoid: delta2 is p - y, and the output's slope is multiplied in once more in what goes back to the hidden layer."""

import numpy as np

PROBLEM = {"sizes": (4, 3, 1), "activations": "sigmoid", "bias": False, "loss": "bce"}


def s(z):
    return 1 / (1 + np.exp(-z))


def forward(params, x):
    return s(s(x @ params["0.weight"].T) @ params["2.weight"].T)


def gradients(params, x, y):
    a = s(x @ params["0.weight"].T)
    p = s(a @ params["2.weight"].T)
    d2 = (p - y) / len(x)
    d1 = (d2 * p * (1 - p)) @ params["2.weight"] * a * (1 - a)
    return {"0.weight": d1.T @ x, "2.weight": d2.T @ a}
