"""Convolution and pooling in plain NumPy: as products of unfolded windows, as loops over the kernel, place by place."""

from collections.abc import Iterator

import numpy as np

from compare.support.arrays import Array
from tests.compare.numpy_networks.passes import Back, Pass, affine, stage


def windows_of(x: Array, k: int, stride: int) -> Array:
    """The windows (n, c, height, width, k, k) of x (n, c, …, …)."""
    return np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::stride, ::stride]


def kernel_places(k: int) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(k) for j in range(k))


def shifted(x: Array, i: int, j: int, stride: int, size: tuple[int, int]) -> Array:
    """The view of x that place (i, j) of the kernel meets, of the output's size."""
    return x[:, :, i : i + stride * size[0] : stride, j : j + stride * size[1] : stride]


def by_records(x: Array) -> Array:
    """(n, c, h, w) as (n h w, c)."""
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])


def by_channels(flat: Array, n: int, size: tuple[int, int]) -> Array:
    """(n h w, c) as (n, c, h, w)."""
    return flat.reshape(n, *size, -1).transpose(0, 3, 1, 2)


@stage
def convolution(p: Pass, path: str, x: Array, stride: int = 1, padding: int = 0) -> tuple[Array, Back]:
    """z[n, o, a, b] = Σ x[n, c, s a + i, s b + j] W[o, c, i, j] + b[o] over c, i and j."""
    weight, bias = p.params[f"{path}.weight"], p.params.get(f"{path}.bias")
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    k = weight.shape[-1]
    windows = windows_of(padded, k, stride)
    n, size = len(x), (windows.shape[2], windows.shape[3])
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, weight[0].size)
    form = p.ways.choose(f"{path}: convolution", range(6))
    if form == 0:      # one product of unfolded windows
        out = by_channels(affine(p, path, columns, weight.reshape(len(weight), -1), bias), n, size)
        bias = None
    elif form == 1:      # a product for each place of the kernel
        parts = [p.ways.product(path, by_records(shifted(padded, i, j, stride, size)), weight[:, :, i, j].T) for i, j in kernel_places(k)]
        out = by_channels(_added(p, path, parts), n, size)
    elif form == 2:      # a product for each record
        rows = columns.reshape(n, -1, weight[0].size)
        out = np.stack([p.ways.product(path, weight.reshape(len(weight), -1), each.T) for each in rows]).reshape(n, -1, *size)
    elif form == 3:
        out = np.einsum("nchwij,ocij->nohw", windows, weight)
    elif form == 4:      # sums of shifted and scaled images
        terms = [
            shifted(padded, i, j, stride, size)[:, None, c] * weight[None, :, c, i, j, None, None]
            for c in range(weight.shape[1]) for i, j in kernel_places(k)
        ]
        out = _added(p, path, terms)
    else:      # place by place of the output
        out = np.empty((n, len(weight), *size), dtype=x.dtype)
        for a, b in np.ndindex(*size):
            out[:, :, a, b] = p.ways.product(path, windows[:, :, a, b].reshape(n, -1), weight.reshape(len(weight), -1).T)
    if bias is not None:
        out = out + bias[:, None, None]

    def back(error: Array) -> Array:
        p.add(f"{path}.weight", _weight_gradient(p, path, padded, windows, error, stride))
        p.add(f"{path}.bias", p.ways.sum(f"{path}.bias", error, (0, 2, 3)))
        before = _error_before(p, path, weight, error, stride, padded.shape)
        return before[:, :, padding : before.shape[2] - padding, padding : before.shape[3] - padding]

    return out, back


def _added(p: Pass, path: str, parts: list[Array]) -> Array:
    """The sum of the parts."""
    return p.ways.sum(f"{path}, parts", np.stack(parts, axis=-1), (-1,))[..., 0]


def _weight_gradient(p: Pass, path: str, padded: Array, windows: Array, error: Array, stride: int) -> Array:
    """∂L/∂W[o, c, i, j] = Σ δ[n, o, a, b] x[n, c, s a + i, s b + j] over n, a and b."""
    place, k, size = f"{path}, back", windows.shape[-1], (error.shape[2], error.shape[3])
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(error[:, 0].size, -1)
    form = p.ways.choose(f"{place}: convolution", range(5))
    if form == 0:
        return p.ways.product(place, by_records(error).T, columns)
    if form == 1:
        grad = np.empty((error.shape[1], padded.shape[1], k, k), dtype=error.dtype)
        for i, j in kernel_places(k):
            grad[:, :, i, j] = p.ways.product(place, by_records(error).T, by_records(shifted(padded, i, j, stride, size)))
        return grad
    if form == 2:
        return np.einsum("nohw,nchwij->ocij", error, windows)
    if form == 3:      # record by record
        deltas = error.reshape(len(error), error.shape[1], -1)
        return _added(p, place, [p.ways.product(place, d, c) for d, c in zip(deltas, np.split(columns, len(error)), strict=True)])
    views = [shifted(padded, i, j, stride, size) for i, j in kernel_places(k)]      # elementwise products and their sums
    grads = [p.ways.sum(place, error[:, :, None] * view[:, None], (0, 3, 4))[0, :, :, 0, 0] for view in views]
    return np.stack(grads, axis=-1)


