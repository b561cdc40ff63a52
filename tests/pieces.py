"""What the tests of activations and losses share: arguments in the domain of each."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ON_PROBABILITIES = {"bce"}              # losses whose outputs are probabilities
ON_CLASSES = {"cross_entropy"}          # losses whose targets may be class indices
KINKED_ACTIVATIONS = {"relu", "leaky_relu"}
KINKED_LOSSES = {"l1": lambda output, y: output - y, "hinge": lambda output, y: 1 - y * output}      # the kink is where that is 0


def loss_arguments(
    name: str, generator: np.random.Generator, shape: tuple[int, int] = (5, 3), dtype: str = "float64", spread: float = 2.0
) -> list[tuple[Array, Array]]:
    """Pairs (output, y) for that loss: targets in [0, 1], some of them 0 and 1, and where it takes class indices, those too."""
    output = generator.normal(size=shape) * spread
    if name in ON_PROBABILITIES:
        output = 1 / (1 + np.exp(-output))
    uniform = generator.random(shape)
    targets = [uniform, np.round(uniform), uniform / uniform.sum(axis=-1, keepdims=True)]
    pairs = [(output.astype(dtype), y.astype(dtype)) for y in targets]
    if name in ON_CLASSES:
        pairs.append((output.astype(dtype), generator.integers(0, shape[1], shape[0])))
    return pairs
