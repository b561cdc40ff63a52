"""The weights of an object: attributes, entries of a dict or list of parameters, and those of an object that it holds."""

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from ...support.arrays import Array
from ..binding import plain

_BEFORE, _AFTER = r"(?:d(?:(?:l|loss|j|c|e|cost)(?:d|wrt))?|grad(?:ient)?s?(?:of)?|delta|nabla|g)", r"(?:grad(?:ient)?s?|delta|g)"
_BIASES = ("b", "bias")
_PARAMETERS = ("params", "parameters", "weights")
_Path = tuple[Any, ...]


def weights(layer: Any) -> dict[str, Array]:
    """Return the arrays of floating point that an object has, by name, without their gradients."""
    found = {name: value for name, _, value in _entries(layer)}
    return {name: value for name, value in found.items() if not any(is_gradient_of(name, other) for other in found if other != name)}


def paths(layer: Any) -> list[tuple[str, _Path]]:
    """Return the name of each such array with the keys that lead to it; several may lead to one."""
    return [(name, path) for name, path, _ in _entries(layer)]


def put(attributes: dict[str, Any], path: _Path, value: Any) -> None:
    """Set what these keys lead to."""
    holder: Any = attributes
    for key in path[:-1]:
        holder = holder[key] if isinstance(holder[key], (dict, list)) else vars(holder[key])
    holder[path[-1]] = value


def is_gradient_of(name: str, weight: str) -> bool:
    """Return whether a name says that it is that weight's gradient."""
    (of, _, last), (other, _, own) = name.rpartition("."), weight.rpartition(".")
    own = re.escape(plain(own))
    return of == other and re.fullmatch(f"{_BEFORE}{own}|{own}{_AFTER}", plain(last)) is not None


def is_object(value: Any) -> bool:
    """Return whether a value is an object with attributes, and no class, module or function."""
    return hasattr(value, "__dict__") and not isinstance(value, (type, ModuleType)) and not inspect.isroutine(value)


def _entries(layer: Any) -> Iterator[tuple[str, _Path, Array]]:
    for name, path, value in _all(vars(layer)):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            yield name, path, value
        elif isinstance(value, float) and plain(name.rpartition(".")[2]) in _BIASES:      # of a neuron
            yield name, path, np.asarray(value)


def _all(attributes: dict[str, Any]) -> Iterator[tuple[str, _Path, Any]]:
    """Yield every attribute and entry; one of a list has the name of the attribute that is the same array, if there is one."""
    yield from ((name, (name,), value) for name, value in attributes.items())
    for name, value in attributes.items():
        if plain(name) in _PARAMETERS and type(value) is dict:
            yield from ((key, (name, key), each) for key, each in value.items())
        elif plain(name) in _PARAMETERS and type(value) is list:
            names = {id(each): own for own, each in attributes.items()}
            yield from ((names.get(id(each), f"{name}[{i}]"), (name, i), each) for i, each in enumerate(value))
        elif is_object(value):
            yield from ((f"{name}.{own}", (name, own), each) for own, each in vars(value).items())
