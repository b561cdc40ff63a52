"""Schedules of the learning rate: functions of the step t, counted from 1, as PyTorch's schedulers of the same formulas set it.

An optimiser takes one in place of a number: `Adam(schedules.warmup(schedules.cosine(1e-3, steps=900), steps=100))`. Each raises ValueError
for a number of steps that is not whole, or below 1.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .checks import check_whole

Schedule = Callable[[int], float]
Rate = float | Sequence[float] | Schedule


def rate_at(lr: Any, step: int) -> float:
    """Return the learning rate of a step: a number, the sequence's number for it, or what the function returns.

    Raises IndexError for a step after the last of a sequence.
    """
    if callable(lr):
        return float(lr(step))
    if np.ndim(lr) == 0:
        return float(lr)
    if step > len(lr):
        raise IndexError(f"lr has {len(lr)} numbers; expected one for each step, and this is step {step}")
    return float(lr[step - 1])


def step_decay(lr: float, *, step_size: int, gamma: float = 0.1) -> Schedule:
    """lr γ^⌊(t − 1) / step_size⌋: multiplied by γ every `step_size` steps; in PyTorch `StepLR`."""
    check_whole("step_size", step_size)
    return lambda step: lr * gamma ** ((step - 1) // step_size)


def exponential(lr: float, *, gamma: float) -> Schedule:
    """lr γ^(t − 1); in PyTorch `ExponentialLR`."""
    return lambda step: lr * gamma ** (step - 1)


def linear(lr: float, *, steps: int, least: float = 0.0) -> Schedule:
    """lr + (least − lr) (t − 1) / steps, and `least` from then on; in PyTorch `LinearLR` from a factor of 1."""
    check_whole("steps", steps)
    return lambda step: lr + (least - lr) * min(step - 1, steps) / steps


def cosine(lr: float, *, steps: int, least: float = 0.0) -> Schedule:
    """least + ½ (lr − least) (1 + cos(π (t − 1) / steps)), and `least` from then on; in PyTorch `CosineAnnealingLR`, which rises again."""
    check_whole("steps", steps)
    return lambda step: least + (lr - least) * (1 + math.cos(math.pi * min(step - 1, steps) / steps)) / 2


def warmup(lr: Rate, *, steps: int, start_factor: float = 1 / 3) -> Schedule:
    """The first rate of `lr` times s + (1 − s) (t − 1) / steps, s being the `start_factor`, then `lr` from its first step on.

    In PyTorch `LinearLR`, and what comes after it by `SequentialLR`.
    """
    check_whole("steps", steps)

    def rate(step: int) -> float:
        if step > steps:
            return rate_at(lr, step - steps)
        return rate_at(lr, 1) * (start_factor + (1 - start_factor) * (step - 1) / steps)

    return rate
