"""What rounding allows in each number of a run: sampled at some steps, and carried from there to the steps around.

At a step that is sampled, each number may be c σ of its own off. At the other steps c σ is estimated: of each tensor what is usual, in
parts of the number's size and of the tensor's, is taken to be the least of the steps sampled last, and what is within that is cleared; of
a parameter's number also what is within half of its own c σ at both of the last two, and nothing that is beyond many times that. A step
with a number beyond it is sampled itself. So one step in which rounding weighs much, or one such number, says nothing of the others; nor
does one in which a tensor is rounding alone, of larger ones. The first two steps are sampled, whatever is cleared, and some more as the run
grows longer.
"""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..sides.interface import CARRIED, Key
from ..support.arrays import Array
from .spread import HALF, LAST, SAMPLES, TURNED, Spread, critical, root_mean_square, root_mean_squares, scale

UNITS = {      # the unit roundoff of results by dtype, and that of the sums behind them
    "float64": (2.0**-53, 2.0**-53),
    "float32": (2.0**-24, 2.0**-24),
    "bfloat16": (2.0**-9, 2.0**-24),
    "float16": (2.0**-12, 2.0**-24),
    "tf32": (2.0**-24, 2.0**-11),
}
_NOTHING = 1e-320      # allowed where nothing is
_BY_PARAMETER = ("grads", "state", "deltas", "params")      # phases whose numbers are the same ones at each step
_GROWTH = 4.0      # times what a sampled step allows in most of a tensor's numbers is the most that it can clear in another
_DUE = (1, 2, 11, 67, 521, 4_099, 32_771, 262_147, 2_097_169, 16_777_259)      # the first primes after powers of 8
_MANY = 16.0      # times what a parameter's number was allowed itself is the most that what is usual clears of it
_RECENT = 8      # steps that were sampled
_ALLOWS = 2.0      # times what is usual counts as allowed at other steps, where half of that clears


