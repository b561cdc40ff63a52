"""Attention of the places of a sequence to each other: PyTorch's own operator."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import Linear


class MultiheadAttention(nn.Module):
    """[q k v] = x Wᵀ + b, then softmax(q kᵀ / √d + m) v in each head, then the layer `out_proj` of all heads' outputs.

    The input is x (n, T, E), n sequences of T places; each of the h `heads` has d = E / h units. Names, layouts and mask are those of
    `nn.MultiheadAttention`: the mask m (T, T) is added; in one of bools True stands for −∞: the place of the row does not see that of the
    column. With `causal`, no place sees a later one.
    """

    def __init__(
        self, heads: int, in_proj_weight: Tensor, in_proj_bias: Tensor | None, out_proj: Linear, *, causal: bool = False,
        mask: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.causal, self.mask = heads, causal, mask
        self.in_proj_weight = nn.Parameter(in_proj_weight)
        self.in_proj_bias = None if in_proj_bias is None else nn.Parameter(in_proj_bias)
        self.out_proj = out_proj

    def forward(self, x: Tensor) -> Tensor:
        """Return y (n, T, E) for x (n, T, E)."""
        n, places, _ = x.shape
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias).reshape(n, places, 3, self.heads, x.shape[2] // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)      # each (n, h, T, d)
        seen = self.mask
        if seen is not None:
            seen = ~seen.to(x.device) if seen.dtype == torch.bool else seen.to(x)      # for the operator True is what is seen
        o = F.scaled_dot_product_attention(q, k, v, seen, is_causal=self.causal)
        y: Tensor = self.out_proj(o.swapaxes(1, 2).flatten(2))
        return y