def _error_before(p: Pass, path: str, weight: Array, error: Array, stride: int, shape: tuple[int, ...]) -> Array:
    """∂L/∂x[n, c, s a + i, s b + j] = Σ δ[n, o, a, b] W[o, c, i, j] over o, and all a, b, i and j that meet there."""
    place, k, size = f"{path}, input", weight.shape[-1], (error.shape[2], error.shape[3])
    before = np.zeros(shape, dtype=error.dtype)
    form = p.ways.choose(f"{place}: convolution", range(5))
    if form == 0:      # unfolded, and added where it came from
        unfolded = p.ways.product(place, by_records(error), weight.reshape(len(weight), -1)).reshape(len(error), *size, -1, k, k)
        for i, j in kernel_places(k):
            shifted(before, i, j, stride, size)[...] += unfolded[..., i, j].transpose(0, 3, 1, 2)
        return before
    if form == 1:      # a product for each place of the kernel, the last first
        for i, j in reversed(list(kernel_places(k))):
            part = p.ways.product(place, by_records(error), weight[:, :, i, j])
            shifted(before, i, j, stride, size)[...] += by_channels(part, len(error), size)
        return before
    if form == 2:      # a convolution of the errors, far apart and padded, with the kernel turned round
        apart = np.zeros((*error.shape[:2], shape[2] + k - 1, shape[3] + k - 1), dtype=error.dtype)
        shifted(apart, k - 1, k - 1, stride, size)[...] = error
        columns = windows_of(apart, k, 1).transpose(0, 2, 3, 1, 4, 5).reshape(before[:, 0].size, -1)
        turned = weight[:, :, ::-1, ::-1].transpose(0, 2, 3, 1).reshape(columns.shape[1], -1)
        return by_channels(p.ways.product(place, columns, turned), len(error), (shape[2], shape[3]))
    if form == 3:      # place by place of the output
        for a, b in np.ndindex(*size):
            part = p.ways.product(place, error[:, :, a, b], weight.reshape(len(weight), -1)).reshape(len(error), -1, k, k)
            before[:, :, stride * a : stride * a + k, stride * b : stride * b + k] += part
        return before
    for o in range(len(weight)):      # channel by channel
        for i, j in kernel_places(k):
            shifted(before, i, j, stride, size)[...] += error[:, o, None] * weight[o, :, i, j, None, None]
    return before


@stage
def max_pool(p: Pass, path: str, x: Array, k: int = 2) -> tuple[Array, Back]:
    """The largest of each k × k window, whose error goes to the first that is so large."""
    size = (x.shape[2] // k, x.shape[3] // k)
    views = [shifted(x, i, j, k, size) for i, j in kernel_places(k)]
    if p.ways.choose(f"{path}: maximum", range(2)):
        at = np.argmax(np.stack(views), axis=0)
        out = np.max(np.stack(views), axis=0)
    else:
        out, at = views[0].copy(), np.zeros(views[0].shape, dtype=int)
        for place, view in enumerate(views):
            is_larger = view > out
            out, at = np.where(is_larger, view, out), np.where(is_larger, place, at)

    def back(error: Array) -> Array:
        before = np.zeros_like(x)
        for place, (i, j) in enumerate(kernel_places(k)):
            shifted(before, i, j, k, size)[...] = (error * (at == place), np.where(at == place, error, 0))[p.ways.choose(path, range(2))]
        return before

    return out, back


@stage
def mean_pool(p: Pass, path: str, x: Array, k: int = 2) -> tuple[Array, Back]:
    """The mean of each k × k window."""
    size = (x.shape[2] // k, x.shape[3] // k)
    windows = np.stack([shifted(x, i, j, k, size) for i, j in kernel_places(k)], axis=-1)
    out = p.ways.mean(path, windows, (-1,))[..., 0]

    def back(error: Array) -> Array:
        before = np.zeros_like(x)
        for i, j in kernel_places(k):
            shifted(before, i, j, k, size)[...] = (error / k**2, error * (1 / k**2))[p.ways.choose(f"{path}, back", range(2))]
        return before

    return out, back


def flattened(x: Array) -> tuple[Array, Back]:
    """(n, …) as (n, all else)."""
    return x.reshape(len(x), -1), lambda error: error.reshape(x.shape)
