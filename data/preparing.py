"""The lesson's preparation of records: the split into a training and a test set, and the standardisation."""

from os import PathLike
from typing import Literal

import numpy as np
import pandas as pd

from .faults import fail
from .reading import shown

Standardize = Literal["all", "train"]

TRAINING_SHARE = 0.9

_SCALED = 1e-6      # how far a standardised column may be from mean 0 and deviation 1; sound data are off by a few ulps


def check_choices(split_seed: int, standardize: str) -> None:
    """Raise `ValueError` for an invalid `split_seed` or `standardize`."""
    if standardize not in ("all", "train"):
        raise ValueError(f"standardize is {standardize!r}; expected 'all' or 'train'")
    if type(split_seed) is not int or not 0 <= split_seed < 2**32:
        raise ValueError(f"split_seed is {split_seed!r}; expected a whole number from 0 to {2**32 - 1}")


def split(path: str | PathLike[str], index: pd.Index, split_seed: int) -> tuple[pd.Index, pd.Index]:
    """Return the index of the training set, nine tenths in the order of `RandomState(split_seed)`, and of the test set, in file order."""
    n_training = int(len(index) * TRAINING_SHARE)
    if n_training < 2 or n_training == len(index):
        fail(path, f"{len(index)} record(s) are too few to split into training and test; expected at least 3")
    drawn = pd.Index(np.random.RandomState(split_seed).choice(index.to_numpy(), size=n_training, replace=False))
    return drawn, index.difference(drawn)


def standardized(path: str | PathLike[str], values: "pd.Series[float]", training: pd.Index, standardize: Standardize) -> "pd.Series[float]":
    """Return a column minus its mean, over its sample deviation (ddof = 1), both taken over all records or over the training records.

    The values are first completed: NaN becomes that mean.
    """
    where = f"column {shown(str(values.name))}"
    with np.errstate(all="ignore"):
        values = values.fillna((values if standardize == "all" else values.loc[training]).mean()) if values.hasnans else values
    fitted_on = values if standardize == "all" else values.loc[training]
    if fitted_on.nunique() < 2:
        rows = "every value" if standardize == "all" else "every training value"
        what = f"{where}: {rows} is {fitted_on.iloc[0]:g}"
        fail(path, what, "it has no deviation to standardise by: expected different values, or the column left out with --drop")
    with np.errstate(all="ignore"):
        mean, deviation = fitted_on.mean(), fitted_on.std(ddof=1)
        scaled = (values - mean) / deviation
        check = (fitted_on - mean) / deviation
        # Where squares overflow or underflow, or neighbours are ulps apart, the result is finite but meaningless.
        is_sound = abs(check.mean()) <= _SCALED and abs(check.std(ddof=1) - 1) <= _SCALED and np.isfinite(scaled).all()
    if not is_sound:
        what = "the values are too large, too small or too close together to standardise"
        fail(path, f"{where}: {what}", "expected others: rescale the column")
    return scaled
