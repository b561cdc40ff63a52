"""Exercise 3 of "Normalisation, derived": groups of channels.

A convolution of 1 × 1, that is a linear layer of each place's channels, and group normalisation: two groups of two channels each, of which
mean and variance are taken over the channels of the group and over all places. Write `through`. Then:

    backprop-compare exercises check normalization_3
"""

import numpy as np

EPSILON, GROUPS = 1e-5, 2


def normalized(z):
    """Return ẑ = (z − μ) s, of the shape of z (n, channels, h, w), and s = 1 / √(v + ε), a number for each group, (n, groups, 1)."""
    grouped = z.reshape(len(z), GROUPS, -1)
    centred = grouped - grouped.mean(axis=2, keepdims=True)
    variance = (centred * centred).mean(axis=2, keepdims=True)
    scale = 1 / np.sqrt(variance + EPSILON)
    return (centred * scale).reshape(z.shape), scale


def through(g, normal, scale):
    """Return ∂L/∂z (n, channels, h, w) from g = ∂L/∂ẑ and ẑ, both of that shape, and from s (n, groups, 1)."""
    shape = g.shape
    g, normal = (each.reshape(len(each), GROUPS, -1) for each in (g, normal))                 # (n, groups, channels h w / groups)
    through_mean = g.mean(axis=2, keepdims=True)
    through_variance = normal * (g * normal).mean(axis=2, keepdims=True)
    return (scale * (g - through_mean - through_variance)).reshape(shape)


def gradients(params, x, y):
    """Return the loss, the mean of (γ ∘ ẑ + β − y)², and its gradient for each parameter."""
    gamma, beta = (params[name][:, None, None] for name in ("1.weight", "1.bias"))            # (channels, 1, 1)
    weight = params["0.weight"][:, :, 0, 0]                                                   # (channels, in)
    z = np.einsum("oc,nchw->nohw", weight, x) + params["0.bias"][:, None, None]               # (n, channels, h, w)
    normal, scale = normalized(z)
    difference = gamma * normal + beta - y

    error = 2 * difference / difference.size                                                  # ∂L/∂(γ ∘ ẑ + β)
    delta = through(error * gamma, normal, scale)                                             # ∂L/∂z
    grads = {
        "0.weight": np.einsum("nohw,nchw->oc", delta, x)[:, :, None, None],                   # ∂L/∂W = Σ δ x
        "0.bias": delta.sum(axis=(0, 2, 3)),                                                  # ∂L/∂b = Σ δ
        "1.weight": (error * normal).sum(axis=(0, 2, 3)),                                     # ∂L/∂γ = Σ error ∘ ẑ
        "1.bias": error.sum(axis=(0, 2, 3)),                                                  # ∂L/∂β = Σ error
    }
    return np.mean(difference**2), grads
