"""The slope of a forward pass by differences, for what is no function of PyTorch."""

from collections.abc import Callable, Sequence

import numpy as np

from ...support.arrays import Array

_KINK = 0.01      # of the largest slope: by so much do two steps differ only over a kink
_FEW = 8.0


def slopes(function: Callable[[Sequence[Array]], Array], leaves: Sequence[Array]) -> list[tuple[Array, Array]]:
    """Return the slope of the function's sum at each leaf, and how far it may be off; infinitely far over a kink.

    It is the central difference of two steps, extrapolated (Richardson, 1911): its error is of the fourth power of the step.
    """
    value = function(leaves)
    small = float(np.finfo(value.dtype).eps)
    step = small**0.2

    def central(at: int, index: tuple[int, ...], step: float) -> float:
        ends = []
        for sign in (1, -1):
            moved = [np.array(each) for each in leaves]
            moved[at][index] += sign * step
            ends.append(float(np.sum(function(moved), dtype=np.float64)))
        return (ends[0] - ends[1]) / (2 * step)

    found = []
    for at, leaf in enumerate(leaves):
        pairs = np.array([[central(at, index, each) for each in (step, step / 2)] for index in np.ndindex(leaf.shape)])
        far, near = (pairs[:, column].reshape(leaf.shape) for column in (0, 1))
        scale = np.abs(near).max(initial=1.0)
        gap = np.abs(near - far)
        found.append((near + (near - far) / 3, np.where(gap > _KINK * scale, np.inf, gap + _FEW * small**0.5 * scale)))
    return found
