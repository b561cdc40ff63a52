"""Normalisation of the channels of images: over the places of each record, or of all records.

It is `normalization`'s, with axes after the units. Source: Wu and He, *Group normalization*, 2018.
"""

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
        return super().normalized(z.reshape(len(z), self.groups, -1)).reshape(z.shape)

    def through(self, g: Array) -> Array:
        """Return ∂L/∂z from g = ∂L/∂ẑ."""
        return super().through(g.reshape(len(g), self.groups, -1)).reshape(g.shape)


class BatchNorm2d(BatchNorm):
    """Normalise each channel over the records and places of a batch of images (n, channels, h, w): PyTorch's `BatchNorm2d`."""

    axis = (0, 2, 3)
    after = ("height", "width")
    trailing = 2
