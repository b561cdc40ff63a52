"""What is refused: arrays of another shape, numbers out of range, and a backward pass that does not follow its gradients."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .layers import Layer


def check_shape(what: str, array: NDArray[Any] | None, *axes: int | str) -> None:
    """Raise ValueError unless the array has these axes: a number is the size of one, a name stands for any size, and "…" for any axes.

    None, a bias that there is not, passes.
    """
    if array is None:
        return
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{what} is {array!r:.60}; expected an array ({', '.join(map(str, axes))}{',' * (len(axes) == 1)})")
    expected = list(axes)
    if "…" in expected:
        at = expected.index("…")
        expected[at : at + 1] = ["any"] * (array.ndim - len(axes) + 1)
    if len(expected) != array.ndim or any(n != m and not isinstance(n, str) for n, m in zip(expected, array.shape, strict=True)):
        raise ValueError(f"{what} has shape {array.shape}; expected ({', '.join(map(str, axes))}{',' * (len(axes) == 1)})")


def check_groups(groups: int, units: int) -> None:
    """Raise ValueError unless that many units can be in that many groups of one size."""
    if groups < 1 or units % groups:
        raise ValueError(f"groups is {groups}; expected a divisor of {units}, the length of the weight")


def check_given(layer: "Layer", error: NDArray[Any]) -> None:
    """Raise ValueError unless the layer's `gradients` was called with this very array last: its `backward` goes on from there."""
    if error is not layer.given:
        called = "was not called before" if layer.given is None else "was called with another array"
        raise ValueError(f"{type(layer).__name__}.gradients {called}; expected a call with the array that `backward` is called with")


def check_numbers(**numbers: float) -> None:
    """Raise ValueError unless each of the numbers, by its name, is at least 0."""
    for name, number in numbers.items():
        if not number >= 0:      # NaN is not
            raise ValueError(f"{name} is {number}; expected a number of at least 0")


def check_shares(**shares: float) -> None:
    """Raise ValueError unless each of the numbers, by its name, is at least 0 and below 1."""
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"{name} is {share}; expected a number from 0 to below 1")


def check_whole(what: str, number: int) -> None:
    """Raise ValueError unless the number is whole, and at least 1."""
    if number != int(number) or number < 1:
        raise ValueError(f"{what} is {number}; expected a whole number, at least 1")


def check_records(number: int) -> None:
    """Raise ValueError for a batch of no records, of which there is no mean."""
    if number < 1:
        raise ValueError("the batch has 0 records; expected at least 1")
