"""A network as large as those that read handwritten digits, trained by a step of matrix products: mistakes are planted in its text."""

import numpy as np

PROBLEM = {"sizes": (784, 256, 128, 10), "activations": "sigmoid", "loss": "half_mse"}


def train_step(params, x, y, lr):
    """The new weights."""
    names = list(params)
    a = [x]
    for name in names:
        a.append(1 / (1 + np.exp(-a[-1] @ params[name].T)))
    back = (a[-1] - y) / len(x) / y.shape[1]
    new = {}
    for i in range(len(names), 0, -1):
        w = params[names[i - 1]]
        delta = back * a[i] * (1 - a[i])
        new[names[i - 1]] = w - lr * delta.T @ a[i - 1]
        back = delta @ w
    return new
