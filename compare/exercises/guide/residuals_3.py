"""Exercise 3 of "Residuals and depth": the same block three times.

A network as deep as in the first exercise, but with one weight W and one bias b, which all three blocks use. Write `shared_backward`.
Then:

    backprop-compare exercises check residuals_3
"""

import numpy as np


def shared_backward(inputs, inner, weight, error):
    """Return ∂L/∂a (n, units) at the first use, ∂L/∂W and ∂L/∂b, from ∂L/∂y at the last; lists have a and f = tanh(a Wᵀ + b) of each."""
    raise NotImplementedError(
        "write shared_backward: ∂L/∂W (units, units) and ∂L/∂b (units,), each summed over the three uses, and ∂L/∂a (n, units)"
    )


def gradients(params, x, y):
    """Return the loss, the mean of (a − y)², and its gradient for each parameter."""
    weight, bias = params["block.weight"], params["block.bias"]
    a = x @ params["first.weight"].T + params["first.bias"]       #                     (n, units)
    inputs, inner, grads = [], [], {}
    for _ in range(3):
        f = np.tanh(a @ weight.T + bias)
        inputs.append(a)
        inner.append(f)
        a = a + f                                                 # y = a + f(a)        (n, units)
    error = 2 * (a - y) / y.size                                  # ∂L/∂y               (n, units)
    delta, grads["block.weight"], grads["block.bias"] = shared_backward(inputs, inner, weight, error)
    grads["first.weight"], grads["first.bias"] = delta.T @ x, delta.sum(axis=0)
    return np.mean((a - y) ** 2), grads
