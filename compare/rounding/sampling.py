"""Sampled rounding: run a step several times under `Noise`, and take the spread of each of its numbers.

A number is the same on both sides if they are at most c σ apart, σ being the root mean square of what the samples are off. An honest
program is off by about one σ, in no direction of its own, so that its distance in estimated σ has Student's distribution with as many
degrees of freedom as there are samples. c follows from the chance of a false alarm, over all numbers compared.
"""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from .noise import Noise

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
SAMPLES = 32
LAST = 4.0      # u that any number may be off by: what is copied on one side may be multiplied and divided on the other, or scaled back
CHANCE = 1e-9      # of a false alarm in all numbers of a comparison, if errors were normal; they are more bounded than that


@dataclass(frozen=True)
class Spread(Generic[K]):
    """σ of each number by its key, with how many samples it was taken from, and the calls that had no row in the noise table."""

    sigma: Mapping[K, Tensor]
    samples: int
    unknown: frozenset[str] = field(default=frozenset())


def spread(
    step: Callable[[], Mapping[K, Tensor]], *, units: tuple[float, float], samples: int = SAMPLES, seed: int = 0
) -> tuple[Mapping[K, Tensor], Spread[K]]:
    """Run a step plainly, and `samples` times under noise; return the plain numbers and their spread.

    `units` are the unit roundoff of results and that of the sums behind them. `step` starts from the same state each time and returns
    fresh tensors.
    """
    plain = step()
    squares = {name: torch.zeros_like(tensor) for name, tensor in plain.items()}
    unknown: set[str] = set()
    for sample in range(samples):
        with Noise(units[0], seed + sample, units[1]) as noise:
            moved = step()
        unknown |= noise.unknown
        for name, tensor in moved.items():
            squares[name] += (tensor - plain[name]) ** 2
    return plain, Spread({name: (each / samples).sqrt() for name, each in squares.items()}, samples, frozenset(unknown))


def repeatable(run: Callable[[], T], seed: int) -> T:
    """Run with PyTorch's generators seeded, and without fused attention, whose one call hides many sums."""
    with torch.random.fork_rng(), sdpa_kernel(SDPBackend.MATH):
        torch.manual_seed(seed)
        return run()


def critical(samples: int, numbers: int, chance: float = CHANCE) -> float:
    """Return c: of so many numbers in Student's distribution, one is beyond ±c with that chance.

    The tail beyond t is ∫cosᵛ⁻¹φ dφ from arctan(t/√v) to π/2, as a part of the same from −π/2 to π/2.
    """
    angles = (np.arange(200_000) + 0.5) / 200_000 * math.pi / 2
    weights = np.sin(angles) ** (samples - 1)      # cos, from the far end: sin of the distance from π/2
    tail = np.cumsum(weights) / weights.sum()      # both tails, beyond √v / tan(angle)
    at = int(np.searchsorted(tail, chance / max(1, numbers)))
    return math.sqrt(samples) / math.tan(angles[min(at, len(angles) - 1)])
