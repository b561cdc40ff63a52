"""Call functions by what their arguments stand for, and hand records over in each layout that people use."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .spellings import ACTIVATION_NAMES, IS_GRADIENT, plain, rates, role

BATCH = 10**6      # more records than any batch has: a batch size that leaves a batch whole
NOTHING: Mapping[str, Any] = {
    "epochs": 1, "batch": BATCH, "zero": 0.0, "momentum": 0.0, "reg": 0.0, "false": False, "seed": 1, "dtype": np.float64,
}      # fmt: skip
_SOME, _MANY = 20, 500      # rounds of a training, where an argument of a method, or of a constructor, is so large a number by default
_ABSENT = ("zero", "momentum", "reg", "false")      # of which a default of 0, False or None does


class UnfilledError(TypeError):
    """A function has an argument of which it is not known what it stands for."""


@dataclass(frozen=True)
class Layout:
    """How records are handed over: all at once or one by one, and what is made of their rows (n, units), or of one (units,)."""

    name: str
    is_whole: bool
    make: Callable[[Any], Any]
    said: str

    def back(self, answer: Any, n: int, units: int) -> Any:
        """Return what the file answers for these records as rows (n, units), or None if it is nothing of the kind."""
        array = numbers(answer)
        if array is None or array.size != n * units or (self.name == "stack" and n > 1 and array.shape != (n, units, 1)):
            return None
        if (
            self.is_whole
            and array.ndim == 2
            and array.shape != ((units, n) if self.name == "columns" else (n, units))
            and 1 not in array.shape
        ):
            return None
        return array.reshape(units, n).T if self.name == "columns" else array.reshape(n, units)


LAYOUTS = {
    each.name: each
    for each in (
        Layout("rows", True, lambda rows: np.array(rows), "records in rows"),
        Layout("columns", True, lambda rows: np.ascontiguousarray(rows.T), "records in columns"),
        Layout("stack", True, lambda rows: rows[:, :, None].copy(), "records as columns, one behind the other"),
        Layout("column", False, lambda row: row.reshape(-1, 1).copy(), "one record at a time, in a column"),
        Layout("vector", False, lambda row: np.array(row), "one record at a time"),
        Layout("row", False, lambda row: row.reshape(1, -1).copy(), "one record at a time, in a row"),
        Layout("list", False, lambda row: [float(each) for each in row], "one record at a time, in a list"),
        Layout("lists", True, lambda rows: [[float(each) for each in row] for row in rows], "records in lists"),
    )
}


def numbers(value: Any) -> Any:
    """Return the value as an array of floats, or None if it is nothing of the kind, such as classes that were predicted."""
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return np.array(array, dtype=float, subok=False) if array.dtype.kind == "f" else None


def targets_of(layout: Layout, y: Any, is_index: bool) -> Iterator[Any]:
    """Yield the targets y (n, k), or of one record (k,), in the forms that go with the layout; class indices where they are meant."""
    if is_index:
        classes = y if np.asarray(y).dtype.kind in "iu" else np.argmax(y, axis=-1)
        yield np.array(classes)
        if layout.is_whole:
            yield np.reshape(classes, (-1, 1))
        return
    yield layout.make(y)
    if y.shape[-1] == 1:
        yield y.reshape(-1).copy() if layout.is_whole else float(y[0])
    if not layout.is_whole:
        yield np.array(y)


def parameters_of(function: Any) -> list[inspect.Parameter]:
    """Return the parameters that can be given; none for what has no signature."""
    own = function.__func__ if inspect.ismethod(function) else function
    every = _signature_of(own) if inspect.isfunction(own) else _parameters(function)
    if own is not function and inspect.isfunction(own):      # a method is bound to its first argument, by position
        every = every[bool(every) and every[0].kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) :]
    return [each for each in every if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]


def _parameters(function: Any) -> tuple[inspect.Parameter, ...]:
    try:
        return tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ()


_signature_of = lru_cache(maxsize=256)(_parameters)      # of a plain function, which is called some hundred times


def roles_of(function: Any, *, constructs: bool = False) -> dict[str, str | None]:
    """Return by name what each parameter stands for; of several inputs the second is the output, and a lone `output` the targets."""
    found = {each.name: "false" if each.annotation is bool else role(each.name, constructs=constructs) for each in parameters_of(function)}
    if "epochs" not in found.values():      # how often by a name of any language
        least = _MANY if constructs else _SOME
        counts = [each for each in parameters_of(function) if found[each.name] is None and type(each.default) is int]
        often = [each.name for each in counts if each.default >= least and not (constructs and each.default % 100)]
        found |= dict.fromkeys(often[:1], "epochs")
    own = rates(found)
    found = {name: None if what == "lr" and name not in own else what for name, what in found.items()}
    if constructs:      # its activation by a name of any language
        named = [each.name for each in parameters_of(function) if isinstance(each.default, str) and plain(each.default) in ACTIVATION_NAMES]
        found |= {name: "activation" for name in named if found[name] is None}
    else:
        stands = list(found.values())
        if "y" not in stands and "output" in stands and ("x" in stands or len(found) == 1):
            name = next(name for name, what in found.items() if what == "output")
            found[name] = "y"
        unknown = [each.name for each in parameters_of(function) if found[each.name] is None and each.default is each.empty]
        for what in ("x", "y", "lr"):
            if what == "lr":      # comes after the records, or is a weight
                unknown = [name for name in unknown if "y" in list(found.values())[: list(found).index(name)]]
            if what == "y" and unknown and IS_GRADIENT.fullmatch(unknown[0]):      # from above: it is a layer's
                continue
            if what not in found.values() and "pairs" not in found.values() and unknown and len(parameters_of(function)) > 1:
                found[unknown.pop(0)] = what
    return found


def filled(function: Any, values: Mapping[str, Any], known: Mapping[str, Any] | None = None, *, constructs: bool = False) -> dict[str, Any]:
    """Return the keyword arguments by what they stand for, in `values`, or by their own names, in `known`; raises UnfilledError."""
    given: dict[str, Any] = {}
    lower = {name.lower(): value for name, value in (known or {}).items()}
    stands = roles_of(function, constructs=constructs)
    for each in parameters_of(function):
        what = stands[each.name]
        if each.name.lower() in lower:
            given[each.name] = lower[each.name.lower()]
        elif what in values:
            given[each.name] = values[str(what)]
        elif what == "records" and "x" in values and "y" in values:
            given[each.name] = _records(values["x"], values["y"])
        elif what in NOTHING and not (what in (*_ABSENT, "seed", "batch", "epochs") and _is_fitting(each, what)):
            given[each.name] = NOTHING[str(what)]
        elif each.default is each.empty:
            if what not in ("none", "true"):
                raise UnfilledError(f"{each.name} is an argument of which it is not known what it stands for")
            given[each.name] = True if what == "true" else None
    return given


def _records(x: Any, y: Any) -> int:
    """Return how many records they have, in rows or in columns."""
    return len(x) if len(x) == len(y) else int(np.shape(x)[-1])


def _is_fitting(each: inspect.Parameter, what: str) -> bool:
    """Return whether the default does: a seed's does, a False, None or 0 of what is to be nothing, and a 1 of a dropout's keeping all."""
    if each.default is each.empty:
        return False
    keeps = what == "zero" and each.default == 1 and re.search("drop|keep", each.name, re.IGNORECASE) is not None
    is_nothing = what in _ABSENT and not each.default
    return what == "seed" or keeps or is_nothing or (what == "batch" and each.default is None)


def called(function: Any, arguments: Mapping[str, Any]) -> Any:
    """Call the function, by position where a parameter is positional only."""
    first = [each.name for each in parameters_of(function) if each.kind is each.POSITIONAL_ONLY and each.name in arguments]
    return function(*(arguments[name] for name in first), **{name: value for name, value in arguments.items() if name not in first})


def arrays_in(value: Any) -> Iterator[Any]:
    """Yield the arrays of floats in nested tuples, lists and dicts, in order."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "fO":
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from arrays_in(each)
    elif isinstance(value, (list, tuple)) and value and all(isinstance(each, float) for each in value):
        yield np.array(value)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from arrays_in(each)
    elif isinstance(value, float):
        yield np.array(value)


def returned(module: Any, name: str) -> list[str]:
    """Return the names in the function's last return, empty for what is none; no list without a return."""
    function = next((each for each in ast.walk(module.__tree__) if isinstance(each, ast.FunctionDef) and each.name == name), None)
    returns = [each for each in ast.walk(function) if isinstance(each, ast.Return) and each.value is not None] if function else []
    if not returns:
        return []
    value = returns[-1].value
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    return [each.id if isinstance(each, ast.Name) else "" for each in parts]
