"""Exercise 3 of "Words": one table at both ends.

The table's row of a word goes through a hidden layer, and what comes out is scored against every row of the same table. Write
`table_gradient`: the table acts on the loss by two ways. Then:

    backprop-compare exercises check embedding_3
"""

import numpy as np


def softmax(z):
    """Return p of the shape of z (n, words); each row sums to 1."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def table_gradient(words, error, delta, h):
    """Return ∂L/∂W (words, units): ∂L/∂e is `error` (n, units) at the words (n,), ∂L/∂z is `delta` (n, words), and z = h Wᵀ."""
    raise NotImplementedError("write table_gradient: ∂L/∂W is the sum of what comes by the rows and by the scores, of shape (words, units)")


def gradients(params, words, y):
    """Return the loss and its gradient for each parameter."""
    table, n = params["table"], np.arange(len(words))
    e = table[words]                                              # e = W[t]            (n, units)
    h = np.tanh(e @ params["hidden.weight"].T + params["hidden.bias"])      #           (n, units)
    p = softmax(h @ table.T)                                      # z = h Wᵀ            (n, words)
    delta = p.copy()
    delta[n, y] -= 1
    delta /= len(words)                                           # δ = (p − y) / n     (n, words)
    delta_h = delta @ table * (1 - h * h)                         # δ of the hidden layer     (n, units)
    error = delta_h @ params["hidden.weight"]                     # ∂L/∂e               (n, units)
    grads = {"table": table_gradient(words, error, delta, h), "hidden.weight": delta_h.T @ e, "hidden.bias": delta_h.sum(axis=0)}
    return -np.log(p[n, y]).mean(), grads
