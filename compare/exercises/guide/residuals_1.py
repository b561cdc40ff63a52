"""Exercise 1 of "Residuals and depth": back through a block.

Three blocks y = a + tanh(a Wᵀ + b), each with weights of its own, and a linear layer. Write `block_backward`, which is called for the last
block first. Then:

    backprop-compare exercises check residuals_1
"""

import numpy as np


def block_backward(a, f, weight, error):
    """Return ∂L/∂a (n, units), ∂L/∂W (units, units) and ∂L/∂b (units,), from ∂L/∂y (n, units), where f is tanh(a Wᵀ + b)."""
    raise NotImplementedError(
        "write block_backward: ∂L/∂a = ∂L/∂y + δ W, of shape (n, units), and the gradients ∂L/∂W and ∂L/∂b from δ = ∂L/∂y ∘ f′"
    )


def gradients(params, a, y):
    """Return the loss, the mean of (z − y)², and its gradient for each parameter."""
    inputs, inner, grads = [], [], {}
    for i in range(3):
        f = np.tanh(a @ params[f"{i}.layer.0.weight"].T + params[f"{i}.layer.0.bias"])
        inputs.append(a)
        inner.append(f)
        a = a + f                                                 # y = a + f(a)        (n, units)
    z = a @ params["3.weight"].T + params["3.bias"]
    delta = 2 * (z - y) / y.size                                  # δ = ∂L/∂z           (n, 1)
    grads["3.weight"], grads["3.bias"] = delta.T @ a, delta.sum(axis=0)
    error = delta @ params["3.weight"]                            # ∂L/∂a               (n, units)
    for i in reversed(range(3)):
        weight = params[f"{i}.layer.0.weight"]
        error, of_weight, of_bias = block_backward(inputs[i], inner[i], weight, error)
        grads[f"{i}.layer.0.weight"], grads[f"{i}.layer.0.bias"] = of_weight, of_bias
    return np.mean((z - y) ** 2), grads
