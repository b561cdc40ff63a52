"""A GPT's layers in plain NumPy: embeddings, causal attention of several heads, and the tied output."""

import math

import numpy as np

from compare.support.arrays import Array
from tests.compare.forms import forms, pullbacks
from tests.compare.numpy_networks.passes import Back, Pass, linear, stage


@stage
def embedding(p: Pass, path: str, tokens: Array) -> tuple[Array, Back]:
    """The row of the table for each token."""
    name = f"{path}.weight"
    table = p.params[name]
    one_hot = np.eye(len(table), dtype=table.dtype)[tokens]
    out = table[tokens] if p.ways.choose(f"{path}: rows", range(2)) else one_hot @ table      # a one and zeros: exact

    def back(error: Array) -> Array:
        flat, form = error.reshape(-1, error.shape[-1]), p.ways.choose(f"{path}, back: rows", range(3))
        if form == 0:
            p.add(name, p.ways.product(f"{path}, back", one_hot.reshape(len(flat), -1).T, flat))
        elif form == 1:
            grad = np.zeros_like(table)
            np.add.at(grad, tokens.reshape(-1), flat)
            p.add(name, grad)
        else:
            rows = [flat[tokens.reshape(-1) == token] for token in range(len(table))]
            p.add(name, np.stack([p.ways.sum(f"{path}, rows", each, (0,))[0] if len(each) else 0 * table[0] for each in rows]))
        return error

    return out, back


def tied_output(p: Pass, name: str, x: Array) -> tuple[Array, Back]:
    """The logits x Eᵀ, for the embedding's own table E."""
    table, flat = p.params[name], x.reshape(-1, x.shape[-1])
    out = p.ways.product("logits", flat, table.T)

    def back(error: Array) -> Array:
        delta = error.reshape(-1, error.shape[-1])
        p.add(name, p.ways.product("logits, table", delta.T, flat))
        return p.ways.product("logits, back", delta, table).reshape(x.shape)

    return out.reshape(*x.shape[:-1], -1), back


def with_places(p: Pass, name: str, x: Array) -> tuple[Array, Back]:
    """x + the vector of each place."""
    def back(error: Array) -> Array:
        p.add(name, p.ways.sum(name, error, (0,)))
        return error

    return x + p.params[name], back


def heads_apart(x: Array, heads: int) -> Array:
    """(n, t, h d) as (n, h, t, d)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def heads_together(x: Array) -> Array:
    """(n, h, t, d) as (n, t, h d)."""
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


@stage
def attention(p: Pass, path: str, x: Array, heads: int) -> tuple[Array, Back]:
    """Causal attention: softmax(q kᵀ / √d) v of each head, between two linear layers."""
    projected, back_projected = linear(p, f"{path}.qkv", x)
    q, k, v = (heads_apart(part, heads) for part in np.split(projected, 3, axis=-1))
    weights, mixed = mixed_values(p, path, q, k, v)
    out, back_out = linear(p, f"{path}.out", heads_together(mixed))

    def back(error: Array) -> Array:
        in_mixed = heads_apart(back_out(error), heads)
        parts = mixed_values_back(p, f"{path}, back", in_mixed, q, k, v, weights, mixed)
        return back_projected(np.concatenate([heads_together(part) for part in parts], axis=-1))

    return out, back


def mixed_values(p: Pass, path: str, q: Array, k: Array, v: Array) -> tuple[Array, Array]:
    """The weights softmax(q kᵀ / √d), of what is not in the future, and their sums of v."""
    d, ways = q.shape[-1], p.ways
    keys = np.swapaxes(k, -1, -2)
    scores = ways.choose(f"{path}: scores", (
        lambda: ways.product(path, q, keys) / math.sqrt(d),
        lambda: ways.product(path, q * (1 / math.sqrt(d)), keys),
        lambda: ways.product(path, q, keys / math.sqrt(d)),
        lambda: ways.product(path, q * d**-0.25, keys * d**-0.25),
    ))()
    future = np.triu(np.ones(scores.shape[-2:], dtype=bool), 1)
    softmax = ways.choose(f"{path}: softmax", forms("softmax"))
    form = ways.choose(f"{path}: mask", range(5))
    if form == 0:
        weights = softmax(np.where(future, -np.inf, scores).astype(scores.dtype))
    elif form == 1:
        weights = softmax(np.where(future, scores.dtype.type(-1e9), scores))
    elif form == 2:      # the future's exponentials are taken out
        e = np.exp(scores - np.where(future, -np.inf, scores).max(axis=-1, keepdims=True)) * ~future
        weights = e / ways.sum(f"{path}, exponentials", e, (-1,))
    elif form == 3:      # query by query, of the keys so far
        weights = np.zeros_like(scores)
        for t in range(scores.shape[-2]):
            weights[..., t, : t + 1] = softmax(scores[..., t, : t + 1])
    else:
        return streamed(scores, v, future)
    return weights, ways.product(f"{path}, values", weights, v)


def streamed(scores: Array, v: Array, future: Array) -> tuple[Array, Array]:
    """Key by key, with the largest score so far, and what was summed scaled anew where it grows."""
    largest = scores[..., :1]
    total, mixed = np.ones_like(largest), np.repeat(v[..., :1, :], scores.shape[-2], axis=-2)
    for t in range(1, scores.shape[-1]):
        score = np.where(future[:, t : t + 1], -np.inf, scores[..., t : t + 1]).astype(scores.dtype)
        larger = np.maximum(largest, score)
        e, old = np.exp(score - larger), np.exp(largest - larger)
        total, mixed, largest = total * old + e, mixed * old + e * v[..., t : t + 1, :], larger
    return np.exp(np.where(future, -np.inf, scores - largest).astype(scores.dtype)) / total, mixed / total


def mixed_values_back(
    p: Pass, place: str, error: Array, q: Array, k: Array, v: Array, weights: Array, mixed: Array
) -> tuple[Array, Array, Array]:
    """The errors at q, k and v."""
    ways, d = p.ways, q.shape[-1]
    in_v = ways.product(f"{place} of v", np.swapaxes(weights, -1, -2), error)      # Pᵀ δ
    in_weights = ways.product(f"{place} of weights", error, np.swapaxes(v, -1, -2))      # δ vᵀ
    form = ways.choose(f"{place}: softmax", range(2))
    if form:      # Σⱼ P ∂L/∂P is Σ δ o, for the output o
        in_scores = weights * (in_weights - ways.sum(f"{place} of sums", error * mixed, (-1,)))
    else:
        in_scores = ways.choose(f"{place}: pullback", pullbacks("softmax"))(in_weights, weights, weights)
    scale = 1 / math.sqrt(d)
    if ways.choose(f"{place}: scale", range(2)):
        in_scores, scale = in_scores / math.sqrt(d), 1.0
    in_q = ways.product(f"{place} of q", in_scores, k) * scale
    in_k = ways.product(f"{place} of k", np.swapaxes(in_scores, -1, -2), q) * scale
    return in_q, in_k, in_v
