"""The arrays of an object, a dict or a list, and where they lie below it."""

import inspect
from collections.abc import Iterator, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np

from .spellings import is_bias

_DEPTH = 5
# ("attr", name), ("item", key), ("each", "") of a list, or ("part", (start, stop, shape, order)) of a vector, from the root inwards
Place = tuple[tuple[str, Any], ...]


def places(root: Any) -> Iterator[tuple[Place, Any]]:
    """Yield each array of numbers below the root, NumPy's or nested lists, with its place; those of neurons in a list as one."""
    found = list(_below(root, (), set()))
    lists = {prefix for place, array in found if np.ndim(array) > 1 for prefix in _lists(place)}      # of layers, which have matrices
    groups: dict[Place, list[tuple[Place, Any]]] = {}
    for place, array in found:
        own = [prefix for prefix in _lists(place)[-1:] if prefix not in lists]
        key = (*own[0], ("each", ""), *place[len(own[0]) + 1 :]) if own else place
        groups.setdefault(key, []).append((place, array))
    for key, members in groups.items():
        if len(members) == 1 and ("each", "") not in key:
            yield members[0]
        elif len({np.shape(array) for _, array in members}) == 1 and len(members) == len(get(root, key[: key.index(("each", ""))])):
            yield key, np.array([array for _, array in members], dtype=float)
        else:
            yield from members


def _lists(place: Place) -> list[Place]:
    """Return the places on the way of lists whose items are objects or dicts, of which the rest of the way is an attribute or a key."""
    return [
        place[:at]
        for at, ((kind, key), (_, following)) in enumerate(pairwise(place))
        if kind == "item" and isinstance(key, int) and isinstance(following, str)
    ]


def _below(value: Any, place: Place, seen: set[int]) -> Iterator[tuple[Place, Any]]:
    if len(place) > _DEPTH or id(value) in seen:
        return
    if isinstance(value, np.ndarray) and value.dtype != object:
        if value.dtype.kind in "fiu" and value.size:
            yield place, value
        return
    if isinstance(value, (int, float)) and not isinstance(value, bool) and place and is_bias(name_of(place)):
        yield place, np.array(float(value))      # a bias of one unit
        return
    if isinstance(value, (list, tuple)) and (array := _of_numbers(value)) is not None:
        yield place, array
        return
    if isinstance(value, (list, tuple, np.ndarray)):
        children: list[tuple[tuple[str, Any], Any]] = [(("item", i), each) for i, each in enumerate(value)]
    elif isinstance(value, dict):
        children = [(("item", key), each) for key, each in value.items()]
    elif hasattr(value, "__dict__") and not isinstance(value, (type, ModuleType)) and not inspect.isroutine(value):
        children = [(("attr", name), each) for name, each in vars(value).items()]
    else:
        return
    seen = seen | {id(value)}
    for step, child in children:
        yield from _below(child, (*place, step), seen)


def _of_numbers(value: Any) -> Any:
    """Return the array of nested lists of floats, or None."""
    if not value or (not isinstance(value[0], (float, list)) or (isinstance(value[0], list) and not value[0])):
        return None
    if isinstance(value[0], list) and not isinstance(value[0][0], (float, int)):
        return None
    try:
        array = np.array(value, dtype=float)
    except (ValueError, TypeError):
        return None
    return array if array.ndim in (1, 2) and array.size else None


def get(root: Any, place: Place) -> Any:
    """Return the value at that place."""
    for number, (kind, key) in enumerate(place):
        if kind == "each":
            return np.array([get(each, place[number + 1 :]) for each in root], dtype=float)
        if kind == "part":
            start, stop, shape, order = key
            root = root[start:stop].reshape(shape, order=order)
        else:
            root = getattr(root, key) if kind == "attr" else root[key]
    return root


def put(root: Any, place: Place, value: Any) -> Any:
    """Set the value at that place, and return the root, which is another where a tuple had to be made anew."""
    if not place:
        return value
    (kind, key), rest = place[0], place[1:]
    inner = put(get(root, place[:1]), rest, value)
    if kind == "attr":
        setattr(root, key, inner)
    elif isinstance(root, tuple):
        return (*root[:key], inner, *root[key + 1 :])
    else:
        root[key] = inner
    return root


def name_of(place: Place) -> str:
    """Return the innermost name on the way to the place."""
    return next((key for _, key in reversed(place) if isinstance(key, str)), "")


def place_is(place: Place, names: Sequence[str]) -> bool:
    """Return whether one of the names is on the way to the place."""
    return any(key in names for _, key in place if isinstance(key, str))
