"""A problem from a dict with the keys of the JSON's `problem`, as in a file's PROBLEM."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..support.errors import ProblemError
from ..support.kinds import kind_of
from ..support.suggest import did_you_mean
from .pieces import LOSSES, OPTIMIZERS, TARGETS
from .problem import Problem
from .validation import checked_sizes

LESSON = {"sizes": (6, 2, 1), "activations": "sigmoid", "bias": False, "loss": "half_mse"}
_FIELDS = ("sizes", "activations", "bias", "loss", "reduction", "optimizer", "lr", "normalization", "dropout")
_OF_THE_DATA = ("seed", "records", "test_records", "data", "target", "features", "drop", "missing", "split_seed", "standardize")
_OF_BATCHES = ("batch_size", "drop_last")
_FIXED = {"accumulate": 1, "dtype": "float64"}      # fields with the only value that a check supports


def keys() -> tuple[str, ...]:
    """Return the keys that make a difference to a problem."""
    return (*_FIELDS, *_optimizer_options(), "targets")


def unknown_keys(names: Iterable[Any]) -> list[Any]:
    """Return the names that a problem's dict cannot have."""
    known = {*keys(), *_OF_THE_DATA, *_OF_BATCHES, *_FIXED}
    return [name for name in names if name not in known]


def _optimizer_options() -> list[str]:
    return sorted({name for row in OPTIMIZERS.values() for name in row.options})


def declared_problem(declared: Mapping[str, Any]) -> Problem:
    """Return the problem that the dict declares, on placeholder records; missing keys have the lesson's values.

    `targets` may be "classes", for class indices (n,), "one_hot", or "binary", for numbers that are 0 or 1. Keys of the data are ignored.
    Raises ProblemError for an unknown key, and for values that cannot be used.
    """
    if not isinstance(declared, Mapping):
        raise ProblemError(f"PROBLEM is {kind_of(declared)}; expected a dict such as {LESSON}")
    for name in unknown_keys(declared):
        raise ProblemError(f"PROBLEM has {name!r}; expected one of {', '.join(keys())}{did_you_mean(name, keys())}")
    for name, value in _FIXED.items():
        if declared.get(name) not in (None, value):
            raise ProblemError(f"PROBLEM has {name} {declared[name]!r}; expected {value!r}, the only one that is checked")
    if not isinstance(declared.get("activations", ""), (str, tuple, list)):
        raise ProblemError(f"PROBLEM has activations {declared['activations']!r}; expected a name, or one for each layer")
    fields = {**LESSON, **{name: value for name, value in declared.items() if name in _FIELDS and value is not None}}
    sizes = checked_sizes(tuple(fields["sizes"]) if isinstance(fields["sizes"], list) else fields["sizes"])
    if isinstance(fields["activations"], list):
        fields["activations"] = tuple(fields["activations"])
    targets = declared.get("targets")
    if targets not in (None, *TARGETS):
        raise ProblemError(f"PROBLEM has targets {targets!r}; expected one of {', '.join(TARGETS)}")
    losses = [name for name, loss in LOSSES.items() if loss.targets == targets]
    if losses and fields["loss"] not in losses:
        raise ProblemError(f"PROBLEM has targets {targets!r} with the loss {fields['loss']}; expected {' or '.join(losses)}")
    k = sizes[-1]
    y = {"classes": np.zeros(2, dtype=np.int64), "binary": np.repeat([[0.0], [1.0]], k, axis=1)}.get(str(targets), np.full((2, k), 1 / k))
    hyperparameters = {name: declared[name] for name in _optimizer_options() if name in declared}
    return Problem(**{**fields, "sizes": sizes}, optimizer_options=hyperparameters, batches=((np.zeros((2, sizes[0])), y),))
