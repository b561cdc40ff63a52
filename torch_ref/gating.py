"""Gating: the output of one linear layer decides how much of another's passes."""

import torch.nn.functional as F
from torch import Tensor, nn

from .layers import Linear


class SwiGLU(nn.Module):
    """y = down(silu(gate(x)) ∘ up(x)), of three linear layers, which have the names that Llama gives them."""

    def __init__(self, gate_proj: Linear, up_proj: Linear, down_proj: Linear) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = gate_proj, up_proj, down_proj

    def forward(self, x: Tensor) -> Tensor:
        """Return y (…, out) for x (…, in)."""
        y: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return y
