"""Exercise 1 of "Convolution, derived": the gradient of the weight.

A convolution of stride 1 without padding. Write `weight_gradient`, by the rule of every weight: δ where its arrow ends, times the value
where its arrow starts, summed over all arrows that carry it. Then:

    backprop-compare exercises check convolution_1
"""

import numpy as np


def forward(params, x):
    """Return z[n, o, a, b] = Σ W[o, c, i, j] x[n, c, a + i, b + j] + b[o], of shape (n, out, h', w'), for x (n, in, h, w)."""
    weight, bias = params["weight"], params["bias"]
    rows, columns = weight.shape[2:]
    height, width = x.shape[2] - rows + 1, x.shape[3] - columns + 1
    z = np.zeros((len(x), len(weight), height, width)) + bias[:, None, None]
    for i, j in np.ndindex(rows, columns):
        seen = x[:, :, i : i + height, j : j + width]                   # what place i, j of the kernel meets   (n, in, h', w')
        z += np.einsum("oc,ncab->noab", weight[:, :, i, j], seen)
    return z


def weight_gradient(x, delta, shape):
    """Return ∂L/∂W, of that shape (out, in, kₕ, k_w), from δ (n, out, h', w')."""
    raise NotImplementedError(
        "write weight_gradient: ∂L/∂W[o, c, i, j] = Σ δ[n, o, a, b] x[n, c, a + i, b + j], of shape (out, in, kₕ, k_w)"
    )


def gradients(params, x, y):
    """Return the loss, the mean of (z − y)², and its gradient for each parameter."""
    error = forward(params, x) - y
    delta = 2 * error / error.size                                      # δ = ∂L/∂z     (n, out, h', w')
    grads = {"weight": weight_gradient(x, delta, params["weight"].shape), "bias": delta.sum(axis=(0, 2, 3))}
    return np.mean(error**2), grads
