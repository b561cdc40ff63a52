"""The lesson: its network on its data, its worked example, and the figures that it prints."""

from os import PathLike
from typing import Any, Literal

import numpy as np

from ..support.boundary import public
from ..support.packages import beside
from .from_csv import split_problem
from .pieces import LOSSES
from .problem import Problem

EPOCHS = 900

# What the lesson prints as "Train loss", after the updates of epochs 0, 90, …, 810; and its accuracy.
PRINTED_LOSSES = (
    0.251357252426, 0.249965407188, 0.248620052189, 0.247319932172, 0.246063804656,
    0.244850441793, 0.243678632019, 0.242547181518, 0.241454915502, 0.240400679325,
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


@public
def lesson_problem(
    path: str | PathLike[str] | None = None,
    *,
    hidden: tuple[int, ...] = (2,),
    activations: str | tuple[str, ...] = "sigmoid",
    loss: str = "half_mse",
    split_seed: int = 21,
    standardize: Literal["all", "train"] = "all",
    **options: Any,
) -> Problem:
    """Return the lesson's network on the admissions data, full-batch; further options are `Problem`'s fields.

    For a loss of classes there are two outputs, and the targets are class indices.

    Raises `data.DataError` for a file that cannot be used, ProblemError for an option that cannot.
    """
    data = beside("data")
    admissions = data.load_admissions(data.LESSON_CSV if path is None else path, split_seed=split_seed, standardize=standardize)
    classes = 2 if loss in LOSSES and LOSSES[loss].targets == "classes" else None
    return split_problem(admissions, hidden, classes, activations=activations, loss=loss, **options)


def example_problem(dtype: str = "float64") -> Problem:
    """Return the lesson's worked example: one record through a 3-2-1 network."""
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
