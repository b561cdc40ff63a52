"""A problem on records from a CSV file: one column is the target, the others are features."""

from typing import Any, Literal

from ..support.arrays import Batch
from ..support.packages import beside
from .pieces import LOSSES
from .problem import Problem
from .validation import check_choice


def table_problem(
    path: str, target: str, *, hidden: tuple[int, ...], loss: str, split_seed: int, standardize: Literal["all", "train"], **options: Any
) -> Problem:
    """Return a network on the table's features, text columns one-hot; further options are `Problem`'s fields.

    The loss says what the target is: a number, one of two classes (one output), or one of several (an output for each).

    Raises `data.DataError` for a file that cannot be used, ProblemError for an option that cannot.
    """
    data = beside("data")
    check_choice("loss", loss, LOSSES)
    kind = LOSSES[loss].targets
    table = data.load_table(path, target, kind=kind, split_seed=split_seed, standardize=standardize)
    return split_problem(table, hidden, len(table.classes) if kind == "classes" else None, loss=loss, **options)


def split_problem(split: Any, hidden: tuple[int, ...], classes: int | None, **options: Any) -> Problem:
    """Return a problem on the training and test records of `data`; with `classes`, that many outputs and class indices as targets."""

    def batch(features: Any, targets: Any) -> Batch:
        y = targets.to_numpy()
        return features.to_numpy(), y[:, None] if classes is None else y.astype(int)

    return Problem(
        sizes=(split.features.shape[1], *hidden, 1 if classes is None else classes),
        batches=(batch(split.features, split.targets),),
        test=batch(split.features_test, split.targets_test),
        **options,
    )
