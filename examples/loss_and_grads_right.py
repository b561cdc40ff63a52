"""A class whose loss returns the gradients too, in the shape of a course's on vision: relu, softmax cross-entropy, and right."""

import numpy as np


class TwoLayerNet:
    """A linear layer, relu, a linear layer, and the softmax cross-entropy of class indices."""

    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        self.params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def loss(self, X, y=None, reg=0.0):
        """The scores (N, C) without y, else the loss and the gradients."""
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        N = X.shape[0]
        z1 = X @ W1 + b1
        a1 = np.maximum(0, z1)
        scores = a1 @ W2 + b2
        if y is None:
            return scores

        shifted = scores - scores.max(axis=1, keepdims=True)
        log_shares = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        loss = -log_shares[np.arange(N), y].mean() + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

        dscores = np.exp(log_shares)
        dscores[np.arange(N), y] -= 1
        dscores /= N
        dhidden = dscores @ W2.T
        dhidden[z1 <= 0] = 0
        grads = {
            "W1": X.T @ dhidden + 2 * reg * W1,
            "b1": dhidden.sum(axis=0),
            "W2": a1.T @ dscores + 2 * reg * W2,
            "b2": dscores.sum(axis=0),
        }
        return loss, grads
