"""The lesson: its network on its data, its worked example, and the figures that it prints."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Literal

import numpy as np

from compare.adapters.manual import Manual
from compare.comparison import Comparison, Mode
from compare.implementation import Array
from compare.lockstep import train_in_lockstep
from compare.problem import Problem

EPOCHS = 900

# What the lesson prints as "Train loss", after the updates of epochs 0, 90, …, 810; and its accuracy.
PRINTED_LOSSES = (
    0.251357252426,
    0.249965407188,
    0.248620052189,
    0.247319932172,
    0.246063804656,
    0.244850441793,
    0.243678632019,
    0.242547181518,
    0.241454915502,
    0.240400679325,
)
PRINTED_ACCURACY = 0.725

# What the lesson's worked example prints, by the parameters' names here and in their layout, digit for digit.
EXAMPLE_DELTAS = {
    "0.weight": (
        ("1.77005547e-04", "3.54011093e-05", "-7.08022187e-05"),
        ("-5.11178506e-04", "-1.02235701e-04", "2.04471402e-04"),
    ),
    "2.weight": (("0.00804047", "0.00555918"),),
}
EXAMPLE_OUTPUT = "0.484973430849925"


def lesson_problem(
    path: str | PathLike[str] | None = None,
    *,
    hidden: tuple[int, ...] = (2,),
    activations: str | tuple[str, ...] = "sigmoid",
    bias: bool = False,
    loss: str = "half_mse",
    lr: float = 0.005,
    seed: int = 21,
    split_seed: int = 21,
    standardize: Literal["all", "train"] = "all",
    dtype: str = "float64",
) -> Problem:
    """The lesson's network on the admissions data, full-batch; any of it may be changed.

    Raises `data.DataError` for a file that cannot be used, ProblemError for an option that cannot.
    """
    import data

    admissions = data.load_admissions(data.LESSON_CSV if path is None else path, split_seed=split_seed, standardize=standardize)
    return Problem(
        sizes=(len(data.FEATURES), *hidden, 1),
        activations=activations,
        bias=bias,
        loss=loss,
        lr=lr,
        seed=seed,
        dtype=dtype,
        batches=((admissions.features.to_numpy(), admissions.targets.to_numpy()[:, None]),),
        test=(admissions.features_test.to_numpy(), admissions.targets_test.to_numpy()[:, None]),
    )


def example_problem(dtype: str = "float64") -> Problem:
    """The lesson's worked example: one record through a 3-2-1 network."""
    return Problem(
        sizes=(3, 2, 1),
        lr=0.5,
        dtype=dtype,
        batches=((np.array([[0.5, 0.1, -0.2]]), np.array([[0.6]])),),
        initial_parameters={
            "0.weight": np.array([[0.5, 0.1, 0.1], [-0.6, -0.2, 0.7]]),      # the lesson's array is this one's transpose
            "2.weight": np.array([[0.1, -0.3]]),
        },
    )


def reported_epochs(epochs: int, every: int | None = None) -> list[int]:
    """The epochs, from 0, after which losses are reported: ten evenly spaced ones as in the lesson, or every `every`-th."""
    return sorted({i * epochs // 10 for i in range(10)}) if every is None else list(range(0, epochs, every))


@dataclass(frozen=True)
class Measures:
    """One side's losses after the updates of the reported epochs.

    `loss` is the training's own; `mse` the mean squared error over the training records; `lesson_loss` is what the lesson prints
    as "Train loss", by mistake: the last training record's prediction held against all targets.
    """

    loss: list[float]
    mse: list[float]
    lesson_loss: list[float]


@dataclass(frozen=True)
class Training:
    """A problem trained on both sides: the comparison, and each side's measures at the reported epochs."""

    comparison: Comparison
    epochs: list[int]
    manual: Measures
    torch_ref: Measures
    initial_parameters: tuple[Mapping[str, Array], Mapping[str, Array]]


def train(
    problem: Problem,
    *,
    epochs: int = EPOCHS,
    every: int | None = None,
    mode: Mode = "free",
    device: str = "cpu",
    keep: Collection[int] = (),
    progress: Callable[[int], None] = lambda step: None,
) -> Training:
    """Train both backends in lockstep for that many epochs of full-batch descent, and measure both on the way."""
    from compare.adapters.torch_ref import TorchRef

    sides: tuple[Manual, TorchRef] = (Manual(problem), TorchRef(problem, device=device))
    for side in sides:
        side.load_state_dict(problem.initial_parameters)
    initial = sides[0].state_dict(), sides[1].state_dict()
    x, y = problem.batches[0]
    planned = reported_epochs(epochs, every)
    reached: list[int] = []
    measures = (Measures([], [], []), Measures([], [], []))

    def observe(step: int) -> None:
        reached.append(step - 1)
        for side, measured in zip(sides, measures, strict=True):
            output, loss = side.evaluate(x, y)  # type: ignore[attr-defined]    # zip sees the sides as objects
            measured.loss.append(loss)
            measured.mse.append(_mean_square(output, y))
            measured.lesson_loss.append(_mean_square(output[-1], y))

    comparison = train_in_lockstep(
        *sides,
        problem,
        steps=epochs,
        mode=mode,
        keep=keep,
        observe_after={epoch + 1 for epoch in planned},
        observe=observe,
        progress=progress,
    )
    return Training(comparison, reached, *measures, initial)


def _mean_square(output: Array, y: Array) -> float:
    return float(np.mean((output - y) ** 2))
