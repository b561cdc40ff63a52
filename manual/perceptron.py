"""The layers of a multilayer perceptron, with weights drawn at random."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from .activations import ACTIVATIONS
from .arrays import Array
from .dropout import Dropout
from .layers import Activate, Layer, Linear
from .normalization import NORMALIZATIONS


def perceptron(
    sizes: tuple[int, ...], activations: str | Sequence[str], *, bias: bool, normalization: str | None, dropout: float, seed: int,
    dtype: DTypeLike,
) -> list[Layer]:
    """Return the layers of `Network`, input first, whose arguments these are. Raises ValueError for an invalid one."""
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes are {sizes}; expected at least two numbers of units, each at least 1")
    names = [activations] * (len(sizes) - 1) if isinstance(activations, str) else list(activations)
    if len(names) != len(sizes) - 1 or not set(names) <= set(ACTIVATIONS):
        raise ValueError(f"activations are {names}; expected {len(sizes) - 1} of {', '.join(ACTIVATIONS)}")
    if normalization is not None and normalization not in NORMALIZATIONS:
        raise ValueError(f"normalization is {normalization!r}; expected None or one of {', '.join(NORMALIZATIONS)}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}; expected a probability from 0 to below 1")
    generator = np.random.default_rng(seed)

    def drawn(n_in: int, *shape: int) -> Array:
        return generator.normal(scale=n_in**-0.5, size=shape).astype(dtype)

    layers: list[Layer] = []
    for depth, ((n_in, n_out), name) in enumerate(zip(pairwise(sizes), names, strict=True), start=1):
        is_hidden = depth < len(names)
        layers.append(Linear(drawn(n_in, n_out, n_in), drawn(n_in, n_out) if bias else None))
        if normalization and is_hidden:
            layers.append(NORMALIZATIONS[normalization](np.ones(n_out, dtype), np.zeros(n_out, dtype)))
        layers.append(Activate(ACTIVATIONS[name]))
        if dropout and is_hidden:
            layers.append(Dropout(dropout, generator))
    return layers
