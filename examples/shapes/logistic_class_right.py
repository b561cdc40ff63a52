"""A class whose fit makes the weights and trains them: a regression of one unit, by cross-entropy."""

import numpy as np


class LogisticRegression:
    """Weights (features,) and a number for the bias."""

    def __init__(self, learning_rate=0.01, n_iters=1000):
        self.learning_rate = learning_rate
        self.n_iters = n_iters

    def fit(self, X, y):
        """Train on all records at once."""
        n_samples, n_features = X.shape
        self.weights = np.zeros(n_features)
        self.bias = 0.0
        for _ in range(self.n_iters):
            predicted = 1 / (1 + np.exp(-(X @ self.weights + self.bias)))
            dw = X.T @ (predicted - y) / n_samples
            db = np.sum(predicted - y) / n_samples
            self.weights -= self.learning_rate * dw
            self.bias -= self.learning_rate * db

    def log_loss(self, X, y):
        """The mean cross-entropy."""
        p = 1 / (1 + np.exp(-(X @ self.weights + self.bias)))
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
