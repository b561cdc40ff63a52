"""Exercise 3 of "Attention, derived": keys that heads share.

Three heads of queries, and one of keys and values that all of them use, as large language models have it to save memory (Shazeer, 2019).
Write `shared`. Then:

    backprop-compare exercises check attention_3
"""

import numpy as np


def softmax(z):
    """Return aᵢ = e^zᵢ / Σⱼ e^zⱼ over the last axis."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def of_scores(dp, p):
    """Return ∂L/∂S = P ∘ (∂L/∂P − Σ P ∘ ∂L/∂P), the sum over each row, for P = softmax(S)."""
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


def shared(do, ds, q, p):
    """Return ∂L/∂k and ∂L/∂v (n, T, d), of the keys and values that all h heads use, where S = q kᵀ / √d and o = P v in each head.

    ∂L/∂o and q are (n, h, T, d), ∂L/∂S and P are (n, h, T, T).
    """
    raise NotImplementedError("write shared: ∂L/∂k and ∂L/∂v of keys and values that are used in every head, each of shape (n, T, d)")


def gradients(params, x, y):
    """Return the loss, the mean of (ŷ − y)², and its gradient for each parameter."""
    n, places, units = x.shape
    q = (x @ params["q.weight"].T).reshape(n, places, 3, -1).swapaxes(1, 2)          # (n, h, T, d)
    k, v = np.split(x @ params["kv.weight"].T, 2, axis=2)                            # (n, T, d) each
    root = np.sqrt(k.shape[2])
    p = softmax(q @ k[:, None].swapaxes(2, 3) / root)                                # (n, h, T, T)
    o = (p @ v[:, None]).swapaxes(1, 2).reshape(n, places, units)                    # (n, T, h d)
    difference = o @ params["out.weight"].T - y

    delta = 2 * difference / difference.size                                         # ∂L/∂ŷ   (n, T, h d)
    do = (delta @ params["out.weight"]).reshape(n, places, 3, -1).swapaxes(1, 2)     # ∂L/∂o   (n, h, T, d)
    ds = of_scores(do @ v[:, None].swapaxes(2, 3), p)                                # ∂L/∂S   (n, h, T, T)
    dq = (ds @ k[:, None] / root).swapaxes(1, 2).reshape(n, places, units)           # ∂L/∂q   (n, T, h d)
    dkv = np.concatenate(shared(do, ds, q, p), axis=2)                               # ∂L/∂[k v]
    grads = {
        "q.weight": np.einsum("nto,nti->oi", dq, x),                                 # ∂L/∂W = Σ δ x
        "kv.weight": np.einsum("nto,nti->oi", dkv, x),
        "out.weight": np.einsum("nto,nti->oi", delta, o),
    }
    return np.mean(difference**2), grads
