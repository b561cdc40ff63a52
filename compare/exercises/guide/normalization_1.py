"""Exercise 1 of "Normalisation, derived": γ and β.

Layer normalisation of texts, (n, words, units), over the units. Each γ and each β is on an arrow in every word of every text. Write
`scale_gradients`. Then:

    backprop-compare exercises check normalization_1
"""

import numpy as np

EPSILON = 1e-5


def normalized(z):
    """Return ẑ = (z − μ) / √(v + ε), of the shape of z, with mean and variance over the last axis."""
    centred = z - z.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + EPSILON)


def scale_gradients(error, normal):
    """Return ∂L/∂γ and ∂L/∂β, both (units,), from the error ∂L/∂(γ ∘ ẑ + β) and from ẑ, both (n, words, units)."""
    raise NotImplementedError("write scale_gradients: ∂L/∂γ and ∂L/∂β, of shape (units,) each, in this order")


def gradients(params, x, y):
    """Return the loss, the mean of (γ ∘ ẑ + β − y)², and its gradient for each parameter."""
    normal = normalized(x)                                              # ẑ                  (n, words, units)
    difference = normal * params["weight"] + params["bias"] - y
    error = 2 * difference / difference.size                            # ∂L/∂(γ ∘ ẑ + β)    (n, words, units)
    weight, bias = scale_gradients(error, normal)
    return np.mean(difference**2), {"weight": weight, "bias": bias}
