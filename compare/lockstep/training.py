"""The training of a problem on both backends in lockstep, with each side's losses after some epochs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..sides.manual import Manual
from ..support.arrays import Array
from .loop import train_in_lockstep
from .result import Comparison


def reported_epochs(epochs: int, every: int | None = None) -> list[int]:
    """Return the epochs, from 0, after which losses are reported: ten evenly spaced ones as in the lesson, or every `every`-th."""
    return sorted({i * epochs // 10 for i in range(10)}) if every is None else list(range(0, epochs, every))


@dataclass(frozen=True)
class Measures:
    """One side's losses over all training records, in evaluation, after the updates of the reported epochs.

    `loss` is the problem's loss; `mse` the mean squared error; `lesson_loss` is what the lesson prints as "Train loss", by mistake: the
    mean squared difference of the last training record's prediction from all targets. Where targets are class indices, the last two are
    empty.
    """

    loss: list[float]
    mse: list[float]
    lesson_loss: list[float]


@dataclass(frozen=True)
class Training:
    """The result of training both backends: the comparison, and each side's losses at the reported epochs."""

    comparison: Comparison
    epochs: list[int]
    manual: Measures
    torch_ref: Measures
    initial_parameters: tuple[Mapping[str, Array], Mapping[str, Array]]


def train(problem: Problem, *, epochs: int, every: int | None = None, device: str = "cpu", **options: Any) -> Training:
    """Train both backends in lockstep, with losses after the reported epochs; further options are those of `train_in_lockstep`."""
    from ..sides.torch_ref import TorchRef

    sides: tuple[Manual, TorchRef] = (Manual(problem), TorchRef(problem, device=device))
    for side in sides:
        side.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})
    initial = sides[0].state_dict(), sides[1].state_dict()
    x, y = problem.training_data()
    per_epoch = problem.steps_per_epoch
    reached: list[int] = []
    measures = (Measures([], [], []), Measures([], [], []))

    def observe(step: int) -> None:
        reached.append(step // per_epoch - 1)
        for side, measured in zip(sides, measures, strict=True):
            output, loss = side.evaluate(x, y)  # type: ignore[attr-defined]    # zip sees the sides as objects
            measured.loss.append(loss)
            if y.shape == output.shape:
                measured.mse.append(float(np.mean((output - y) ** 2)))
                measured.lesson_loss.append(float(np.mean((output[-1] - y) ** 2)))

    after = {(epoch + 1) * per_epoch for epoch in reported_epochs(epochs, every)}
    comparison = train_in_lockstep(*sides, problem, steps=epochs * per_epoch, observe_after=after, observe=observe, **options)
    return Training(comparison, reached, *measures, initial)
