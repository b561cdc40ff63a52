"""Exercise 2 of "Normalisation, derived": the three terms.

A linear layer, batch normalisation, which takes mean and variance of each unit over the records, tanh, and a second linear layer. Write
`through`, the way back through the normalisation. Then:

    backprop-compare exercises check normalization_2
"""

import numpy as np

EPSILON = 1e-5


def normalized(z):
    """Return ẑ = (z − μ) s, of the shape of z, and s = 1 / √(v + ε), of shape (1, units); mean and variance are over the records."""
    centred = z - z.mean(axis=0, keepdims=True)
    variance = (centred * centred).mean(axis=0, keepdims=True)
    scale = 1 / np.sqrt(variance + EPSILON)
    return centred * scale, scale


def through(g, normal, scale):
    """Return ∂L/∂z (n, units) from g = ∂L/∂ẑ (n, units), from ẑ (n, units), and from s (1, units)."""
    raise NotImplementedError("write through: ∂L/∂z by its three terms, through z itself, the mean and the variance, of shape (n, units)")


def gradients(params, x, y):
    """Return the loss, the mean of (ŷ − y)², and its gradient for each parameter."""
    z = x @ params["0.weight"].T                                        # z = x Wᵀ           (n, 4)
    normal, scale = normalized(z)                                       # ẑ                  (n, 4)
    a = np.tanh(normal * params["1.weight"] + params["1.bias"])         # a = tanh(γ ∘ ẑ + β)
    difference = a @ params["3.weight"].T + params["3.bias"] - y        # ŷ − y              (n, 2)

    delta2 = 2 * difference / difference.size                           # δ = ∂L/∂ŷ          (n, 2)
    error = delta2 @ params["3.weight"] * (1 - a * a)                   # ∂L/∂(γ ∘ ẑ + β)    (n, 4)
    delta1 = through(error * params["1.weight"], normal, scale)         # ∂L/∂z              (n, 4)
    grads = {
        "0.weight": delta1.T @ x,                                       # ∂L/∂W = δᵀ x
        "1.weight": (error * normal).sum(axis=0),                       # ∂L/∂γ = Σ error ∘ ẑ
        "1.bias": error.sum(axis=0),                                    # ∂L/∂β = Σ error
        "3.weight": delta2.T @ a,
        "3.bias": delta2.sum(axis=0),
    }
    return np.mean(difference**2), grads
