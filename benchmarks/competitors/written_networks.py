"""The networks of W10 as functions of their parameters, in what has NumPy's names: autograd's or JAX's."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Parameters = Mapping[str, Any]


class Library(NamedTuple):
    """NumPy's functions, the error function, and a convolution with 3 × 3 kernels that keeps the size."""

    np: Any
    erf: Callable[[Any], Any]
    convolved: Callable[[Any, Any], Any]


def loss(name: str, of: Library, p: Parameters, x: Any, y: Any) -> Any:
    """Return the mean cross-entropy of the network of that name."""
    np = of.np
    logits = {"lenet": lenet, "gpt-text": gpt, "lstm": lstm}[name](of, p, x)
    logits, y = logits.reshape(-1, logits.shape[-1]), y.reshape(-1)
    most = np.max(logits, axis=-1, keepdims=True)
    of_all = most[:, 0] + np.log(np.sum(np.exp(logits - most), axis=-1))
    return np.mean(of_all - logits[np.arange(len(y)), y])


def lenet(of: Library, p: Parameters, x: Any) -> Any:
    """Return logits (n, 10) for images (n, 1, 8, 8)."""
    np = of.np
    for layer in ("0", "3"):
        z = of.convolved(x, p[f"{layer}.weight"]) + p[f"{layer}.bias"][:, None, None]
        n, channels, height, width = z.shape
        a = np.where(z > 0, z, 0.0)
        x = np.max(a.reshape(n, channels, height // 2, 2, width // 2, 2), axis=(3, 5))
    z = x.reshape(len(x), -1) @ p["7.weight"].T + p["7.bias"]
    return np.where(z > 0, z, 0.0) @ p["9.weight"].T + p["9.bias"]


def gpt(of: Library, p: Parameters, words: Any) -> Any:
    """Return logits (n, T, words) for words (n, T)."""
    np, (n, places) = of.np, words.shape
    table = p["embedding.weight"]
    x = table[words] + p["layer.0.weight"][:places]
    later = np.where(np.arange(places)[:, None] < np.arange(places), -math.inf, 0.0)
    for number in (1, 3):
        path = f"layer.{number}.layer"
        qkv = normalized(np, p, f"{path}.0", x) @ p[f"{path}.1.in_proj_weight"].T + p[f"{path}.1.in_proj_bias"]
        q, k, v = np.transpose(qkv.reshape(n, places, 3, 4, -1), (2, 0, 3, 1, 4))
        scores = q @ np.swapaxes(k, 2, 3) / math.sqrt(q.shape[-1]) + later
        e = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
        o = np.swapaxes(e / np.sum(e, axis=-1, keepdims=True) @ v, 1, 2).reshape(n, places, -1)
        x = x + o @ p[f"{path}.1.out_proj.weight"].T + p[f"{path}.1.out_proj.bias"]
        path = f"layer.{number + 1}.layer"
        z = normalized(np, p, f"{path}.0", x) @ p[f"{path}.1.weight"].T + p[f"{path}.1.bias"]
        a = 0.5 * z * (1 + of.erf(z / math.sqrt(2)))
        x = x + a @ p[f"{path}.3.weight"].T + p[f"{path}.3.bias"]
    return normalized(np, p, "layer.5", x) @ table.T


def normalized(np: Any, p: Parameters, path: str, x: Any) -> Any:
    """Return the layer normalisation of x."""
    centred = x - np.mean(x, axis=-1, keepdims=True)
    scale = 1 / np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + 1e-5)
    return centred * scale * p[f"{path}.weight"] + p[f"{path}.bias"]


def lstm(of: Library, p: Parameters, x: Any) -> Any:
    """Return logits (n, 10) for rows (n, T, 8)."""
    np, units = of.np, p["0.weight_hh_l0"].shape[1]
    h = c = np.zeros((len(x), units), x.dtype)
    inputs = x @ p["0.weight_ih_l0"].T + p["0.bias_ih_l0"] + p["0.bias_hh_l0"]
    for t in range(x.shape[1]):
        z = inputs[:, t] + h @ p["0.weight_hh_l0"].T
        i, f, o = (0.5 + 0.5 * np.tanh(0.5 * z[:, k * units : (k + 1) * units]) for k in (0, 1, 3))
        c = f * c + i * np.tanh(z[:, 2 * units : 3 * units])
        h = o * np.tanh(c)
    return h @ p["1.weight"].T + p["1.bias"]
