"""Checks of a problem's arrays: each returns read-only copies, or raises ProblemError that says what was expected."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..support.arrays import Array, Batch
from ..support.errors import ProblemError
from ..support.kinds import kind_of
from .pieces import LOSSES


def checked_batch(what: str, batch: Any, sizes: Sequence[int], loss: str, dtype: str) -> Batch:
    """Return the batch as x (n, sizes[0]) and y (n, sizes[-1]), or (n,) for class indices, with targets that the loss takes."""
    if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
        raise ProblemError(f"{what} is {kind_of(batch)}; expected a pair (x, y), and `batches` a tuple of such pairs")
    x, k = _array(batch[0], dtype), sizes[-1]
    is_classes = LOSSES[loss].targets == "classes" and _dimensions(batch[1]) == 1
    y: Any = _classes(what, batch[1], k) if is_classes else _array(batch[1], dtype)
    n = len(x) if x.ndim == 2 else 0
    if n < 1 or x.shape != (n, sizes[0]) or y.shape != ((n,) if is_classes else (n, k)):
        expected = f"x (n, {sizes[0]}) and y (n, {k}) with the same n, at least 1"
        raise ProblemError(f"{what} has x {x.shape} and y {y.shape}; expected {expected}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ProblemError(f"{what} holds a value that is not finite in {dtype}; expected finite numbers")
    if LOSSES[loss].targets != "regression" and not is_classes and (y.min() < 0 or y.max() > 1):
        raise ProblemError(f"{what} has targets from {y.min():g} to {y.max():g}; expected numbers from 0 to 1 for {loss}")
    return x, y


def checked_parameters(params: Any, shapes: Mapping[str, tuple[int, ...]], dtype: str) -> dict[str, Array]:
    """Return the parameters in the order of `shapes`; raise unless they have just its names and shapes, and are finite."""
    if not isinstance(params, Mapping):
        raise ProblemError(f"initial parameters are {kind_of(params)}; expected arrays by name: {', '.join(shapes)}")
    arrays = {name: _array(array, dtype) for name, array in params.items()}
    if {name: array.shape for name, array in arrays.items()} != shapes:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ProblemError(f"initial parameters are {found}; expected {', '.join(f'{n} {s}' for n, s in shapes.items())}")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ProblemError(f"an initial parameter is not finite in {dtype}; expected finite numbers")
    return {name: arrays[name] for name in shapes}


def read_only(array: Any) -> Any:
    """Make the array read-only, and return it."""
    array.flags.writeable = False
    return array


def _classes(what: str, values: Any, k: int) -> Any:
    """Return class indices (n,), each from 0 to below k, the number of outputs."""
    y = np.array(values)
    if y.dtype.kind not in "iu" or (len(y) and (y.min() < 0 or y.max() >= k)):
        found = f"of {y.dtype}" if y.dtype.kind not in "iu" else f"from {y.min()} to {y.max()}"
        raise ProblemError(f"{what} has targets {found}; expected class indices, whole numbers from 0 to {k - 1} for {k} outputs")
    return read_only(y.astype(np.int64))


def _array(values: Any, dtype: str) -> Array:
    try:
        is_complex = np.iscomplexobj(values)
        with np.errstate(over="ignore"):
            array = None if is_complex else np.array(values, dtype=dtype, order="C")
    except (TypeError, ValueError) as error:
        raise ProblemError(f"an array cannot be made of {type(values).__name__}: {error}; expected numbers") from None
    if array is None:
        raise ProblemError(f"an array is complex; expected real numbers, for {dtype}")
    checked: Array = read_only(array)
    return checked


def _dimensions(values: Any) -> int | None:
    """Return the number of dimensions, or None for lists of unequal lengths."""
    try:
        return int(np.ndim(values))
    except ValueError:
        return None
