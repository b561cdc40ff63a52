"""Exercise 3 of "Residuals and depth": the same block three times.

A network as deep as in the first exercise, but with one weight W and one bias b, which all three blocks use. Write `shared_backward`.
Then:

    backprop-compare exercises check residuals_3
"""

import numpy as np


def shared_backward(inputs, inner, weight, error):
    """Return ∂L/∂a (n, units) at the first use, ∂L/∂W and ∂L/∂b, from ∂L/∂y at the last; lists have a and f = tanh(a Wᵀ + b) of each."""
    of_weight, of_bias = np.zeros_like(weight), np.zeros(len(weight))
    for a, f in zip(reversed(inputs), reversed(inner), strict=True):
        delta = error * (1 - f * f)                               # δ = ∂L/∂y ∘ tanh′   (n, units)
        of_weight += delta.T @ a
        of_bias += delta.sum(axis=0)
        error = error + delta @ weight                            # ∂L/∂a               (n, units)
    return error, of_weight, of_bias


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
