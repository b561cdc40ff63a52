import numpy as np

PROBLEM = {
    "sizes": (4, 5, 1),
    "activations": ("tanh", "sigmoid"),
    "bias": False,
    "loss": "half_mse",
    "optimizer": "sgd",
    "weight_decay": 0.1,
}


def go(p, x, y):
    h = np.tanh(x @ p["0.weight"].T)
    o = 1 / (1 + np.exp(-(h @ p["2.weight"].T)))
    d2 = (o - y) * o * (1 - o) / len(x)
    d1 = d2 @ p["2.weight"] * (1 - h * h)
    loss = 0.5 * ((o - y) ** 2).mean()
    return {
        "a1": h,
        "output": o,
        "loss": loss,
        "delta2": d2,
        "delta1": d1,
        "dW2": d2.T @ h + 0.1 * p["2.weight"],
        "dW1": d1.T @ x + 0.1 * p["0.weight"],
    }


def trace(p, x, y):
    return go(p, x, y)


def train_step(p, x, y, lr):
    t = go(p, x, y)
    return {"0.weight": p["0.weight"] - lr * t["dW1"], "2.weight": p["2.weight"] - lr * t["dW2"]}
