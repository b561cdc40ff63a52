"""Layer, group, batch and RMS normalisation in plain NumPy, forward and back in several algebraic forms."""

import math

import numpy as np

from compare.support.arrays import Array
from tests.compare.numpy_networks.passes import Axes, Back, Pass, stage


def variance_of(p: Pass, place: str, x: Array, mean: Array, axes: Axes) -> Array:
    """v = E[(x − μ)²]."""
    away = x - mean
    form = p.ways.choose(f"{place}: variance", range(4))
    if form == 0:
        return p.ways.mean(place, away * away, axes)
    if form == 1:
        return p.ways.mean(place, np.abs(x - mean) ** 2, axes)
    if form == 2:
        return x.var(axis=axes, keepdims=True)
    # the mean of what is left would be 0 without rounding
    return p.ways.mean(place, away * away, axes) - p.ways.mean(f"{place}, rest", away, axes) ** 2


def scale_of(p: Pass, place: str, square: Array, eps: float) -> Array:
    """1 / √(v + ε)."""
    forms = (lambda v: 1 / np.sqrt(v), lambda v: v**-0.5, lambda v: np.sqrt(1 / v), lambda v: np.sqrt(v) / v)
    return p.ways.choose(f"{place}: scale", forms)(square + eps)


def scaled(p: Pass, path: str, x: Array, mean: Array, scale: Array, shape: tuple[int, ...]) -> Array:
    """γ (x − μ) s + β, for γ and β of that shape."""
    gamma, beta = p.params[f"{path}.weight"].reshape(shape), p.params[f"{path}.bias"].reshape(shape)
    form = p.ways.choose(f"{path}: output", range(4))
    if form == 0:
        return gamma * ((x - mean) * scale) + beta
    if form == 1:
        return (x - mean) / (1 / scale) * gamma + beta
    if form == 2:
        alpha = gamma * scale
        return alpha * x + (beta - alpha * mean)
    return (x - mean) * (scale * gamma) + beta


def normalisation(p: Pass, path: str, x: Array, axes: Axes, shape: tuple[int, ...], eps: float = 1e-5) -> tuple[Array, Back, Array, Array]:
    """γ (x − μ) / √(v + ε) + β, with μ and v over those axes, its way back, μ and v."""
    ways = p.ways
    mean = ways.mean(f"{path}, mean", x, axes)
    variance = variance_of(p, path, x, mean, axes)
    scale = scale_of(p, path, variance, eps)
    n = x.size // mean.size

    def back(error: Array) -> Array:
        place = f"{path}, back"
        normal = (x - mean) * scale
        over = tuple(axis for axis, length in enumerate(shape) if length == 1)
        p.add(f"{path}.weight", ways.sum(f"{path}.weight", error * normal, over))      # Σ δ x̂
        p.add(f"{path}.bias", ways.sum(f"{path}.bias", error, over))                   # Σ δ
        g = error * p.params[f"{path}.weight"].reshape(shape)
        form = ways.choose(f"{place}: algebra", range(4))
        if form == 0:      # s/n (n g − Σg − x̂ Σ(g x̂))
            return scale / n * (n * g - ways.sum(place, g, axes) - normal * ways.sum(place, g * normal, axes))
        if form == 1:      # s (g − E[g] − (x − μ) s² E[g (x − μ)])
            k = ways.mean(f"{place} 1", g * (x - mean), axes) * scale**2
            return (g - ways.mean(f"{place} 2", g, axes) - (x - mean) * k) * scale
        if form == 2:      # through the variance and through the mean
            through_variance = ways.sum(place, g * (x - mean), axes) * -0.5 * scale**3
            through_mean = -ways.sum(place, g * scale, axes)
            return g * scale + through_variance * 2 * (x - mean) / n + through_mean / n
        centred = g - ways.mean(f"{place} 1", g, axes)      # the centred errors, less their part along x̂
        return scale * (centred - normal * ways.mean(f"{place} 2", centred * normal, axes))

    return scaled(p, path, x, mean, scale, shape), back, mean, variance


