"""Exercise 2 of "Residuals and depth": a shortcut of another width.

Where a block's output is wider than its input, a weight P makes the shortcut fit: y = relu(s), with s = a Pᵀ + f Vᵀ and f = relu(a Wᵀ).
So do the networks of He and others, 2015, which apply the last relu to the sum. Write `block_backward`. Then:

    backprop-compare exercises check residuals_2
"""

import numpy as np


def relu(z):
    """Return max(z, 0)."""
    return np.maximum(z, 0)


def block_backward(params, a, f, s, error):
    """Return ∂L/∂a (n, in), ∂L/∂P (out, in), ∂L/∂W (hidden, in) and ∂L/∂V (out, hidden), from ∂L/∂y (n, out)."""
    raise NotImplementedError("write block_backward: ∂L/∂a by both ways, of shape (n, in), and the gradients ∂L/∂P, ∂L/∂W and ∂L/∂V")


def gradients(params, x, y):
    """Return the loss, the mean of (z − y)², and its gradient for each parameter."""
    a = x @ params["first.weight"].T + params["first.bias"]       #                     (n, in)
    f = relu(a @ params["W"].T)                                   #                     (n, hidden)
    s = a @ params["P"].T + f @ params["V"].T                     #                     (n, out)
    error = 2 * (relu(s) - y) / y.size                            # ∂L/∂y               (n, out)
    grads = {}
    delta, grads["P"], grads["W"], grads["V"] = block_backward(params, a, f, s, error)
    grads["first.weight"], grads["first.bias"] = delta.T @ x, delta.sum(axis=0)
    return np.mean((relu(s) - y) ** 2), grads
