"""The numbers that a running file holds in variables, attributes, lists and arrays, by their paths, which can be read and set."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ...support.arrays import Array

_MOST = 400_000      # numbers of one array: what is larger is data
_MOST_OF_LIST = 256      # entries of a list of objects
_DEEP = 6


@dataclass
class Numbers:
    """The numbers at one path: `are_whole` if all of them are integers of Python or NumPy."""

    path: str
    get: Callable[[], Array]
    put: Callable[[Array], None]
    are_whole: bool = False

    @property
    def group(self) -> str:
        """The path without what tells one object or entry from others of its kind."""
        return re.sub(r"\[\d+\]", "[·]", self.path)


def numbers_of(local: Mapping[str, Any], module: dict[str, Any], given: dict[str, Any]) -> dict[str, Numbers]:
    """Return all numbers by path; a function's variables, which cannot be set from outside, are set by being put into `given`."""
    found: dict[str, Numbers] = {}
    seen: set[int] = set()
    spaces = [(module, module)] if local is module else [(local, given), (module, module)]
    for space, target in spaces:
        for name in list(space):
            if not name.startswith("__") and (space is local or name not in local):
                for each in _of(_Slot(space, name, target), name, seen, 0):
                    found.setdefault(each.path, each)
    return found


@dataclass(frozen=True)
class _Slot:
    """A place that holds a value: a variable, an attribute, an entry; what is put goes to `target`."""

    space: Any
    key: Any
    target: Any

    def get(self) -> Any:
        return self.space[self.key]

    def put(self, value: Any) -> None:
        self.target[self.key] = value


@dataclass(frozen=True)
class _Entry(_Slot):
    """An entry of a tuple, which is replaced by one with another entry; `target` is the place of the tuple."""

    def put(self, value: Any) -> None:
        entries = list(self.target.get())
        entries[self.key] = value
        self.target.put(_like(self.target.get(), entries))

    def get(self) -> Any:
        return self.target.get()[self.key]


def _like(value: Any, entries: list[Any]) -> Any:
    """Return a tuple of that kind with these entries."""
    return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)


def _of(slot: _Slot, path: str, seen: set[int], depth: int) -> Iterator[Numbers]:
    value = slot.get()
    if isinstance(value, (bool, np.bool_, str, bytes, type, ModuleType, FunctionType, MethodType)) or value is None or depth > _DEEP:
        return
    if isinstance(value, (float, np.floating)):
        yield Numbers(path, lambda: np.array([slot.get()], float), lambda new: slot.put(float(new[0])))
        return
    if id(value) in seen:
        return
    if isinstance(value, (np.ndarray, list, tuple, dict)) or hasattr(value, "__dict__"):
        seen.add(id(value))
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        if 0 < value.size <= _MOST:
            yield Numbers(path, lambda: np.array(slot.get(), float).ravel(), lambda new: _fill_array(slot, new), value.dtype.kind != "f")
    elif isinstance(value, (list, tuple)) and (flat := _flat(value)) is not None:
        if flat:
            are_whole = all(isinstance(each, (int, np.integer)) for each in flat)
            yield Numbers(path, lambda: np.array(_flat(slot.get()), float), lambda new: _fill_list(slot, new), are_whole)
    elif isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        entries = value if not isinstance(value, np.ndarray) else value.ravel()
        for index in range(min(len(entries), _MOST_OF_LIST)):
            entry = _Entry(entries, index, slot) if isinstance(value, tuple) else _Slot(entries, index, entries)
            yield from _of(entry, f"{path}[{index}]", seen, depth + 1)
    elif isinstance(value, dict):
        for key in list(value)[:_MOST_OF_LIST]:
            yield from _of(_Slot(value, key, value), f"{path}[{key!r}]", seen, depth + 1)
    elif hasattr(value, "__dict__") and not callable(getattr(value, "__array__", None)):
        for name in list(vars(value)):
            yield from _of(_Slot(vars(value), name, vars(value)), f"{path}.{name}", seen, depth + 1)


def _fill_array(slot: _Slot, new: Array) -> None:
    value = slot.get()
    if value.dtype.kind == "f" and value.flags.writeable:
        value[...] = new.reshape(value.shape)
    else:
        slot.put(new.reshape(value.shape))


def _fill_list(slot: _Slot, new: Array) -> None:
    value, numbers = slot.get(), iter(new.tolist())
    are_whole = all(isinstance(each, (int, np.integer)) for each in _flat(value) or ())
    if isinstance(value, list):
        _fill(value, numbers, are_whole=are_whole)
    else:
        slot.put(_filled(value, numbers, are_whole))


def _flat(value: Any) -> list[Any] | None:
    """Return the numbers of a nested list, None if it holds anything else, or no number."""
    found: list[Any] = []
    for each in value:
        if isinstance(each, (list, tuple)):
            inner = _flat(each)
            if inner is None:
                return None
            found += inner
        elif isinstance(each, (int, float, np.integer, np.floating)) and not isinstance(each, bool):
            found.append(each)
        else:
            return None
    return found


def _fill(value: Any, new: Iterator[float], *, are_whole: bool) -> None:
    for index, each in enumerate(value):
        if isinstance(each, list):
            _fill(each, new, are_whole=are_whole)
        else:
            value[index] = _filled(each, new, are_whole)


def _filled(value: Any, new: Iterator[float], are_whole: bool) -> Any:
    """Return a number, or a tuple of them, with new ones; an integer among others that are none, which may be an index, is kept."""
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(each, new, are_whole) for each in value)
    number = next(new)
    return value if isinstance(value, (int, np.integer)) and not are_whole else number
