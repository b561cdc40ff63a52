"""Checks of a problem's options: each raises ProblemError that says what was expected."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..support.errors import ProblemError
from ..support.kinds import kind_of
from ..support.suggest import did_you_mean
from .pieces import DECAYS, OPTIMIZERS

DTYPES = ("float64", "float32")


def is_whole(number: Any, least: int) -> bool:
    """Return whether it is a whole number, not a bool, and at least `least`."""
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool) and bool(number >= least)


def check_flag(what: str, value: Any) -> None:
    """Raise unless the value is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ProblemError(f"{what} is {value!r}; expected True or False")


def checked_sizes(sizes: Any) -> tuple[int, ...]:
    """Return the sizes as ints; raise unless they are at least two numbers of units."""
    units = tuple(sizes) if isinstance(sizes, Iterable) else (sizes,)
    if len(units) < 2 or not all(is_whole(size, least=1) for size in units):
        raise ProblemError(f"sizes are {sizes}; expected at least two whole numbers of units, each at least 1")
    return tuple(int(size) for size in units)


def checked_number(
    what: str, number: Any, dtype: str | None = None, *, above: float = -math.inf, least: float = -math.inf, below: float = math.inf
) -> float:
    """Return the number as a float; raise unless it is finite and within the limits, and stays finite and not 0 in `dtype` too."""
    try:
        is_number = isinstance(number, (int, float, np.integer, np.floating)) and not isinstance(number, bool)
        value = float(number) if is_number else math.nan
    except OverflowError:
        value = math.inf
    if not (math.isfinite(value) and above < value < below and value >= least):
        limits = [f"above {above:g}"] if above > -math.inf else [f"of at least {least:g}"] if least > -math.inf else []
        limits += [f"below {below:g}"] if below < math.inf else []
        raise ProblemError(f"{what} is {str(number)[:40]}; expected a finite number {' and '.join(limits)}".rstrip())
    if dtype is not None:
        with np.errstate(over="ignore"):
            in_dtype = np.dtype(dtype).type(value)
        if not np.isfinite(in_dtype) or (in_dtype == 0) != (value == 0):
            raise ProblemError(f"{what} {value} is {in_dtype} in {dtype}; expected a number that {dtype} can hold")
    return value


def checked_optimizer_options(optimizer: str, chosen: Any, dtype: str) -> dict[str, Any]:
    """Return all hyperparameters of the optimiser beside the learning rate, with its defaults for those that are missing."""
    options = dict(OPTIMIZERS[optimizer].options)
    if not isinstance(chosen, Mapping):
        raise ProblemError(f"optimizer_options are {kind_of(chosen)}; expected a mapping of {', '.join(options)}")
    for name, value in chosen.items():
        if name not in options:
            raise ProblemError(f"{name} is no option of {optimizer}; expected some of {', '.join(options)}{did_you_mean(name, options)}")
        if name == "betas":
            if not (isinstance(value, (tuple, list)) and len(value) == 2):
                raise ProblemError(f"betas are {value!r}; expected two numbers of at least 0 and below 1")
            options[name] = tuple(checked_number("a beta", beta, least=0, below=1) for beta in value)
        elif name == "decay":
            check_choice(name, value, DECAYS)
            options[name] = value
        elif isinstance(options[name], bool):
            check_flag(name, value)
            options[name] = bool(value)
        else:
            options[name] = checked_number(name, value, dtype, above=0) if name == "eps" else checked_number(name, value, least=0)
    if options.get("nesterov") and (not options["momentum"] or options["dampening"]):
        raise ProblemError("nesterov is set; expected a momentum above 0 and no dampening with it, as PyTorch does")
    return options


def check_seed(seed: Any) -> None:
    """Raise unless the seed is a whole number that NumPy's generators take."""
    if not (is_whole(seed, least=0) and seed < 2**32):
        raise ProblemError(f"seed is {seed}; expected a whole number from 0 to {2**32 - 1}")


def check_choice(what: str, value: object, choices: Any) -> None:
    """Raise unless the value is one of the names."""
    if not isinstance(value, str) or value not in choices:
        raise ProblemError(f"{what} is {value!r}; expected one of {', '.join(choices)}{did_you_mean(value, choices)}")
