"""Dropout: in training, elements chosen by chance become 0."""

import torch
from torch import Tensor, nn

from .checks import check_shares


class Dropout(nn.Module):
    """a ∘ m / (1 − p): in training, each element becomes 0 with probability p, the others are scaled up; evaluation returns a unchanged.

    The mask m (n, units) is True where an element survives. Set `mask` for the next forward pass, or it is drawn from `generator`.
    Raises ValueError for a p that is not from 0 to below 1.
    """

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        check_shares(p=p)
        self.p = p
        self.generator = generator
        self.mask: Tensor | None = None

    def forward(self, a: Tensor) -> Tensor:
        """Return a with the dropped elements at 0 and the others scaled. Raises ValueError for a mask of another shape."""
        mask, self.mask = self.mask, None
        if not self.training:
            return a
        if mask is None:
            mask = (torch.rand(a.shape, generator=self.generator, device="cpu") >= self.p).to(a.device)
        if mask.shape != a.shape:
            raise ValueError(f"a mask has shape {tuple(mask.shape)}; expected {tuple(a.shape)}, that of what it drops from")
        return a * (mask.to(a.dtype) / (1 - self.p))
