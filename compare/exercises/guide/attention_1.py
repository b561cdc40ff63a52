"""Exercise 1 of "Attention, derived": the error at the scores.

Attention of four places to each other, with one head. Write `of_scores`, the way back through the softmax: a score acts on its own weight,
and on all others of its row. Then:

    backprop-compare exercises check attention_1
"""

import numpy as np


def softmax(z):
    """Return aᵢ = e^zᵢ / Σⱼ e^zⱼ over the last axis."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def of_scores(dp, p):
    """Return ∂L/∂S (n, T, T) from ∂L/∂P and from P = softmax(S), row by row, both (n, T, T)."""
    raise NotImplementedError("write of_scores: ∂L/∂S by its two terms, through the weight itself and through the sum, of shape (n, T, T)")


def gradients(params, x, y):
    """Return the loss, the mean of (ŷ − y)², and its gradient for each parameter."""
    units = x.shape[2]
    qkv = x @ params["in_proj_weight"].T + params["in_proj_bias"]       # [q k v]            (n, T, 3E)
    q, k, v = np.split(qkv, 3, axis=2)                                  #                    (n, T, E) each
    p = softmax(q @ k.swapaxes(1, 2) / np.sqrt(units))                  # P                  (n, T, T)
    o = p @ v                                                           # o = P v            (n, T, E)
    difference = o @ params["out_proj.weight"].T + params["out_proj.bias"] - y

    delta = 2 * difference / difference.size                            # ∂L/∂ŷ              (n, T, E)
    do = delta @ params["out_proj.weight"]                              # ∂L/∂o              (n, T, E)
    ds = of_scores(do @ v.swapaxes(1, 2), p) / np.sqrt(units)           # ∂L/∂(q kᵀ)         (n, T, T)
    error = np.concatenate([ds @ k, ds.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ do], axis=2)
    grads = {
        "in_proj_weight": np.einsum("nto,nti->oi", error, x),           # ∂L/∂W = Σ δ x
        "in_proj_bias": error.sum(axis=(0, 1)),
        "out_proj.weight": np.einsum("nto,nti->oi", delta, o),
        "out_proj.bias": delta.sum(axis=(0, 1)),
    }
    return np.mean(difference**2), grads
