"""Exercise 3 of "Convolution, derived": pooling whose windows overlap.

A convolution, max pooling over windows of 3 × 3 that begin every 2 places, so that neighbours overlap, and a linear layer that gives the
logits of four classes. One number may be the largest of several windows. Write `max_pool_backward`. Then:

    backprop-compare exercises check convolution_3
"""

import numpy as np

SIZE, STRIDE = 3, 2


def unfold(x, stride):
    """Return the windows w[n, c, i, j, a, b] = x[n, c, sa + i, sb + j], of 3 × 3 places, of shape (n, c, 3, 3, h', w')."""
    height, width = ((side - SIZE) // stride + 1 for side in x.shape[2:])
    windows = np.zeros((*x.shape[:2], SIZE, SIZE, height, width))
    for i, j in np.ndindex(SIZE, SIZE):
        windows[:, :, i, j] = x[:, :, i::stride, j::stride][:, :, :height, :width]
    return windows


def max_pool(x):
    """Return each window's largest number, (n, c, h', w'), and its place k = 3i + j in the window, from 0 to 8, of the same shape."""
    windows = unfold(x, STRIDE)
    places = windows.reshape(*x.shape[:2], SIZE * SIZE, *windows.shape[4:])
    return places.max(axis=2), places.argmax(axis=2)


def max_pool_backward(error, k, shape):
    """Return ∂L/∂x, of that shape (n, c, h, w), from ∂L/∂y and the places k, both (n, c, h', w')."""
    raise NotImplementedError(
        "write max_pool_backward: ∂L/∂x[n, c, r, q] = Σ ∂L/∂y[n, c, a, b] over the windows whose largest number it is, "
        "where 2a + i = r, 2b + j = q and k = 3i + j, of shape (n, c, h, w)"
    )


def gradients(params, x, y):
    """Return the loss, the mean cross-entropy of the classes y (n,), and its gradient for each parameter."""
    windows = unfold(x, 1)                                                            # (n, 1, 3, 3, h', w')
    z = np.einsum("ocij,ncijab->noab", params["0.weight"], windows) + params["0.bias"][:, None, None]
    pooled, k = max_pool(z)                                                           # (n, 3, h″, w″)
    flat = pooled.reshape(len(x), -1)                                                 # (n, 27)
    logits = flat @ params["3.weight"].T + params["3.bias"]                           # (n, 4)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)

    delta2 = (p - np.eye(4)[y]) / len(x)                                              # δ = (softmax − y) / n
    delta1 = max_pool_backward((delta2 @ params["3.weight"]).reshape(pooled.shape), k, z.shape)
    grads = {
        "0.weight": np.einsum("noab,ncijab->ocij", delta1, windows),                  # ∂L/∂W = Σ δ w
        "0.bias": delta1.sum(axis=(0, 2, 3)),                                         # ∂L/∂b = Σ δ
        "3.weight": delta2.T @ flat,                                                  # ∂L/∂W = δᵀ a
        "3.bias": delta2.sum(axis=0),
    }
    return -np.mean(np.log(p[np.arange(len(y)), y])), grads
