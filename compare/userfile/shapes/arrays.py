"""The arrays of an object, a dict or a list: where they lie, and which of them are a network's weights and biases."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np

from .spellings import fits_parameter, is_bias

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


def is_parameter(place: Place) -> int:
    """Return how much the names on the way are a parameter's; 0 where one is a gradient's or the like."""
    names = [key for _, key in place if isinstance(key, str)]
    return min((fits_parameter(name) for name in names), default=1) and max((fits_parameter(name) for name in names), default=1)


@dataclass(frozen=True)
class Layer:
    """Where a layer's weight and bias lie, and how: `is_out_in`, and whether the bias is the weight's "first" or "last" row or column."""

    weight: Place
    bias: Place | None
    is_out_in: bool
    within: str | None = None

    def read(self, root: Any) -> list[Any]:
        """Return the weight (out, in) and, if it has one, the bias (out,)."""
        weight = np.array(get(root, self.weight), dtype=float)
        weight = weight[None, :] if weight.ndim == 1 else weight if self.is_out_in else weight.T
        if self.within is not None:
            at = 0 if self.within == "first" else -1
            return [np.delete(weight, at, axis=1), weight[:, at].copy()]
        return [weight.copy()] if self.bias is None else [weight.copy(), np.array(get(root, self.bias), dtype=float).reshape(-1)]

    def write(self, root: Any, weight: Any, bias: Any = None) -> Any:
        """Set the weight (out, in) and the bias (out,), and return the root."""
        if self.within is not None:
            weight = np.insert(weight, 0 if self.within == "first" else weight.shape[1], bias, axis=1)
        root = _put_like(root, self.weight, weight if self.is_out_in else weight.T)
        return root if self.bias is None else _put_like(root, self.bias, bias)

    def without_bias(self, root: Any) -> Any:
        """Set a bias of the root that is beside the weight to 0, and return the root."""
        return root if self.bias is None else _put_like(root, self.bias, np.zeros(np.size(get(root, self.bias))))


def _put_like(root: Any, place: Place, array: Any) -> Any:
    """Set a copy of the array at the place, in the shape and kind that is there: in the array itself, as others may refer to it."""
    if ("each", "") in place:
        at = place.index(("each", ""))
        for each, values in zip(get(root, place[:at]), array, strict=True):
            _put_like(each, place[at + 1 :], values)
        return root
    there = get(root, place)
    if isinstance(there, np.ndarray) and there.dtype == np.float64 and there.flags.writeable:
        there[...] = np.array(array).reshape(there.shape)
        return root
    if isinstance(there, (int, float)):
        return put(root, place, float(np.reshape(array, ())))
    if isinstance(there, (list, tuple)):
        return put(root, place, np.array(array).reshape(np.shape(there)).tolist())
    return put(root, place, np.array(array, dtype=float, order="C").reshape(np.shape(there)).view(type(there)))


def chain(
    root: Any, sizes: Sequence[int] | None, names: Sequence[str] = (), of_biases: Sequence[str] = (), *, is_by_name: bool = True
) -> tuple[tuple[int, ...], list[Layer]] | None:
    """Return the sizes of the network whose parameters lie below the root, and its layers; None where no arrays follow one another so.

    Without `sizes` they are those of the arrays. `names` are those of the weights, `of_biases` of the biases, where they are known. Not
    `is_by_name`, any vector of as many numbers as a layer has units may be its bias.
    """
    found = [(place, np.asarray(array)) for place, array in places(root)]
    scored = [(place, array, is_parameter(place)) for place, array in found]
    if names:
        others = [each for each in scored if not of_biases and is_bias(name_of(each[0]))]
        scored = [
            (place, array, 3) for name in (*names, *of_biases) for place, array in found if name in (key for _, key in place)
        ] + others
    kept = [(place, array) for place, array, score in scored if score]
    weights = [(place, array) for place, array in kept if _may_be_weight(place, array, names)]
    shapes = {place: array.shape for place, array in weights}
    weights = [(place, array) for place, array in weights if not _is_bias_of(array.shape, shapes.get(_before(place)))]
    chosen = [place for place, _ in weights]
    biases = [(place, array) for place, array in kept if max(array.shape, default=1) == array.size]
    biases = [
        (place, array)
        for place, array in biases
        if not is_by_name or place_is(place, of_biases) or is_bias(name_of(place)) or _before(place) in chosen
    ]
    best = [(place, array) for place, array in weights if is_parameter(place) == 2] or weights
    for candidates in (best, weights):
        for is_out_in in (False, True):
            for within in (None, "first", "last"):
                linked = _linked(candidates, sizes, is_out_in, within)
                if linked:
                    units, ordered = linked
                    left = [(place, array) for place, array in biases if place not in (ordered if not is_by_name else chosen)]
                    return units, _with_biases(ordered, units, left, is_out_in, within)
    return None


def _may_be_weight(place: Place, array: Any, names: Sequence[str]) -> bool:
    """Return whether the array may be a weight: a matrix, or a vector to one unit, that is not named as a bias."""
    if array.size < 2 or array.ndim not in (1, 2):
        return False
    return place_is(place, names) or (not is_bias(name_of(place)) and (array.ndim == 2 or is_parameter(place) == 2))


def _before(place: Place) -> Place:
    """Return the place that comes before in the same list or tuple, if the last step is an index in one; else the root's."""
    kind, key = place[-1] if place else ("", None)
    return (*place[:-1], ("item", key - 1)) if kind == "item" and isinstance(key, int) and key else ()


