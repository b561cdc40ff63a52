"""The dicts that a user's file or adapter declares, MODULES, PROBLEM and CONVENTIONS, checked key by key."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..problem.pieces import ACTIVATIONS, LOSSES, OPTIMIZERS, REDUCTIONS
from ..problem.validation import check_choice, check_flag, checked_number, checked_sizes
from ..support.errors import ProblemError
from ..support.kinds import kind_of
from .conventions import CHOICES, LIMITS
from .source import UnusableFileError


def checked_modules(declared: Any, adapter: Path | None) -> dict[str, Any]:
    """Return the dict of modules by name; raises UnusableFileError."""
    if not isinstance(declared, Mapping):
        raise UnusableFileError(f"MODULES of {adapter and adapter.name} is {kind_of(declared)}; expected a dict of modules by name")
    for name, module in declared.items():
        if not isinstance(name, str) or not isinstance(module, (Mapping, ModuleType)):
            raise UnusableFileError(f"MODULES has {name!r}: {kind_of(module)}; expected a dict of names, or a module")
    return dict(declared)


def checked_conventions(declared: Any, name: str) -> dict[str, Any]:
    """Return the dict, if a Convention has its keys and values; raises UnusableFileError."""
    if not isinstance(declared, dict):
        raise UnusableFileError(f"CONVENTIONS of {name} is {kind_of(declared)}; expected a dict")
    plain, known = _without_arrays(declared), {**CHOICES, **LIMITS}
    for key, value in plain.items():
        if key not in known or value not in known[key]:
            expected = " or ".join(map(repr, known[key])) if key in known else f"a key out of {', '.join(known)}"
            raise UnusableFileError(f"CONVENTIONS of {name} has {key!r}: {value!r:.60}; expected {expected}")
    return plain


def checked_problem(declared: Any, name: str) -> dict[str, Any]:
    """Return the dict, if each value is one that its key can have; raises UnusableFileError. Whether they go together is not checked."""
    if not isinstance(declared, dict) or not all(isinstance(key, str) for key in declared):
        raise UnusableFileError(f"PROBLEM of {name} is {declared!r:.60}; expected a dict with names for keys")
    checks: dict[str, Callable[[Any], object]] = {
        "sizes": checked_sizes,
        "activations": _check_activations,
        "bias": lambda value: check_flag("it", value),
        "loss": lambda value: check_choice("it", value, LOSSES),
        "reduction": lambda value: check_choice("it", value, REDUCTIONS),
        "optimizer": lambda value: check_choice("it", value, OPTIMIZERS),
        "lr": lambda value: checked_number("it", value, above=0),
    }
    plain = _without_arrays(declared)
    for key, value in plain.items():
        try:
            if key in checks:
                checks[key](value)
        except (ProblemError, TypeError) as error:
            raise UnusableFileError(f"PROBLEM of {name} has {key!r}: {value!r:.60} that cannot be used: {error}") from None
    return plain


def _without_arrays(declared: dict[str, Any]) -> dict[str, Any]:
    """Return the dict with lists in place of NumPy's arrays, whose == gives an array."""
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in declared.items()}


def _check_activations(value: Any) -> None:
    for name in [value] if isinstance(value, str) else value:
        check_choice("each", name, ACTIVATIONS)
