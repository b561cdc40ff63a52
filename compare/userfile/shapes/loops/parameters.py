"""The parameters of a loop: as the statements before it make them, or as arrays of such names usually are."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from ..calls import Layout
from ..layers import Layer, chain
from ..making import makers
from ..places import get, places, put
from ..spellings import fits_parameter, is_bias
from .biases import added_biases
from .passes import given_names, space_of
from .training_loop import Loop

INPUTS, HIDDEN, OUTPUTS, RECORDS = 5, (7, 12, 9), 3, 11


def root_of(module: Any, loop: Loop, plan: dict[str, Any], layout: Layout, k: int) -> dict[str, Any] | None:
    """Return what lies in the names that the loop carries, made for k outputs where it takes sizes of our own; None where it cannot be."""
    x = np.random.default_rng(3).normal(size=(RECORDS, INPUTS))
    y = np.eye(k)[np.resize(np.arange(k), RECORDS)] if k > 1 else np.resize([0.0, 1.0], (RECORDS, 1))
    space = space_of(module, plan, x, y, 0.5)
    if loop.owner is not None:
        try:
            space["self"] = _object(module, loop.owner, x, y)
        except TypeError:
            return None
    for name in plan["carried"] if loop.owner is None else ():      # what an earlier try has left
        space.pop(name, None)
    try:
        exec(loop.code(module.__file__, given_names(plan), plan["carried"], runs=False), space)
    except Exception:
        return None
    made = {name: space[name] for name in plan["carried"] if name in space and not callable(space[name])}
    root = {name: value for name, value in made.items() if any(True for _ in places(value))}
    added = added_biases(module.__tree__)
    return root if root and chain(root, None, of_biases=added) is not None else _supposed(plan["carried"], added, layout, k)


def _object(module: Any, owner: str, x: Any, y: Any) -> Any:
    """Return an object of the class, made with sizes of our own where it takes these."""
    for _, new in makers(getattr(module, owner), y.shape[-1]):
        try:
            return new(x, y, 0.5)
        except Exception:
            continue
    raise TypeError(f"{owner} cannot be made")


def _supposed(carried: list[str], added: Sequence[str], layout: Layout, k: int) -> dict[str, Any]:
    """Return arrays as such names usually have them: where what they start from cannot be made, as its data is not there."""
    weights = sorted((name for name in carried if fits_parameter(name) == 2 and name not in added and not is_bias(name)), key=_number)
    biases = sorted((name for name in carried if name in added or (is_bias(name) and fits_parameter(name))), key=_number)
    sizes = (INPUTS, *HIDDEN[: max(0, len(weights) - 1)], k)
    is_column = layout.name == "columns"
    root: dict[str, Any] = {}
    for name, units_in, units in zip(weights, sizes, sizes[1:], strict=False):
        root[name] = np.ones((units, units_in) if is_column else (units_in, units))
    for name, units in zip(biases, sizes[1:], strict=False):
        root[name] = np.ones((units, 1) if is_column else (1, units))
    return root


def _number(name: str) -> int:
    return int("".join(each for each in name if each.isdigit()) or 0)


def emptied(root: Any, layers: list[Layer], units: Any) -> Any:
    """Return the root's values with arrays of zeros in the shapes of these units."""
    root = deepcopy(root)
    for number, layer in enumerate(layers, start=1):
        units_in, units_out = units[number - 1] + (layer.within is not None), units[number]
        shape: tuple[int, ...] = (units_out, units_in) if layer.is_out_in else (units_in, units_out)
        root = put(root, layer.weight, np.zeros(shape if np.ndim(get(root, layer.weight)) == 2 else units_in))
        if layer.bias is not None:
            root = put(root, layer.bias, np.zeros(_bias_shape(np.shape(get(root, layer.bias)), units_out)))
    return root


def of_module(root: Any, module: Any) -> Any:
    """Return the root, with its objects of the file's classes made ones of the module that is loaded anew, as `isinstance` sees them."""
    left, seen = [root], set[int]()
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, (list, tuple, set)):
            left += value
        elif hasattr(value, "__dict__") and type(value).__module__ == module.__name__:
            left += vars(value).values()
            kind = getattr(module, type(value).__qualname__, None)
            if isinstance(kind, type):
                value.__class__ = kind
    return root


def _bias_shape(there: tuple[int, ...], units: int) -> tuple[int, ...]:
    """Return the shape of a bias of so many units that is laid out as the one that is there."""
    at = next((i for i, size in enumerate(there) if size > 1), len(there) - 1)
    return tuple(units if i == at else 1 for i in range(len(there)))
