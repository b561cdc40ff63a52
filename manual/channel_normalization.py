"""Normalisation of the channels of images: over the places of each record, or of all records.

It is `normalization`'s, with axes after the units. Source: Wu and He, *Group normalization*, 2018.
"""

import math

from .arrays import Array
from .checks import check_groups
from .normalization import BatchNorm, Normalization


class GroupNorm(Normalization):
    """Normalise each of the `groups` of channels of a record over all their places (n, channels, …): `F.group_norm`."""

    axis = (2,)
    before, after = ("n",), ("…",)

    def __init__(self, groups: int, weight: Array, bias: Array | None = None, *, eps: float = 1e-5) -> None:
        super().__init__(weight, bias, eps=eps)
        check_groups(groups, len(weight))
        self.groups = groups

    def normalized(self, z: Array) -> Array:
        """Return ẑ, of the shape of z."""
        self.trailing = z.ndim - 2
        return super().normalized(self.by_group(z)).reshape(z.shape)

    def through(self, g: Array) -> Array:
        """Return ∂L/∂z from g = ∂L/∂ẑ."""
        return super().through(self.by_group(g)).reshape(g.shape)

    def by_group(self, a: Array) -> Array:
        """Return a (n, channels, …) with one axis for all numbers of a group, (n, groups, channels / groups · …)."""
        return a.reshape(len(a), self.groups, math.prod(a.shape[1:]) // self.groups)


class BatchNorm2d(BatchNorm):
    """Normalise each channel over the records and places of a batch of images (n, channels, h, w): PyTorch's `BatchNorm2d`."""

    axis = (0, 2, 3)
    after = ("height", "width")
    trailing = 2
