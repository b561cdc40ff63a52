"""What rounding allows in each number of a run: sampled at some steps, and carried from there to the steps around.

At a step that is sampled, each number may be c σ of its own off. At the other
steps c σ is estimated: of each tensor the largest σ, in parts of the number's size and of the tensor's, is taken to be the same as at the
steps sampled last. What is within half of that is cleared; a step with a number beyond it is sampled itself.
"""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..support.arrays import Array
from .difference import Key
from .sampling import LAST, SAMPLES, critical, sampled

# The unit roundoff of results by dtype, and that of the sums behind them.
UNITS = {
    "float64": (2.0**-53, 2.0**-53),
    "float32": (2.0**-24, 2.0**-24),
    "bfloat16": (2.0**-9, 2.0**-24),
    "float16": (2.0**-12, 2.0**-24),
    "tf32": (2.0**-24, 2.0**-11),
}
_BY_PARAMETER = ("grads", "state", "deltas", "params")      # phases whose numbers are the same ones at each step
_RECENT = 8      # steps that were sampled
State = Mapping[Key, Tensor]
_NONE: State = {}
CARRIED = ("params", "buffers", "state")


class Reference(Protocol):
    """A side on tensors of float64, whose steps can be made again from any state."""

    def numbers(self, number: int, batch: Any) -> Mapping[Key, Tensor]:
        """Make the step of that number, and return what it shows by (phase, tensor)."""

    def load(self, state: State) -> None:
        """Start from that state: parameters, buffers and the optimiser's state."""


class Allowance:
    """What rounding allows, sampled from a reference. `numbers` is how many are compared in the whole run."""

    def __init__(self, reference: Reference, kind: str, numbers: int, *, seed: int = 0, samples: int = SAMPLES) -> None:
        self.reference, self.samples, self.seed = reference, samples, seed
        self.unit, self.accumulation = UNITS[kind]
        self.tiny = float(np.finfo("float64" if kind == "float64" else "float32").smallest_normal)
        self.c = critical(samples, numbers)
        self.unknown: set[str] = set()
        self.sampled: list[int] = []      # the steps that were
        # what is allowed where rounding turned a choice: at both of the steps sampled last, and at the last
        self._turned: dict[Key, tuple[Any, Any]] = {}
        # the most allowed in each tensor, in parts of what `_scale` returns, at recent steps
        self._relative: dict[Key, deque[float]] = {}

    def sample(self, number: int, batch: Any, start: State, hidden: State = _NONE) -> dict[Key, Array]:
        """Return how far each number of that step from that state may be off; of what is carried, its change.

        `hidden` says how far off parts of the state are already that the other side does not show; of these, the value may be off so far.
        """
        generator = torch.Generator().manual_seed(self.seed + number)
        is_plain = True

        def step() -> dict[Key, Tensor]:
            nonlocal is_plain
            own = start if is_plain else {k: _moved(value, hidden[k], generator) if k in hidden else value for k, value in start.items()}
            is_plain = False
            self.reference.load(own)
            numbers = self.reference.numbers(number, batch)
            return {key: _change(key, each, own, hidden) for key, each in numbers.items() if each.is_floating_point()}

        found = sampled(step, self.c, units=(self.unit, self.accumulation), samples=self.samples, seed=self.seed + 1000 * number)
        self.unknown |= found.unknown
        self.sampled.append(number)
        allowed: dict[Key, Array] = {key: each.numpy(force=True).astype(np.float64) for key, each in found.allowed.items()}
        for key, largest in found.largest.items():
            self._relative.setdefault(key, deque(maxlen=_RECENT)).append(largest)
            if key[0] in _BY_PARAMETER:
                now, before = np.where(found.turned[key].numpy(force=True), allowed[key], 0.0), self._turned.get(key, (0.0, 0.0))[1]
                self._turned[key] = np.minimum(now, before), now
        return allowed

    def last(self, value: Array) -> Array:
        """Return what any number of that value may be off, however it was made: its last roundings."""
        return np.asarray(np.abs(value) * (LAST * self.unit) + self.tiny, dtype=np.float64)

    def nearby(self, key: Key, value: Array) -> Array:
        """Return what the steps sampled last allow in the values of another, of what is carried in their changes; nothing if none was."""
        allowed = _scale(value) * max(self._relative.get(key, ()), default=0.0)
        return np.maximum(allowed, self._turned[key][0]) if key in self._turned else allowed


def _change(key: Key, value: Tensor, start: State, hidden: State) -> Tensor:
    """Return the change of what is carried and not hidden, and the value of all else."""
    return value - start[key] if key[0] in CARRIED and key in start and key not in hidden else value


def _moved(value: Tensor, off: Tensor, generator: torch.Generator) -> Tensor:
    """Return the value with noise so that twice its spread is `off`, no more than half of the value, so that squares stay positive."""
    noise = torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value.device) * off / 2
    return value + noise.clamp(-value.abs() / 2, value.abs() / 2)


def _scale(value: Array) -> Array:
    """Return each number's size and the root mean square of all in its tensor."""
    size = np.abs(value, dtype=np.float64)
    if not size.size:
        return size
    mean_square = np.vdot(size, size) / size.size
    if not np.isfinite(mean_square):      # −∞ of a mask
        size = np.where(np.isfinite(size), size, 0.0)
        mean_square = np.vdot(size, size) / size.size
    return np.asarray(size + math.sqrt(mean_square))

