"""Where an object keeps the gradients of its weights: by name, in a dict or a list, in what it returns, or as the step that it made."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...support.arrays import Array
from ..binding import plain
from .weights import is_gradient_of, is_object, weights

_DICTS = ("grads", "gradients", "grad", "dparams")


def gradients_kept(before: Any, after: Any, others: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Return the gradients by the weights' names, of an object as it was before and after its backward, and of what that returned."""
    own = weights(before)
    if isinstance(others, Mapping):
        return gradients_kept(before, after, ()) | {name: grad for name, grad in others.items() if name in own}
    listed: Sequence[Any] = next((each for each in others if isinstance(each, (list, tuple)) and len(each) == len(own)), ())
    listed = others if not listed and len(others) == len(own) else listed or _in_order(own, after)
    found: dict[str, Any] = dict(zip(own, listed, strict=True)) if listed else {}
    for name in own:
        grad = next((value for each, value in _arrays(after) if name not in found and is_gradient_of(each, name)), None)
        found |= {} if grad is None else {name: grad}
    return found


def _in_order(own: Mapping[str, Array], after: Any) -> Sequence[Any]:
    """Return a list of gradients that an object keeps, if it has the weights' shapes in their order."""
    lists = (value for name, value in vars(after).items() if plain(name) in _DICTS and isinstance(value, list))
    shapes = [each.shape for each in own.values()]
    return next((each for each in lists if [np.shape(grad) for grad in each] == shapes), ())


def kept_by_value(after: Any, before: Any, expected: Array) -> Any:
    """Return an array that the backward made and that is the expected one up to much more than rounding; None where there is none."""
    shown = (value for name, value in _arrays(after) if _is_new(before, name, value) and value.size == expected.size)
    return next((each for each in shown if np.allclose(each.reshape(expected.shape), expected, 1e-6, 1e-9)), None)


def _arrays(layer: Any) -> Iterator[tuple[str, Array]]:
    """Yield the arrays that an object keeps as attributes, in dicts, lists and objects; a dict of gradients may have the weights' names."""
    for name, value in vars(layer).items():
        if isinstance(value, Mapping):
            of_grads = plain(name) in _DICTS
            yield from ((f"d{key}" if of_grads else str(key), each) for key, each in value.items() if isinstance(each, np.ndarray))
            yield from ((str(key), each) for key, each in value.items() if of_grads and isinstance(each, np.ndarray))
        elif isinstance(value, (list, tuple)):
            yield from ((f"{name}[{i}]", each) for i, each in enumerate(value) if isinstance(each, np.ndarray))
        elif isinstance(value, (np.ndarray, float)):
            yield name, np.asarray(value)
        elif is_object(value):
            yield from ((f"{name}.{own}", each) for own, each in vars(value).items() if isinstance(each, np.ndarray))


def _is_new(before: Any, name: str, value: Array) -> bool:
    """Return whether an array is none of the weights that the object had before."""
    own = weights(before)
    return name not in own or (own[name].shape != value.shape)
