"""Exercise 2 of "Attention, derived": queries, keys and values.

Attention of five places, two heads, and a causal mask: no place sees a later one. Write `backward`, the way back from the output of each
head to its queries, keys and values. Then:

    backprop-compare exercises check attention_2
"""

import numpy as np


def softmax(z):
    """Return aᵢ = e^zᵢ / Σⱼ e^zⱼ over the last axis."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def of_scores(dp, p):
    """Return ∂L/∂S = P ∘ (∂L/∂P − Σ P ∘ ∂L/∂P), the sum over each row, for P = softmax(S)."""
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


def split(a, parts):
    """Return a (n, T, parts · E) as its parts, each (n, 2, T, d): for each head its share of the units."""
    n, places, _ = a.shape
    return a.reshape(n, places, parts, 2, -1).transpose(2, 0, 3, 1, 4)


def joined(a):
    """Return a (n, 2, T, d) as (n, T, E), the heads of a place one after another."""
    n, _, places, _ = a.shape
    return a.swapaxes(1, 2).reshape(n, places, -1)


def backward(do, q, k, v, p):
    """Return ∂L/∂q, ∂L/∂k and ∂L/∂v from ∂L/∂o, where o = P v and P = softmax(q kᵀ / √d + mask).

    P is (n, 2, T, T), and all others are (n, 2, T, d).
    """
    raise NotImplementedError("write backward: ∂L/∂q, ∂L/∂k and ∂L/∂v through S = q kᵀ / √d and o = P v, each of shape (n, 2, T, d)")


def gradients(params, x, y):
    """Return the loss, the mean of (ŷ − y)², and its gradient for each parameter."""
    q, k, v = split(x @ params["in_proj_weight"].T + params["in_proj_bias"], 3)
    mask = np.triu(np.full((x.shape[1], x.shape[1]), -np.inf), 1)       # −∞ for later places
    p = softmax(q @ k.swapaxes(2, 3) / np.sqrt(q.shape[3]) + mask)      # P                  (n, 2, T, T)
    o = joined(p @ v)                                                   # o                  (n, T, E)
    difference = o @ params["out_proj.weight"].T + params["out_proj.bias"] - y

    delta = 2 * difference / difference.size                            # ∂L/∂ŷ              (n, T, E)
    (do,) = split(delta @ params["out_proj.weight"], 1)                 # ∂L/∂o              (n, 2, T, d)
    error = np.concatenate([joined(each) for each in backward(do, q, k, v, p)], axis=2)
    grads = {
        "in_proj_weight": np.einsum("nto,nti->oi", error, x),           # ∂L/∂W = Σ δ x
        "in_proj_bias": error.sum(axis=(0, 1)),
        "out_proj.weight": np.einsum("nto,nti->oi", delta, o),
        "out_proj.bias": delta.sum(axis=(0, 1)),
    }
    return np.mean(difference**2), grads