class Allowance:
    """What rounding allows. `numbers` is how many are compared in the whole run."""

    def __init__(self, kind: str, numbers: int) -> None:
        self.units = self.unit, self.accumulation = UNITS[kind]
        self.tiny = float(np.finfo("float64" if kind == "float64" else "float32").smallest_normal)
        self.c = critical(SAMPLES, numbers)
        self.sampled, self.turned = list[int](), list[int]()      # the steps that were; those at which rounding turned a choice
        # what is allowed in each number, and its tensor's size, at the last two steps that were sampled; and the most that is usual clears
        self._own: dict[Key, deque[tuple[Array, float]]] = {}
        self._most: dict[Key, Array | None] = {}
        # what is usually allowed in each tensor, in parts of what `scale` returns and as it is, at recent steps
        self._recent: dict[Key, deque[tuple[float, float]]] = {}

    def is_due(self, number: int) -> bool:
        """Return whether that step is sampled in any case: 1, 2, 11, 67, 521 and so on, which of batches that come again are several."""
        return number in _DUE

    def last(self, value: Array) -> Array:
        """Return how far each number may be off however it was made: by its last roundings."""
        return np.asarray(np.abs(value, dtype=np.float64) * (LAST * self.unit) + self.tiny)

    def learn(self, number: int, found: Spread[Key], last: Mapping[Key, Array]) -> dict[Key, Array]:
        """Take over what was sampled at that step, and return what is allowed in it."""
        self.sampled.append(number)
        allowed = dict(found.allowed)
        is_stage_turned = any(bool(each.any()) for (phase, _), each in found.turned.items() if phase in ("activations", "output", "errors"))
        self.turned += [number] if is_stage_turned else []
        for key, usual in found.usual.items():
            recent = self._recent.setdefault(key, deque(maxlen=_RECENT))
            is_turned = bool(recent) and float(allowed[key].max(initial=0.0)) > TURNED * max(most for _, most in recent)
            if is_turned or is_stage_turned:      # a choice that rounding turns moves all that comes from it
                allowed[key] = np.where(found.turned[key], allowed[key], 2 * allowed[key])
            if usual[0] > 0:
                recent.append(usual)
            if key[0] in _BY_PARAMETER and found.sizes[key] > 0:
                self._keep_own(key, np.where(found.turned[key] & (allowed[key] < found.sizes[key]), 0.0, allowed[key]), found.sizes[key])
        return {key: each + last[key] for key, each in allowed.items()}

    def _keep_own(self, key: Key, allowed: Array, size: float) -> None:
        """Keep what is allowed in each number of a parameter's, 0 where a choice is turned, and the most that clears it at other steps."""
        own = self._own.setdefault(key, deque(maxlen=2))
        own.append((allowed, size))
        with np.errstate(divide="ignore"):
            least = np.minimum.reduce([each for each, _ in own])
            most = np.where(least > 0, _MANY * np.maximum.reduce([each / then for each, then in own]), math.inf)
        parts = [part for part, _ in self._recent[key]]
        self._most[key] = most if parts and most.min(initial=math.inf) < _ALLOWS * min(parts) else None

    def _usual(self, key: Key, size: Any, mean: Any) -> Any:
        """Return what is usual in numbers of that size, of a tensor of that root mean square; 0 where no step that was sampled tells."""
        least: Any = math.inf
        for part, most in set(self._recent[key]):
            tells = part < HALF or mean * part <= _GROWTH * most      # or it was rounding alone, and is now larger
            least = np.minimum(least, np.where(tells, np.fmin(part * size, _GROWTH * most), math.inf))
        return np.where(least < math.inf, _ALLOWS * least, 0.0)

    def nearby(self, key: Key, value: Array, before: Array | None = None) -> Array:
        """Return what the steps sampled before allow in values that one side has, of what is carried from `before` in their changes."""
        allowed = np.abs(value, dtype=np.float64) * (LAST * self.unit / HALF) + self.tiny
        if self._recent.get(key) and value.dtype.kind == "f":
            change = _of(key, value, before)
            now = root_mean_square(change)
            usual = self._usual(key, scale(change), now)
            if (most := self._most.get(key)) is not None:
                usual = np.minimum(usual, most * now)
            allowed += usual
            if len(own := self._own.get(key, ())) == 2:
                of_own = (np.where((now <= _GROWTH * then) | (each < then), each * min(now / then, _GROWTH), 0.0) for each, then in own)
                allowed = np.maximum(allowed, np.minimum(*of_own))
        return allowed

    def has_grown(self, key: Key, value: Array) -> bool:
        """Return whether a tensor is so much larger than at the steps sampled before that these say nothing of it."""
        sizes = [most / part for part, most in self._recent.get(key, ())]
        return root_mean_square(value) > _GROWTH * max(sizes, default=0.0)

    def share(self, key: Key, gap: Array, value: Array, before: Array | None = None) -> float:
        """Return the largest part that the gaps are of that, or more, if it is less than half; infinite where a gap is NaN."""
        return float(self.shares(key, gap[None], value[None], None if before is None else before[None])[0])

    def shares(self, key: Key, gaps: Array, values: Array, before: Array | None = None) -> Array:
        """Return the same for each of several steps, stacked."""
        most = gaps.reshape(len(gaps), -1).max(axis=1, initial=0.0).astype(np.float64)
        if values.dtype.kind != "f":
            return np.asarray(most)
        parts = np.full(len(gaps), math.inf)
        if self._recent.get(key):
            sizes = root_mean_squares(_of(key, values, before))
            least = self._usual(key, sizes, sizes)
            parts = np.divide(most, least, out=parts, where=least > 0)
            if (cap := self._most.get(key)) is not None:
                parts = np.maximum(parts, np.divide((gaps / cap).reshape(len(gaps), -1).max(axis=1), sizes, where=sizes > 0, out=parts * 0))
        parts[most == 0] = 0.0
        for i in np.flatnonzero(~(parts <= HALF)):
            parts[i] = share(gaps[i], self.nearby(key, values[i], None if before is None else before[i]))
        return parts


def share(gap: Array, allowed: Array) -> float:
    """Return the largest part that the gaps are of what is allowed; infinite where a gap is NaN, which is never equal."""
    most = float(gap.max(initial=0.0))
    if most == 0:
        return 0.0
    if not np.isfinite(allowed).all():      # no bound is known, so that nothing but equality is within it
        allowed = np.where(np.isfinite(allowed), allowed, 0.0)
    return float(np.nan_to_num((gap / np.maximum(allowed, _NOTHING)).max(), nan=math.inf, posinf=math.inf))


def _of(key: Key, value: Array, before: Array | None) -> Array:
    return value - before if before is not None and key[0] in CARRIED else value