@stage
def layer_norm(p: Pass, path: str, x: Array) -> tuple[Array, Back]:
    """Normalisation of each record over its units."""
    return normalisation(p, path, x, (x.ndim - 1,), (*(1,) * (x.ndim - 1), x.shape[-1]))[:2]


@stage
def group_norm(p: Pass, path: str, x: Array, groups: int = 1) -> tuple[Array, Back]:
    """Normalisation of each record (c, h, w) over each group of its channels."""
    n, c = x.shape[:2]
    parts = x.reshape(n, groups, c // groups, *x.shape[2:])
    out, back, _, _ = normalisation(p, path, parts, (2, 3, 4), (1, groups, c // groups, 1, 1))
    return out.reshape(x.shape), lambda error: back(error.reshape(parts.shape)).reshape(x.shape)


@stage
def batch_norm(p: Pass, path: str, x: Array, momentum: float = 0.1) -> tuple[Array, Back]:
    """Normalisation of each channel over the batch, or in evaluation by the running mean and variance."""
    axes = (0, *range(2, x.ndim))
    shape = (1, x.shape[1], *(1,) * (x.ndim - 2))
    names = (f"{path}.running_mean", f"{path}.running_var")
    if not p.training:
        mean, variance = (p.buffers[name].reshape(shape) for name in names)
        return scaled(p, path, x, mean, scale_of(p, path, variance, 1e-5), shape), lambda error: error
    out, back, mean, variance = normalisation(p, path, x, axes, shape)
    n = x.size // x.shape[1]
    unbiased = (variance * (n / (n - 1)), variance * n / (n - 1))[p.ways.choose(f"{path}: unbiased", range(2))]
    for name, value in zip(names, (mean, unbiased), strict=True):
        running, new = p.buffers[name], value.reshape(-1)
        forms = ((1 - momentum) * running + momentum * new, running + momentum * (new - running))
        p.buffers[name] = p.ways.choose(f"{path}: running", forms)
    p.buffers[f"{path}.num_batches_tracked"] = p.buffers[f"{path}.num_batches_tracked"] + 1
    return out, back


@stage
def rms_norm(p: Pass, path: str, x: Array, eps: float = 1e-6) -> tuple[Array, Back]:
    """γ x / √(E[x²] + ε) over the units."""
    ways, gamma, n = p.ways, p.params[f"{path}.weight"], x.shape[-1]
    squares = (
        lambda: ways.mean(path, x * x, (-1,)),
        lambda: np.einsum("...i,...i->...", x, x)[..., None] / n,
        lambda: (np.linalg.norm(x, axis=-1, keepdims=True) / math.sqrt(n)) ** 2,
    )
    scale = scale_of(p, path, ways.choose(f"{path}: square", squares)(), eps)
    out = ways.choose(f"{path}: output", (lambda: x * scale * gamma, lambda: x * (gamma * scale), lambda: gamma * (x / (1 / scale))))()

    def back(error: Array) -> Array:
        place, g, normal = f"{path}, back", error * gamma, x * scale
        p.add(f"{path}.weight", ways.sum(f"{path}.weight", error * normal, tuple(range(x.ndim - 1))))
        form = ways.choose(f"{place}: algebra", range(3))
        if form == 0:
            return scale * (g - normal * ways.mean(place, g * normal, (-1,)))      # s (g − x̂ E[g x̂])
        if form == 1:
            return g * scale - x * (scale**3 / n) * ways.sum(place, g * x, (-1,))      # g s − x s³ Σ(g x)/n
        through_square = ways.sum(place, g * x, (-1,)) * -0.5 * scale**3      # ∂L/∂E[x²], and ∂E[x²]/∂x = 2 x/n
        return g * scale + through_square * (2 * x / n)

    return out, back
