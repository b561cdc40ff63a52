"""The layers of a network: where their weights and biases lie, and which arrays follow one another as these do."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .places import Place, get, name_of, place_is, places, put
from .spellings import fits_parameter, is_bias


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
        root = put_like(root, self.weight, weight if self.is_out_in else weight.T)
        return root if self.bias is None else put_like(root, self.bias, bias)

    def without_bias(self, root: Any) -> Any:
        """Set a bias of the root that is beside the weight to 0, and return the root."""
        return root if self.bias is None else put_like(root, self.bias, np.zeros(np.size(get(root, self.bias))))


def put_like(root: Any, place: Place, array: Any) -> Any:
    """Set a copy of the array at the place, in the shape and kind that is there: in the array itself, as others may refer to it."""
    if ("each", "") in place:
        at = place.index(("each", ""))
        for each, values in zip(get(root, place[:at]), array, strict=True):
            put_like(each, place[at + 1 :], values)
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
    scored = [(place, array, is_parameter(place) or int(place_is(place, of_biases))) for place, array in found]
    if names:
        others = [each for each in scored if not of_biases and is_bias(name_of(each[0]))]
        scored = [
            (place, array, 3) for name in (*names, *of_biases) for place, array in found if name in (key for _, key in place)
        ] + others
    kept = [(place, array) for place, array, score in scored if score]
    weights = [(place, array) for place, array in kept if _may_be_weight(place, array, names, of_biases)]
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


def _may_be_weight(place: Place, array: Any, names: Sequence[str], of_biases: Sequence[str]) -> bool:
    """Return whether the array may be a weight: a matrix, or a vector to one unit, that is not named as a bias."""
    if array.size < 2 or array.ndim not in (1, 2):
        return False
    if is_bias(name_of(place)) or place_is(place, of_biases):      # beside a weight in what the names name
        return name_of(place) in names
    return place_is(place, names) or array.ndim == 2 or is_parameter(place) == 2


def _before(place: Place) -> Place:
    """Return the place that comes before in the same list or tuple, if the last step is an index in one; else the root's."""
    kind, key = place[-1] if place else ("", None)
    return (*place[:-1], ("item", key - 1)) if kind == "item" and isinstance(key, int) and key else ()


def _is_bias_of(shape: tuple[int, ...], weight: tuple[int, ...] | None) -> bool:
    """Return whether an array of that shape is the bias of the weight before it in a list: (k, 1) of (k, …), or (1, k) of (…, k)."""
    return weight is not None and len(shape) == 2 and len(weight) == 2 and shape in ((weight[0], 1), (1, weight[1])) and 1 not in weight


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
