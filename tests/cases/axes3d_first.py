from mpl_toolkits.mplot3d import Axes3D  # noqa: F401, I001 - before pyplot, as people have it
import matplotlib.pyplot as plt  # noqa: F401
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def train_step(params, x, y, lr):
    """Right: each record's part of the step is worked out at the old weights, and added to the new ones one by one."""
    w1, w2 = params["0.weight"], params["2.weight"]
    new1, new2 = w1.copy(), w2.copy()
    for record, target in zip(x, y, strict=True):
        a1 = sigmoid(w1 @ record)
        output = sigmoid(w2 @ a1)
        delta2 = (output - target) / y.size * output * (1 - output)
        delta1 = delta2 @ w2 * a1 * (1 - a1)
        new2 -= lr * np.outer(delta2, a1)
        new1 -= lr * np.outer(delta1, record)
    return {"0.weight": new1, "2.weight": new2}
