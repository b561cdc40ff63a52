"""Exercise 3 of "Recurrence, derived": the three ways of a GRU.

A GRU, h_t = (1 − z) ∘ n + z ∘ h_{t−1} with n = tanh(y_n + r ∘ m) and m = h_{t−1} W_hnᵀ + b_hn, whose states at all steps have targets.
Write `step_back`, the way back through one step. Then:

    backprop-compare exercises check recurrence_3
"""

import numpy as np


def sigmoid(z):
    """Return σ(z) = 1 / (1 + e⁻ᶻ)."""
    return 1 / (1 + np.exp(-z))


def forward(params, x):
    """Return h (n, T + 1, H), from h₀ = 0, and r, z, n and m of all steps, (4, n, T, H)."""
    units = params["weight_hh_l0"].shape[1]
    h, parts = np.zeros((len(x), x.shape[1] + 1, units)), np.zeros((4, len(x), x.shape[1], units))
    for t in range(x.shape[1]):
        y_r, y_z, y_n = np.split(x[:, t] @ params["weight_ih_l0"].T + params["bias_ih_l0"], 3, axis=1)
        m_r, m_z, m = np.split(h[:, t] @ params["weight_hh_l0"].T + params["bias_hh_l0"], 3, axis=1)
        r, z = sigmoid(y_r + m_r), sigmoid(y_z + m_z)
        n = np.tanh(y_n + r * m)
        h[:, t + 1] = (1 - z) * n + z * h[:, t]
        parts[:, :, t] = r, z, n, m
    return h, parts


def step_back(dh, parts, h_before):
    """Return δ_r, δ_z and δ_n, ∂L/∂m, and the part of ∂L/∂h_{t−1} that goes straight, not through weights; all are (n, H).

    `dh` is ∂L/∂h_t, `parts` are r, z, n and m, and δ are the errors at what is in σ or tanh.
    """
    r, z, n, m = parts
    delta_n = dh * (1 - z) * (1 - n**2)
    delta_z = dh * (h_before - n) * z * (1 - z)
    delta_r = delta_n * m * r * (1 - r)
    return delta_r, delta_z, delta_n, delta_n * r, dh * z


def gradients(params, x, y):
    """Return the loss, the mean of (h − y)², and its gradient for each parameter."""
    h, parts = forward(params, x)
    difference = h[:, 1:] - y
    errors = 2 * difference / difference.size                           # ∂L/∂h from outside (n, T, H)

    delta = np.zeros((len(x), x.shape[1], len(params["weight_hh_l0"])))
    delta_h, dh = np.zeros_like(delta), 0
    for t in reversed(range(x.shape[1])):
        delta_r, delta_z, delta_n, dm, straight = step_back(errors[:, t] + dh, parts[:, :, t], h[:, t])
        delta[:, t] = np.concatenate([delta_r, delta_z, delta_n], axis=1)              # at x W_ihᵀ + b_ih
        delta_h[:, t] = np.concatenate([delta_r, delta_z, dm], axis=1)                 # at h W_hhᵀ + b_hh
        dh = straight + delta_h[:, t] @ params["weight_hh_l0"]                         # ∂L/∂h_{t−1}
    grads = {
        "weight_ih_l0": np.einsum("nto,nti->oi", delta, x),             # ∂L/∂W_ih = Σ δ_t x_t
        "weight_hh_l0": np.einsum("nto,nti->oi", delta_h, h[:, :-1]),   # ∂L/∂W_hh = Σ δʰ_t h_{t−1}
        "bias_ih_l0": delta.sum(axis=(0, 1)),
        "bias_hh_l0": delta_h.sum(axis=(0, 1)),
    }
    return np.mean(difference**2), grads