def _is_bias_of(shape: tuple[int, ...], weight: tuple[int, ...] | None) -> bool:
    """Return whether an array of that shape is the bias of the weight before it in a list: (k, 1) of (k, …), or (1, k) of (…, k)."""
    return weight is not None and len(shape) == 2 and len(weight) == 2 and shape in ((weight[0], 1), (1, weight[1])) and 1 not in weight


def place_is(place: Place, names: Sequence[str]) -> bool:
    """Return whether one of the names is on the way to the place."""
    return any(key in names for _, key in place if isinstance(key, str))


def _linked(weights: Any, sizes: Sequence[int] | None, is_out_in: bool, within: str | None) -> tuple[tuple[int, ...], list[Place]] | None:
    """Return the units, and the places of the weights in order, if each begins with as many units as the one before ends with."""
    extra = int(within is not None)
    shapes = [(place, *_units(array, is_out_in)) for place, array in weights]
    if sizes is not None:
        ordered = []
        for units_in, units in pairwise(sizes):
            match = next(
                (place for place, first, last in shapes if (first, last) == (units_in + extra, units) and place not in ordered), None
            )
            if match is None:
                return None
            ordered.append(match)
        return tuple(sizes), ordered
    if extra and len(shapes) < 2:
        return None
    run: list[Any] = []
    for place, first, last in shapes:
        if not run or run[-1][2] + extra == first:
            run.append((place, first, last))
    if not run or (len(run) < len(shapes) and len(run) < 2):
        return None
    return (run[0][1] - extra, *(last for _, _, last in run)), [place for place, _, _ in run]


def _units(array: Any, is_out_in: bool) -> tuple[int, int]:
    if array.ndim == 1:
        return len(array), 1
    return array.shape[::-1] if is_out_in else array.shape  # type: ignore[no-any-return]


def _with_biases(ordered: list[Place], units: Sequence[int], biases: Any, is_out_in: bool, within: str | None) -> list[Layer]:
    left, layers = list(biases), []
    for number, place in enumerate(ordered, start=1):
        fitting = [each for each, array in left if array.size == units[number]] if within is None else []
        beside = [each for each in fitting if each[:-1] == place[:-1]]
        same = beside if len(beside) == 1 else fitting
        bias = same[0] if same else None
        left = [(each, array) for each, array in left if each != bias]
        layers.append(Layer(place, bias, is_out_in, within))
    return layers
