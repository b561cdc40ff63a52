"""Exercise 1 of "Recurrence, derived": back through time.

A layer h_t = tanh(x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh) whose states at all steps have targets. Write `through_time`: an error comes to
h_t from its own target, and from the step after. Then:

    backprop-compare exercises check recurrence_1
"""

import numpy as np


def forward(params, x):
    """Return h₀ … h_T, of shape (n, T + 1, H), for x (n, T, in); h₀ is 0."""
    h = np.zeros((len(x), x.shape[1] + 1, len(params["weight_hh_l0"])))
    for t in range(x.shape[1]):
        from_input = x[:, t] @ params["weight_ih_l0"].T + params["bias_ih_l0"]
        h[:, t + 1] = np.tanh(from_input + h[:, t] @ params["weight_hh_l0"].T + params["bias_hh_l0"])
    return h


def through_time(errors, h, weight):
    """Return δ_t = ∂L/∂z_t of all steps (n, T, H), where h_t = tanh(z_t).

    `errors` (n, T, H) are those that come from the targets alone, `h` (n, T, H) are h₁ … h_T, and `weight` is W_hh (H, H).
    """
    raise NotImplementedError("write through_time: δ_t = ∂L/∂h_t ∘ (1 − h_t²), the last step first, of shape (n, T, H)")


def gradients(params, x, y):
    """Return the loss, the mean of (h − y)², and its gradient for each parameter."""
    h = forward(params, x)                                              # h₀ … h_T           (n, T + 1, H)
    difference = h[:, 1:] - y
    delta = through_time(2 * difference / difference.size, h[:, 1:], params["weight_hh_l0"])
    grads = {
        "weight_ih_l0": np.einsum("nto,nti->oi", delta, x),             # ∂L/∂W_ih = Σ δ_t x_t
        "weight_hh_l0": np.einsum("nto,nti->oi", delta, h[:, :-1]),     # ∂L/∂W_hh = Σ δ_t h_{t−1}
        "bias_ih_l0": delta.sum(axis=(0, 1)),
        "bias_hh_l0": delta.sum(axis=(0, 1)),
    }
    return np.mean(difference**2), grads
