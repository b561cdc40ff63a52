"""Attention: the output at each place of a sequence is a mean of all places' values, weighted by how well their keys fit its query.

A place's query q, key k and value v are linear functions of its input, and its weights a softmax of the products of its query with all
keys. Several heads do so beside each other, each with its own share of the units.
Sources: Vaswani and others, *Attention is all you need*, 2017; https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .checks import check_given, check_shape
from .layers import Linear
from .nesting import Nested, with_paths
from .softmax import softmax, softmax_pullback


class MultiheadAttention(Nested):
    """[q k v] = x Wᵀ + b, then softmax(q kᵀ / √d + m) v in each head, then the layer `out_proj` of all heads' outputs.

    The input is x (n, T, E), n sequences of T places; each of the h `heads` has d = E / h units. The names and layouts are PyTorch's:
    weight W (3E, E), bias b (3E,) or None. The mask m (T, T) is added; in one of bools True stands for −∞: the place of the row does not
    see that of the column. With `causal`, no place sees a later one. `weights` (n, h, T, T) are those of the last forward pass.
    """

    def __init__(
        self, heads: int, in_proj_weight: Array, in_proj_bias: Array | None, out_proj: Linear, *, causal: bool = False,
        mask: NDArray[Any] | None = None,
    ) -> None:
        units = in_proj_weight.shape[1]
        if heads < 1 or units % heads or len(in_proj_weight) != 3 * units:
            raise ValueError(f"in_proj_weight has shape {in_proj_weight.shape}; expected (3E, E), with E a multiple of {heads} heads")
        if causal and mask is not None:
            raise ValueError("a mask is given, and causal is True; expected one of them")
        self.heads, self.causal = heads, causal
        self.mask = None if mask is None else additive(mask)
        self.in_proj, self.out_proj = Linear(in_proj_weight, in_proj_bias), out_proj

    def children(self) -> dict[str, Linear]:
        """Return the last layer, as "out_proj"."""
        return {"out_proj": self.out_proj}

    def own(self) -> dict[str, Array]:
        """Return W and b, as "in_proj_weight" and "in_proj_bias"."""
        return named(self.in_proj.parameters())

    def forward(self, x: Array) -> Array:
        """Return y (n, T, E) for x (n, T, E), and store the `weights` P (n, h, T, T). Raises ValueError for another shape of x or m."""
        check_shape("x", x, "n", "T", self.in_proj.weight.shape[1])
        self.q, self.k, self.v = self.split(self.in_proj.forward(x), 3)   # [q k v] = x Wᵀ + b                   each (n, h, T, d)
        self.q = self.q / math.sqrt(self.q.shape[-1])                     # q̂ = q / √d                           (n, h, T, d)
        scores = self.q @ self.k.swapaxes(2, 3) + self.mask_of(x)         # S = q̂ kᵀ + m                         (n, h, T, T)
        self.weights = softmax(scores)                                    # P = softmax(S), row by row           (n, h, T, T)
        o = self.weights @ self.v                                         # o = P v                              (n, h, T, d)
        return self.out_proj.forward(joined(o))                           # y = o Wₒᵀ + bₒ, o of all heads       (n, T, E)

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of all parameters by name, from ∂L/∂y (n, T, E)."""
        self.given = error
        grads = with_paths({"out_proj": self.out_proj.gradients(error)})
        (do,) = self.split(self.out_proj.backward(error), 1)              # ∂L/∂o = ∂L/∂y Wₒ                     (n, h, T, d)
        dv = self.weights.swapaxes(2, 3) @ do                             # ∂L/∂v = Pᵀ ∂L/∂o                     (n, h, T, d)
        dp = do @ self.v.swapaxes(2, 3)                                   # ∂L/∂P = ∂L/∂o vᵀ                     (n, h, T, T)
        ds = softmax_pullback(dp, self.weights)                           # ∂L/∂S = P ∘ (∂L/∂P − Σ P ∘ ∂L/∂P)    (n, h, T, T)
        dk = ds.swapaxes(2, 3) @ self.q                                   # ∂L/∂k = (∂L/∂S)ᵀ q̂                   (n, h, T, d)
        dq = ds @ self.k / math.sqrt(self.k.shape[-1])                    # ∂L/∂q = ∂L/∂S k / √d                 (n, h, T, d)
        self.error = np.concatenate([joined(dq), joined(dk), joined(dv)], axis=-1)      # ∂L/∂[q k v]            (n, T, 3E)
        return named(self.in_proj.gradients(self.error)) | grads

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂x (n, T, E), from ∂L/∂[q k v], which `gradients` has left."""
        check_given(self, error)
        return self.in_proj.backward(self.error)                          # ∂L/∂x = ∂L/∂[q k v] W                (n, T, E)

    def split(self, a: Array, parts: int) -> Array:
        """Return a (n, T, parts · E) as its parts, each (n, h, T, d)."""
        n, places, units = a.shape
        return a.reshape(n, places, parts, self.heads, units // (parts * self.heads)).transpose(2, 0, 3, 1, 4)

    def mask_of(self, x: Array) -> Array | float:
        """Return m (T, T), in the dtype of x, or 0. Raises ValueError if it is of another number of places than x."""
        shape = (x.shape[1], x.shape[1])
        mask = additive(np.triu(np.ones(shape, bool), 1)) if self.causal else self.mask
        if mask is not None and mask.shape != shape:
            raise ValueError(f"the mask has shape {mask.shape}; expected {shape}, as x has {x.shape[1]} places")
        return 0.0 if mask is None else mask.astype(x.dtype)


def joined(a: Array) -> Array:
    """Return (n, h, T, d) as (n, T, E), the heads of a place one after another."""
    n, heads, places, units = a.shape
    return a.swapaxes(1, 2).reshape(n, places, heads * units)


def additive(mask: NDArray[Any]) -> Array:
    """Return the mask as what is added: of one of bools −∞ for True. Raises ValueError for whole numbers, and a place that sees none."""
    if mask.dtype.kind in "iu":
        raise ValueError(f"the mask is of dtype {mask.dtype}; expected bools, True for what is not seen, or numbers that are added")
    added: Array = np.where(mask, -np.inf, 0) if mask.dtype == bool else mask
    if (blind := (added == -np.inf).all(axis=-1)).any():
        raise ValueError(f"in row {int(blind.argmax())} of the mask all is −∞; expected a place that is seen")
    return added


def named(arrays: dict[str, Array]) -> dict[str, Array]:
    """Return the first layer's arrays by PyTorch's names."""
    return {f"in_proj_{name}": array for name, array in arrays.items()}
