"""The backward passes of a convolution and a pooling, without the forward ones; the channels are the last axis."""

import numpy as np


def conv_backward(dZ, A_prev, W, b, padding="same", stride=(1, 1)):
    kh, kw = W.shape[:2]
    ph, pw = ((kh - 1) // 2, (kw - 1) // 2) if padding == "same" else (0, 0)
    padded = np.pad(A_prev, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    dA, dW, db = np.zeros_like(padded), np.zeros_like(W), np.zeros_like(b)
    for i in range(dZ.shape[1]):
        for j in range(dZ.shape[2]):
            rows, columns = slice(i * stride[0], i * stride[0] + kh), slice(j * stride[1], j * stride[1] + kw)
            dz = dZ[:, i, j]
            dA[:, rows, columns] += np.einsum("nf,hwcf->nhwc", dz, W)
            dW += np.einsum("nhwc,nf->hwcf", padded[:, rows, columns], dz)
            db += dz.sum(0)
    return dA[:, ph : ph + A_prev.shape[1], pw : pw + A_prev.shape[2]], dW, db


def pool_backward(dA, A_prev, kernel_shape, stride=(1, 1), mode="max"):
    kh, kw = kernel_shape
    dA_prev = np.zeros_like(A_prev)
    for i in range(dA.shape[1]):
        for j in range(dA.shape[2]):
            rows, columns = slice(i * stride[0], i * stride[0] + kh), slice(j * stride[1], j * stride[1] + kw)
            window, da = A_prev[:, rows, columns], dA[:, i : i + 1, j : j + 1]
            if mode == "max":
                dA_prev[:, rows, columns] = (window == window.max(axis=(1, 2), keepdims=True)) * da
            else:
                dA_prev[:, rows, columns] += da / (kh * kw)
    return dA_prev
