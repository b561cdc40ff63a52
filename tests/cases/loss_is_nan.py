"""p is the score itself for its exponential, so that the loss is NaN; and the gradient of 0.bias is not divided by n."""

import numpy as np

PROBLEM = {"sizes": (4, 6, 3), "activations": ("relu", "identity"), "bias": True, "loss": "cross_entropy", "targets": "classes"}


def scores(params, x):
    h = np.maximum(0, x @ params["0.weight"].T + params["0.bias"])
    return h, h @ params["2.weight"].T + params["2.bias"]


def forward(params, x):
    return scores(params, x)[1]


def probs(params, x):
    q = scores(params, x)[1]
    return q / q.sum(1, keepdims=True)


def trace(params, x, y):
    with np.errstate(all="ignore"):
        return {"loss": -np.mean(np.log(probs(params, x)[range(len(x)), y]))}


def gradients(params, x, y):
    h = scores(params, x)[0]
    d = probs(params, x)
    d[range(len(x)), y] -= 1
    d /= len(x)
    back = d @ params["2.weight"] * (h > 0)
    return {"0.weight": back.T @ x, "0.bias": back.sum(0) * len(x), "2.weight": d.T @ h, "2.bias": d.sum(0)}
