"""Exercise 1 of "Words": the gradient of the table.

Each text is four words. Their rows of the table are added up, and the sum goes through a linear layer. Write `table_gradient`: a row
acts on the loss by way of every text that has its word, and as often as it is there. Then:

    backprop-compare exercises check embedding_1
"""

import numpy as np


def table_gradient(words, error, shape):
    """Return ∂L/∂W, of the table's shape (words, units), from ∂L/∂h (n, units) for the words (n, 4) of n texts."""
    raise NotImplementedError(
        "write table_gradient: ∂L/∂W[t] is the sum of ∂L/∂h over all places where the word t is, of shape (words, units)"
    )


def gradients(params, words, y):
    """Return the loss, the mean of (z − y)², and its gradient for each parameter."""
    h = params["0.weight"][words].sum(axis=1)                     # h = Σ W[t]          (n, units)
    z = h @ params["1.weight"].T + params["1.bias"]               # z = h Vᵀ + b        (n, 2)
    delta = 2 * (z - y) / y.size                                  # δ = ∂L/∂z           (n, 2)
    error = delta @ params["1.weight"]                            # ∂L/∂h = δ V         (n, units)
    grads = {"0.weight": table_gradient(words, error, params["0.weight"].shape), "1.weight": delta.T @ h, "1.bias": delta.sum(axis=0)}
    return np.mean((z - y) ** 2), grads
