"""Exercise 2 of "Recurrence, derived": the cell of an LSTM.

An LSTM, c_t = f ∘ c_{t−1} + i ∘ g and h_t = o ∘ tanh(c_t), whose last state is read by a linear layer. Write `step_back`, the way back
through one step, from the error at h_t and what has come to c_t from the step after. Then:

    backprop-compare exercises check recurrence_2
"""

import numpy as np


def sigmoid(z):
    """Return σ(z) = 1 / (1 + e⁻ᶻ)."""
    return 1 / (1 + np.exp(-z))


def forward(params, x):
    """Return h and c (n, T + 1, H), from h₀ = c₀ = 0, and the gates i, f, g, o of all steps, (4, n, T, H)."""
    n, steps, _ = x.shape
    units = params["0.weight_hh_l0"].shape[1]
    h, c, gates = np.zeros((n, steps + 1, units)), np.zeros((n, steps + 1, units)), np.zeros((4, n, steps, units))
    for t in range(steps):
        z = x[:, t] @ params["0.weight_ih_l0"].T + h[:, t] @ params["0.weight_hh_l0"].T
        z_i, z_f, z_g, z_o = np.split(z + params["0.bias_ih_l0"] + params["0.bias_hh_l0"], 4, axis=1)
        gates[:, :, t] = i, f, g, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)
        c[:, t + 1] = f * c[:, t] + i * g
        h[:, t + 1] = o * np.tanh(c[:, t + 1])
    return h, c, gates


def step_back(dh, dc, gates, c_before, c):
    """Return ∂L/∂z of the four gates, as a tuple in the order i, f, g, o, and ∂L/∂c_{t−1}; all are (n, H).

    `dh` is ∂L/∂h_t, `dc` the part of ∂L/∂c_t that has come from step t + 1, `gates` are i, f, g and o, and the cells c_{t−1} and c_t.
    """
    i, f, g, o = gates
    tanh_c = np.tanh(c)
    dc = dc + dh * o * (1 - tanh_c**2)                                  # ∂L/∂c_t: both ways
    delta_i = dc * g * i * (1 - i)
    delta_f = dc * c_before * f * (1 - f)
    delta_g = dc * i * (1 - g**2)
    delta_o = dh * tanh_c * o * (1 - o)
    return (delta_i, delta_f, delta_g, delta_o), dc * f


def gradients(params, x, y):
    """Return the loss, the mean of (ŷ − y)², and its gradient for each parameter."""
    h, c, gates = forward(params, x)
    difference = h[:, -1] @ params["1.weight"].T + params["1.bias"] - y
    error = 2 * difference / difference.size                            # ∂L/∂ŷ              (n, 2)

    delta = np.zeros((len(x), x.shape[1], len(params["0.weight_hh_l0"])))
    dh, dc = error @ params["1.weight"], 0                              # at the last step   (n, H)
    for t in reversed(range(x.shape[1])):
        deltas, dc = step_back(dh, dc, gates[:, :, t], c[:, t], c[:, t + 1])
        delta[:, t] = np.concatenate(deltas, axis=1)                    # δ                  (n, 4H)
        dh = delta[:, t] @ params["0.weight_hh_l0"]                     # ∂L/∂h_{t−1}        (n, H)
    grads = {
        "0.weight_ih_l0": np.einsum("nto,nti->oi", delta, x),           # ∂L/∂W_ih = Σ δ_t x_t
        "0.weight_hh_l0": np.einsum("nto,nti->oi", delta, h[:, :-1]),   # ∂L/∂W_hh = Σ δ_t h_{t−1}
        "0.bias_ih_l0": delta.sum(axis=(0, 1)),
        "0.bias_hh_l0": delta.sum(axis=(0, 1)),
        "1.weight": error.T @ h[:, -1],
        "1.bias": error.sum(axis=0),
    }
    return np.mean(difference**2), grads
