"""Sampled rounding: run a step several times under `Noise`, and take the spread of each of its numbers.

A number is the same on both sides if they are at most c σ apart, σ being the root mean square of what honest rounding moves it by. An
honest program is off by about one σ, in no direction of its own, so that its distance in estimated σ has Student's distribution with as
many degrees of freedom as there are samples. c follows from the chance of a false alarm, over all numbers compared.
"""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from .noise import Noise

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
SAMPLES, FEW = 32, 8
HALF = 0.5      # of what few samples, or other steps, allow is enough
_MOST = 1.1      # times the largest of the samples is allowed, where that is more than twice their spread
TURNED = 30.0      # times what is allowed of most numbers of a tensor: only a choice that rounding turns moves a number so far
_LEAST_TURNED = 1 << 20      # u of a number's scale: no less is a choice
_SATURATED = 1.3      # times their root mean square is the largest of samples that are all as far off; of normal ones it is about twice
_ENOUGH = 1 << 20      # numbers of a tensor
LAST = 4.0      # u that any number may be off by: what is copied on one side may be multiplied and divided on the other, or scaled back
CHANCE = 1e-9      # of a false alarm in all numbers of a comparison, if errors were normal; they are more bounded than that


@dataclass(frozen=True)
class Sampled(Generic[K]):
    """What rounding allows in each number by its key, the plain numbers, and the calls that had no row in the noise table.

    `largest` is of each tensor the largest part that is allowed of a number's scale, infinite where the number and its tensor are 0, and
    the most that is allowed; `turned` says where more than rounding moves a number.
    """

    plain: Mapping[K, Tensor]
    allowed: Mapping[K, Tensor]
    largest: Mapping[K, tuple[float, float]]
    turned: Mapping[K, Tensor]
    unknown: frozenset[str]


def sampled(
    step: Callable[[], Mapping[K, Tensor]],
    c: float,
    *,
    units: tuple[float, float],
    seed: int = 0,
    is_enough: Callable[[Mapping[K, Tensor]], bool] = lambda allowed: False,
) -> Sampled[K]:
    """Run a step plainly, and `SAMPLES` times under noise, and return what rounding allows: c σ.

    Each sample is moved by c/2 times as much as honest rounding may move it, and twice their spread is allowed. So a choice that rounding
    might turn, of relu or a maximum, is turned in many samples. Such a number, which is moved much farther than others of its tensor, is
    allowed twice that. `units` are the unit roundoff of results and that of the sums behind them. `step` starts from the same state each
    time and returns fresh tensors of floating point. The first `FEW` samples end it where `is_enough` says so of half of what they allow.
    """
    plain = step()
    squares = {key: torch.zeros_like(tensor, dtype=torch.float64) for key, tensor in plain.items()}
    most = {key: torch.zeros_like(tensor, dtype=torch.float64) for key, tensor in plain.items()}
    unknown: set[str] = set()
    for sample in range(1, SAMPLES + 1):
        with Noise(units[0], seed + sample, units[1], c / 2) as noise:
            moved = step()
        unknown |= noise.unknown
        for key, tensor in moved.items():
            off = (tensor.double() - plain[key].double()).nan_to_num_(0.0).abs_()      # where both are −∞, as in a mask, 0
            torch.maximum(most[key], off, out=most[key])
            squares[key].addcmul_(off, off)
        if sample in (FEW, SAMPLES):
            found = _judged(plain, squares, most, sample, units, frozenset(unknown))
            if is_enough({key: HALF * each for key, each in found.allowed.items()}):
                break
    return found


def _judged(
    plain: Mapping[K, Tensor],
    squares: Mapping[K, Tensor],
    most: Mapping[K, Tensor],
    samples: int,
    units: tuple[float, float],
    unknown: frozenset[str],
) -> Sampled[K]:
    allowed, turned, largest = {}, {}, {}
    unit, is_full = units[0], units[0] == units[1]      # or results round more than the sums behind them
    for key, total in squares.items():
        spread = (total / samples).sqrt()
        allowed[key] = torch.maximum(2 * spread, (_MOST if is_full else 2 * _MOST) * most[key])
        if samples == SAMPLES:      # where all samples are as far off, on one side or the other, honest programs are on both
            allowed[key] = torch.where(most[key] < _SATURATED * spread, 2 * allowed[key], allowed[key])
        part = torch.where(allowed[key] > 0, allowed[key] / scale_of(plain[key]), 0.0)
        positive = part[(part > 0) & (part < math.inf)][:_ENOUGH]
        turned[key] = part > max(TURNED * float(positive.quantile(0.1)) if positive.numel() else 0.0, _LEAST_TURNED * unit)
        allowed[key] = torch.where(turned[key], 2 * allowed[key], allowed[key])
        rest = ~turned[key] if bool(turned[key].any()) and not bool(turned[key].all()) else torch.ones_like(turned[key])
        largest[key] = (float(part[rest].max()), float(allowed[key][rest].max())) if part.numel() else (0.0, 0.0)
    return Sampled(plain, allowed, largest, turned, unknown)


def scale_of(value: Tensor) -> Tensor:
    """Return each number's size and the root mean square of all finite ones in its tensor."""
    size = value.double().abs()
    finite = torch.where(size < math.inf, size, 0.0)
    return finite + finite.square().mean().sqrt()


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
