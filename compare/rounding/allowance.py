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
from ..support.errors import ProblemError
from .difference import Key
from .sampling import HALF, LAST, SAMPLES, TURNED, critical, sampled

# The unit roundoff of results by dtype, and that of the sums behind them.
UNITS = {
    "float64": (2.0**-53, 2.0**-53),
    "float32": (2.0**-24, 2.0**-24),
    "bfloat16": (2.0**-9, 2.0**-24),
    "float16": (2.0**-12, 2.0**-24),
    "tf32": (2.0**-24, 2.0**-11),
}
_NOTHING = 1e-320      # allowed where nothing is
_BY_PARAMETER = ("grads", "state", "deltas", "params")      # phases whose numbers are the same ones at each step
_GROWTH = 4.0      # times the most that a sampled step allows in a tensor is the most that it can clear in another
_RECENT = 8      # steps that were sampled
State = Mapping[Key, Tensor]
_NONE: State = {}
CARRIED = ("params", "buffers", "state")


class Reference(Protocol):
    """A side on tensors of float64, whose steps can be made again from any state."""

    def numbers(self, number: int, batch: Any) -> Mapping[Key, Tensor]:
        """Make the step of that number, and return what it shows by (phase, tensor)."""

    def evaluation(self, batch: Any) -> Mapping[Key, Tensor]:
        """Return the outputs for a batch in evaluation."""

    def load(self, state: State) -> None:
        """Start from that state: parameters, buffers and the optimiser's state."""


class Allowance:
    """What rounding allows, sampled from a reference. `numbers` is how many are compared in the whole run."""

    def __init__(self, reference: Reference, kind: str, numbers: int, *, seed: int = 0) -> None:
        self.reference, self.seed = reference, seed
        self.unit, self.accumulation = UNITS[kind]
        self.last = LAST * self.unit      # of its size any number may be off, however it was made: its last roundings
        self.tiny = float(np.finfo("float64" if kind == "float64" else "float32").smallest_normal)
        self.c = critical(SAMPLES, numbers)
        self.unknown: set[str] = set()
        self.sampled: list[int] = []      # the steps that were
        # what is allowed where rounding turned a choice: at both of the steps sampled last, and at the last
        self._turned: dict[Key, tuple[Any, Any]] = {}
        # the most allowed in each tensor, in parts of what `_scale` returns and as it is, at the step sampled last and at recent ones
        self._before: dict[Key, tuple[float, float]] = {}
        self._recent: dict[Key, deque[tuple[float, float]]] = {}

    def sample(self, number: int, batch: Any, start: State, gaps: Mapping[Key, Array], hidden: State = _NONE) -> dict[Key, Array]:
        """Return how far each number of that step from that state may be off; of what is carried, its change.

        Few samples are enough where the `gaps` are within half of what they allow. `hidden` says how far off parts of the state are already
        that the other side does not show; of these, the value may be off so far.
        """
        generator = torch.Generator().manual_seed(self.seed + number)
        is_plain = True
        last: dict[Key, Array] = {}      # what each number may be off in any case

        def step() -> dict[Key, Tensor]:
            nonlocal is_plain
            own = start if is_plain else {k: _moved(value, hidden[k], generator) if k in hidden else value for k, value in start.items()}
            is_plain = False
            self.reference.load(own)
            numbers = self.reference.numbers(number, batch)
            if not last:
                last.update({key: np.abs(each.double().numpy(force=True)) * self.last + self.tiny for key, each in numbers.items()})
            return {key: _change(key, each, own, hidden) for key, each in numbers.items() if each.is_floating_point()}

        def is_enough(allowed: Mapping[Key, Tensor]) -> bool:
            return all((each <= allowed[key].numpy(force=True) + last[key]).all() for key, each in gaps.items() if key in allowed)

        units = self.unit, self.accumulation
        found = sampled(step, self.c, units=units, seed=self.seed + 1000 * number, is_enough=is_enough)
        is_plain = True
        again = step()
        if not all(torch.equal(again[key].nan_to_num(), each.nan_to_num()) for key, each in found.plain.items()):
            expected = "a module, and an optimiser, that keep what they change in parameters, buffers and the optimiser's state"
            raise ProblemError(f"the reference does not make step {number} again as it did; expected {expected}")
        self.unknown |= found.unknown
        self.sampled.append(number)
        allowed: dict[Key, Array] = {key: each.numpy(force=True).astype(np.float64) for key, each in found.allowed.items()}
        is_stage_turned = any(bool(each.any()) for (phase, _), each in found.turned.items() if phase in ("activations", "output", "errors"))
        for key, largest in found.largest.items():
            recent = self._recent.setdefault(key, deque(maxlen=_RECENT))
            is_turned = bool(recent) and largest[1] > TURNED * max(most for _, most in recent)
            if is_turned or is_stage_turned:      # a choice that rounding turns moves all that comes from it
                allowed[key] = np.where(found.turned[key].numpy(force=True), allowed[key], 2 * allowed[key])
            recent.append(min(largest, self._before[key], key=lambda each: each[1]) if is_turned else largest)
            self._before[key] = largest
            if key[0] in _BY_PARAMETER:
                now, before = np.where(found.turned[key].numpy(force=True), allowed[key], 0.0), self._turned.get(key, (0.0, 0.0))[1]
                self._turned[key] = np.minimum(now, before), now
        return {key: each + last[key] for key, each in allowed.items()}

    def sample_evaluation(self, batch: Any, state: State, gaps: Mapping[Key, Array]) -> dict[Key, Array]:
        """Return how far each output in evaluation from that state may be off."""
        def outputs() -> dict[Key, Tensor]:
            self.reference.load(state)
            return {key: each for key, each in self.reference.evaluation(batch).items() if each.is_floating_point()}

        found = sampled(outputs, self.c, units=(self.unit, self.accumulation), seed=self.seed)
        allowed = {key: each + found.plain[key].abs() * self.last + self.tiny for key, each in found.allowed.items()}
        return {key: each.numpy(force=True) for key, each in allowed.items()}

    def nearby(self, key: Key, value: Array, before: Array | None = None) -> Array:
        """Return what the steps sampled before allow in values that one side has, of what is carried from `before` in their changes."""
        allowed = np.abs(value, dtype=np.float64) * (self.last / HALF) + self.tiny
        if key in self._recent and value.dtype.kind == "f":
            scale = _scale(_of(key, value, before))
            with np.errstate(invalid="ignore"):      # of 0 times a part that is infinite
                nearby = [np.fmin(part * scale, _GROWTH * most) for part, most in set(self._recent[key])]
            allowed += np.maximum.reduce(nearby)
            if key in self._turned:
                allowed = np.maximum(allowed, self._turned[key][0])
        return allowed

    def share(self, key: Key, gap: Array, value: Array, before: Array | None = None) -> float:
        """Return the largest part that the gaps are of that, or more, if it is less than half; infinite where a gap is NaN."""
        most = float(gap.max(initial=0.0))
        if most == 0 or value.dtype.kind != "f":
            return most
        if key in self._recent:
            size = _root_mean_square(_of(key, value, before))
            least = max(min(part * size, _GROWTH * most) if size > 0 else 0.0 for part, most in self._recent[key])
            if most <= HALF * least:
                return most / least
        return share(gap, self.nearby(key, value, before))


