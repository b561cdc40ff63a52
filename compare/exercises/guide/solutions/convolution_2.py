"""Exercise 2 of "Convolution, derived": the error at the input.

Two convolutions of 3 × 3 kernels, with stride 2 and a border of 1, and tanh between them. A number of the image is in up to four windows,
and in each of them at another place. Write `fold`, the way back of `unfold`. Then:

    backprop-compare exercises check convolution_2
"""

import numpy as np

SIZE, STRIDE, PADDING = 3, 2, 1


def unfold(x):
    """Return the windows w[n, c, i, j, a, b] = x[n, c, 2a + i − 1, 2b + j − 1], of shape (n, c, 3, 3, h', w'), for x (n, c, h, w)."""
    height, width = ((side + 2 * PADDING - SIZE) // STRIDE + 1 for side in x.shape[2:])
    x = np.pad(x, ((0, 0), (0, 0), (PADDING, PADDING), (PADDING, PADDING)))
    windows = np.zeros((*x.shape[:2], SIZE, SIZE, height, width))
    for i, j in np.ndindex(SIZE, SIZE):
        windows[:, :, i, j] = x[:, :, i::STRIDE, j::STRIDE][:, :, :height, :width]
    return windows


def fold(error, shape):
    """Return ∂L/∂x, of that shape (n, c, h, w), from the error at the windows, ∂L/∂w (n, c, 3, 3, h', w')."""
    n, channels, height, width = shape
    x = np.zeros((n, channels, height + 2 * PADDING, width + 2 * PADDING))
    rows, columns = error.shape[4:]
    for i, j in np.ndindex(SIZE, SIZE):
        x[:, :, i::STRIDE, j::STRIDE][:, :, :rows, :columns] += error[:, :, i, j]     # what place i, j has seen
    return x[:, :, PADDING : PADDING + height, PADDING : PADDING + width]


def convolution(weight, bias, windows):
    """Return z[n, o, a, b] = Σ W[o, c, i, j] w[n, c, i, j, a, b] + b[o], of shape (n, out, h', w')."""
    return np.einsum("ocij,ncijab->noab", weight, windows) + bias[:, None, None]


def gradients(params, x, y):
    """Return the loss, the mean of (z − y)², and its gradient for each parameter."""
    windows1 = unfold(x)                                                              # (n, 2, 3, 3, h', w')
    a = np.tanh(convolution(params["0.weight"], params["0.bias"], windows1))          # (n, 3, h', w')
    windows2 = unfold(a)                                                              # (n, 3, 3, 3, h″, w″)
    error = convolution(params["2.weight"], params["2.bias"], windows2) - y           # (n, 2, h″, w″)

    delta2 = 2 * error / error.size                                                   # δ = ∂L/∂z
    in_windows = np.einsum("ocij,noab->ncijab", params["2.weight"], delta2)           # ∂L/∂w = W δ
    delta1 = fold(in_windows, a.shape) * (1 - a * a)                                  # δ = ∂L/∂a ∘ tanh′
    grads = {
        "0.weight": np.einsum("noab,ncijab->ocij", delta1, windows1),                 # ∂L/∂W = Σ δ w
        "0.bias": delta1.sum(axis=(0, 2, 3)),                                         # ∂L/∂b = Σ δ
        "2.weight": np.einsum("noab,ncijab->ocij", delta2, windows2),
        "2.bias": delta2.sum(axis=(0, 2, 3)),
    }
    return np.mean(error**2), grads
