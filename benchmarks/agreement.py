"""The check that competitors do the same work: trained alike, they must move the weights alike, else a wrong computation is timed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.work import Weights


class DisagreementError(Exception):
    """A competitor trains to other weights than it should."""


@dataclass(frozen=True)
class Movement:
    """How far training moved each weight, and from where."""

    start: Weights
    moved: Weights

    @classmethod
    def between(cls, start: Weights, end: Weights) -> "Movement":
        """Return the movement from `start` to `end`."""
        return cls(start, {name: end[name] - start[name] for name in start})


def copied(weights: Weights) -> dict[str, NDArray[Any]]:
    """Return copies in C order, which further training does not change."""
    return {name: np.array(array, order="C") for name, array in weights.items()}


def check(actual: Movement, expected: Movement, rtol: float, steps: int) -> None:
    """Raise DisagreementError unless both start from equal weights and move them equally, to `rtol` of a tensor's largest move.

    The moves are compared and not the weights: a few steps move weights by so little that a wrong step could hide in them.
    Each of the `steps` rounds each weight, by up to half an ulp on either side, so that a move is known to one ulp a step only.
    """
    if set(actual.moved) != set(expected.moved):
        raise DisagreementError(f"weights are {sorted(actual.moved)}; expected {sorted(expected.moved)}")
    for name, moved in expected.moved.items():
        if actual.moved[name].shape != moved.shape:
            raise DisagreementError(f"{name} has shape {actual.moved[name].shape}; expected {moved.shape}")
        if not np.array_equal(actual.start[name], expected.start[name]):
            raise DisagreementError(f"{name} starts from other weights")
        largest = float(np.abs(moved).max())
        if not 0 < largest < np.inf:
            raise DisagreementError(f"{name} moved by {largest}: nothing can be compared")
        try:
            ulp = np.spacing(np.maximum(np.abs(expected.start[name]), np.abs(expected.start[name] + moved)))
            gaps = np.maximum(np.abs(actual.moved[name] - moved) - steps * ulp, 0)
            np.testing.assert_allclose(gaps, 0, atol=rtol * largest)
        except AssertionError:
            gap = float(gaps.max())
            raise DisagreementError(f"{name} moved otherwise, by {gap / largest:.1g} of its largest move; expected {rtol:g}") from None


def save(movement: Movement, path: str) -> None:
    """Write a movement to a file."""
    parts = vars(movement).items()
    np.savez(path, allow_pickle=False, **{f"{part}/{name}": array for part, arrays in parts for name, array in arrays.items()})


def load(path: str) -> Movement:
    """Read a movement from a file."""
    with np.load(path) as file:
        parts = {part: {key.split("/")[1]: file[key] for key in file if key.startswith(f"{part}/")} for part in ("start", "moved")}
    return Movement(**parts)
