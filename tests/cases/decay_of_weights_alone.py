"""The textbook's L2: the weights decay, the biases do not. Run with --weight-decay 0.1."""

import numpy as np

PROBLEM = {"sizes": (4, 3, 1), "activations": "sigmoid", "bias": True, "loss": "bce", "weight_decay": 0.1}


def s(z):
    return 1 / (1 + np.exp(-z))


def train_step(params, x, y, lr):
    w1, b1, w2, b2 = (params[k] for k in ("0.weight", "0.bias", "2.weight", "2.bias"))
    a = s(x @ w1.T + b1)
    p = s(a @ w2.T + b2)
    d2 = (p - y) / len(x)
    d1 = d2 @ w2 * a * (1 - a)
    return {
        "0.weight": w1 - lr * (d1.T @ x + 0.1 * w1),
        "0.bias": b1 - lr * d1.sum(0),
        "2.weight": w2 - lr * (d2.T @ a + 0.1 * w2),
        "2.bias": b2 - lr * d2.sum(0),
    }
