"""One function that makes its weights and trains them, on the mean squared error of a linear output."""

import numpy as np


def train(X, y, hidden=8, epochs=2000, lr=0.05):
    """Return the weights after so many passes."""
    rng = np.random.default_rng(0)
    w1 = rng.normal(size=(X.shape[1], hidden))
    b1 = np.zeros(hidden)
    w2 = rng.normal(size=(hidden, 1))
    b2 = np.zeros(1)
    for epoch in range(epochs):
        a1 = np.tanh(X @ w1 + b1)
        prediction = a1 @ w2 + b2
        error = prediction - y
        if epoch % 100 == 0:
            print("mean squared error:", np.mean(error**2))

        d_out = 2 * error / len(X)
        d_hidden = d_out @ w2.T * (1 - a1**2)
        w2 -= lr * a1.T @ d_out
        b2 -= lr * d_out.sum(axis=0)
        w1 -= lr * X.T @ d_hidden
        b1 -= lr * d_hidden.mean(axis=0)
    return w1, b1, w2, b2


if __name__ == "__main__":
    X = np.linspace(-3, 3, 200).reshape(-1, 1)
    train(X, np.sin(X))
