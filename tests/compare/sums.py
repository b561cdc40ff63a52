"""The honest orders in which to add up the terms of a product of matrices, or of a sum, in plain NumPy.

A product is of a (…, m, k) and b (…, k, n); a sum is over the last axis.
"""

from collections.abc import Callable

import numpy as np

from compare.support.arrays import Array

Product = Callable[[Array, Array], Array]
Sum = Callable[[Array], Array]


def matmul_loops(a: Array, b: Array) -> Array:
    """The terms added one after the other."""
    out = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), dtype=a.dtype)
    for i in range(a.shape[-1]):
        out += a[..., i, None] * b[..., i, None, :]
    return out


def matmul_backwards(a: Array, b: Array) -> Array:
    return a[..., ::-1] @ b[..., ::-1, :]


def matmul_chunks(a: Array, b: Array) -> Array:
    half = (a.shape[-1] + 1) // 2
    return a[..., :half] @ b[..., :half, :] + a[..., half:] @ b[..., half:, :]


def matmul_einsum(a: Array, b: Array) -> Array:
    return np.einsum("...ij,...jk->...ik", a, b)


def matmul_columns(a: Array, b: Array) -> Array:
    """One column of the result after the other."""
    return np.concatenate([a @ b[..., j, None] for j in range(b.shape[-1])], axis=-1)


def matmul_terms(a: Array, b: Array) -> Array:
    """All terms first, then their sums."""
    return (a[..., :, None, :] * np.swapaxes(b, -1, -2)[..., None, :, :]).sum(axis=-1)


def matmul_transposed(a: Array, b: Array) -> Array:
    """(bᵀ aᵀ)ᵀ."""
    return np.swapaxes(np.swapaxes(b, -1, -2) @ np.swapaxes(a, -1, -2), -1, -2)


def matmul_in_double(a: Array, b: Array) -> Array:
    """The product in float64, rounded once."""
    return (a.astype(np.float64) @ b.astype(np.float64)).astype(a.dtype)


PLAIN_PRODUCTS: tuple[Product, ...] = (np.matmul, matmul_loops, matmul_backwards, matmul_chunks, matmul_einsum)
PRODUCTS = (*PLAIN_PRODUCTS, matmul_columns, matmul_terms, matmul_transposed, matmul_in_double)

SUMS: tuple[Sum, ...] = (
    lambda a: a.sum(axis=-1),
    lambda a: np.cumsum(a, axis=-1)[..., -1],      # one after the other
    lambda a: np.cumsum(a[..., ::-1], axis=-1)[..., -1],
    lambda a: a[..., ::2].sum(axis=-1) + a[..., 1::2].sum(axis=-1),
    lambda a: a @ np.ones(a.shape[-1], dtype=a.dtype),
    lambda a: np.einsum("...i->...", a),
    lambda a: a.sum(axis=-1, dtype=np.float64).astype(a.dtype),
)
