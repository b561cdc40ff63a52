"""A problem on records from a CSV file: one column is the target, the others are features."""

from collections.abc import Callable, Collection
from typing import Any, Literal

from ..support.arrays import Batch
from ..support.errors import ProblemError
from ..support.packages import beside
from .pieces import LOSSES
from .problem import Problem
from .validation import check_choice

_OF = {"regression": "numbers", "binary": "two classes", "classes": "classes"}


def table_problem(
    path: str,
    target: str,
    *,
    hidden: tuple[int, ...],
    loss: str,
    split_seed: int,
    standardize: Literal["all", "train"],
    features: Collection[str] | None = None,
    drop: Collection[str] | None = None,
    missing: Literal["drop", "mean"] | None = None,
    say: Callable[[str], None] = lambda text: None,
    **options: Any,
) -> Problem:
    """Return a network on the table's features, text columns one-hot; further options are `Problem`'s fields.

    The loss says what the target is: a number, one of two classes (one output), or one of several (an output for each). `features`, `drop`
    and `missing` are `data.load_table`'s; `say` is told what became of missing cells.

    Raises `data.DataError` for a file that cannot be used, ProblemError for an option that cannot, such as a loss of numbers for labels.
    """
    data = beside("data")
    check_choice("loss", loss, LOSSES)
    kind = LOSSES[loss].targets
    choice = {"features": features, "drop": drop or (), "missing": missing}
    try:
        table = data.load_table(path, target, kind=kind, split_seed=split_seed, standardize=standardize, **choice)
    except data.LabelsError as error:
        suitable = [name for name, row in LOSSES.items() if row.targets == ("binary" if len(error.labels) == 2 else "classes")]
        raise ProblemError(f"{path!r}: {error.what}; the loss {loss} is of {_OF[kind]}; expected --loss {' or '.join(suitable)}") from None
    if table.dropped:
        say(f"{table.dropped} of {table.dropped + len(table.targets) + len(table.targets_test)} records are left out: a cell is missing")
    if table.filled:
        say(f"missing cells that are their columns' means: {table.filled}")
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
