import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def train_step(params, x, y, lr):
    """Each record's step from the same weights, added up; but each record's error goes back through that record's updated weights."""
    steps1, steps2 = 0.0, 0.0
    for record, target in zip(x, y, strict=True):
        w1, w2 = params["0.weight"].copy(), params["2.weight"].copy()
        a1 = sigmoid(w1 @ record)
        output = sigmoid(w2 @ a1)
        delta2 = (output - target) * output * (1 - output)
        w2 -= lr * np.outer(delta2, a1)
        delta1 = delta2 @ w2 * a1 * (1 - a1)
        w1 -= lr * np.outer(delta1, record)
        steps1, steps2 = steps1 + w1 - params["0.weight"], steps2 + w2 - params["2.weight"]
    return {"0.weight": params["0.weight"] + steps1 / len(x), "2.weight": params["2.weight"] + steps2 / len(x)}
