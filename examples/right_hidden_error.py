"""The lesson's network, 6-2-1 without biases, in plain NumPy: one correct step of training, and its intermediates."""

import numpy as np


def sigmoid(z):
    """σ(z)."""
    return 1 / (1 + np.exp(-z))


def train_step(params, x, y, lr):
    """The weights after one step of gradient descent on the records x (n, 6) and their targets y (n, 1)."""
    found = trace(params, x, y)
    return {"0.weight": params["0.weight"] - lr * found["dW1"], "2.weight": params["2.weight"] - lr * found["dW2"]}


def trace(params, x, y):
    """Every number of the step by its name; the loss is L = 1/(2n) Σ (ŷ − y)²."""
    w1, w2 = params["0.weight"], params["2.weight"]
    hidden = sigmoid(x @ w1.T)
    output = sigmoid(hidden @ w2.T)
    output_error_term = (output - y) / len(x) * output * (1 - output)
    hidden_error_term = output_error_term @ w2 * hidden * (1 - hidden)
    return {
        "a1": hidden,
        "output": output,
        "loss": np.mean((output - y) ** 2) / 2,
        "delta2": output_error_term,
        "delta1": hidden_error_term,
        "dW2": output_error_term.T @ hidden,
        "dW1": hidden_error_term.T @ x,
    }
