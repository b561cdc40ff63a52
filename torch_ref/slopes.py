"""Activations with a slope of one's own below 0, as layers."""

from torch import nn


class LeakyReLU(nn.LeakyReLU):
    """a = z for z > 0, else s z, with s the `negative_slope`."""


class ELU(nn.ELU):
    """a = z for z > 0, else α (eᶻ − 1)."""
