"""Digits to sort, generated: a sequence, and after it the same digits from the least to the largest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IGNORED = -100      # as a target: of what follows in the sequence itself, nothing can be known


@dataclass(frozen=True)
class Sorting:
    """Sequences (n, 2 length − 1): `length` digits, then these sorted without the last; what follows (n, 2 length − 1) is the next one.

    What follows is -100 within the sequence itself. No sequence of the test is among those for training.
    """

    sequences: NDArray[np.int64]
    following: NDArray[np.int64]
    sequences_test: NDArray[np.int64]
    following_test: NDArray[np.int64]


def draw_sorting(count: int = 2048, test: int = 256, *, length: int = 6, seed: int = 21) -> Sorting:
    """Draw so many different sequences of digits."""
    generator = np.random.default_rng(seed)
    numbers = generator.choice(10**length, count + test, replace=False)
    digits = numbers[:, None] // 10 ** np.arange(length) % 10
    whole = np.concatenate([digits, np.sort(digits, axis=1)], axis=1)
    following = whole[:, 1:].copy()
    following[:, : length - 1] = IGNORED
    return Sorting(whole[:count, :-1], following[:count], whole[count:, :-1], following[count:])