def share(gap: Array, allowed: Array) -> float:
    """Return the largest part that the gaps are of what is allowed; infinite where a gap is NaN, which is never equal."""
    most = float(gap.max(initial=0.0))
    if most == 0:
        return 0.0
    part = float((gap / np.maximum(allowed, _NOTHING)).max())
    return part if part == part else math.inf


def _of(key: Key, value: Array, before: Array | None) -> Array:
    return value - before if before is not None and key[0] in CARRIED else value


def _change(key: Key, value: Tensor, start: State, hidden: State) -> Tensor:
    """Return the change of what is carried and not hidden, and the value of all else."""
    return value - start[key] if key[0] in CARRIED and key in start and key not in hidden else value


def _moved(value: Tensor, off: Tensor, generator: torch.Generator) -> Tensor:
    """Return the value with noise so that twice its spread is `off`; what is nowhere negative, as squares, stays so."""
    moved = value + torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value) * off / 2
    return moved.abs() if bool((value >= 0).all()) else moved


def _scale(value: Array) -> Array:
    """Return each number's size and the root mean square of all in its tensor."""
    size = np.abs(value, dtype=np.float64)
    mean = _root_mean_square(size)
    return np.asarray((size if mean < math.inf else np.where(size < math.inf, size, 0.0)) + mean)


def _root_mean_square(value: Array) -> float:
    """Return that of all finite numbers: −∞ of a mask does not count."""
    flat = value.ravel()
    total = float(np.dot(flat, flat))
    if not 0 < total < math.inf:      # or too small to be squared in float32
        flat = np.where(np.isfinite(flat), flat, 0.0).astype(np.float64)
        total = float(np.dot(flat, flat))
    return math.sqrt(total / max(1, flat.size))
