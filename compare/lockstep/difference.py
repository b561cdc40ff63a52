"""A `Difference` is one number on both sides; a `ComparedStep` is one step of both sides beside what rounding allows in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np

from ..sides.interface import ONE, Key, StepRecord
from ..support.arrays import Array

Mode = Literal["free", "follow"]
Verdict = Literal["equivalent", "different"]


@dataclass(frozen=True)
class Difference:
    """One number of one step, on both sides.

    `step` counts from 1. `phase` is a field of `StepRecord`, or "prediction" for the outputs at the test records after the last
    step; `tensor` is the parameter's or layer's name, or the phase's where it has one array. `allowed` is what rounding allows
    of |actual − expected|, `ulps` the difference in units in the last place of the larger of the two. `reason` says why the numbers cannot
    be compared, if they cannot: they are not finite, or they are None because the array is missing or misshapen.
    """

    step: int
    phase: str
    tensor: str
    index: tuple[int, ...] | None = None
    actual: float | None = None
    expected: float | None = None
    difference: float | None = None
    allowed: float | None = None
    ulps: float | None = None
    reason: str | None = None

    @classmethod
    def at(cls, step: int, phase: str, tensor: str, index: tuple[Any, ...], actual: Array, expected: Array, allowed: Array) -> Self:
        """Return the difference of the two arrays at that index."""
        a, e = actual[index], expected[index]
        with np.errstate(all="ignore"):
            gap = float(np.abs(a - e))
            ulps = float(gap / np.spacing(np.maximum(np.abs(a), np.abs(e))))
        reason = None
        if not (np.isfinite(a) and np.isfinite(e)):
            one = "the actual side is" if np.isfinite(e) else "the expected side is"
            who = one if np.isfinite(a) or np.isfinite(e) else "both sides are"
            reason = f"{who} no longer finite, and what is not finite is never equal"
        elif gap != 0 and not np.isfinite(allowed[index]):
            reason = "the numbers are so large that no bound on their rounding can be computed"
        return cls(step, phase, tensor, tuple(int(i) for i in index), float(a), float(e), gap, float(allowed[index]), ulps, reason)

    def place(self, *, of_phase: bool = True) -> str:
        """Return step, tensor and index in words; the tensor with its phase, unless its name says that already."""
        tensor = f"{self.phase} {self.tensor}" if of_phase and self.tensor != self.phase else self.tensor
        return f"step {self.step}, {tensor}" + (f", index {list(self.index)}" if self.index else "")

    def lines(self) -> list[str]:
        """Return both sides' numbers and what rounding allows, a line each, and the reason, if there is one."""
        lines = []
        if self.actual is not None and self.expected is not None:
            lines += [
                f"  actual      {self.actual!r}",
                f"  expected    {self.expected!r}",
                f"  difference  {self.difference:.3g}, {self.ulps:.3g} ulp",
                f"  allowed     {self.allowed:.3g} by rounding" + (f"; {self.share:.3g} times that" if np.isfinite(self.share) else ""),
            ]
        return [*lines, f"  because     {self.reason}"] if self.reason else lines

    @property
    def share(self) -> float:
        """The difference as a share of what rounding allows; 0 where nothing is allowed and nothing differs."""
        if self.difference is None or self.allowed is None:
            return np.inf
        if self.difference == 0:
            return 0.0
        return self.difference / self.allowed if self.allowed > 0 else np.inf

    @property
    def is_allowed(self) -> bool:
        """Whether rounding can explain the difference."""
        return self.reason is None and self.share <= 1


@dataclass(frozen=True)
class ComparedStep:
    """One step as both sides showed it, beside what rounding allows in it.

    `before` are the parameters that the actual side started from. `shift` is what a start of the expected side's own makes of each array.
    """

    step: int
    actual: StepRecord
    expected: StepRecord
    allowed: StepRecord
    before: Mapping[str, Array]
    shift: Mapping[Key, Array] = field(default_factory=dict)

    def tensors(self) -> Iterator[tuple[Key, Array, Array, Array]]:
        """Yield each array that both show as ((phase, tensor), actual, expected, allowed), in the order of comparison.

        The shift is taken away, as in the comparison, so that the difference is the step's own.
        """
        shown, allowed = ({(phase, name): array for phase, name, array in record.tensors()} for record in (self.actual, self.allowed))
        for phase, name, array in self.expected.tensors():
            if (key := (phase, name)) in shown:
                yield key, shown[key], array + self.shift[key] if key in self.shift else array, allowed[key]

    def deltas(self) -> Iterator[tuple[str, Array, Array, Array]]:
        """Yield each parameter's step as (name, actual, expected, allowed), by layers; after − before if only parameters are shown."""
        phase = "deltas" if self.actual.deltas and self.expected.deltas else "params"
        for (shown, name), actual, expected, allowed in reversed(list(self.tensors())):
            if shown == phase:
                start = 0.0 if phase == "deltas" else self.before[name]
                yield name, actual - start, expected - start, allowed

    def gradients(self) -> Iterator[tuple[str, Array, Array, Array]]:
        """Yield each parameter's gradient as (name, actual, expected, allowed), by layers."""
        rows = reversed(list(self.tensors()))
        yield from ((name, actual, expected, allowed) for (phase, name), actual, expected, allowed in rows if phase == "grads")


def record_of(arrays: Mapping[Key, Array]) -> StepRecord:
    """Return the arrays by (phase, tensor) as a record."""
    fields: dict[str, Any] = {}
    for (phase, name), array in arrays.items():
        if phase == name and phase in ONE:
            fields[phase] = array
        else:
            fields.setdefault(phase, {})[name] = array
    return StepRecord(**fields)


def shares(actual: Array, expected: Array, allowed: Array) -> Array:
    """Return |actual − expected| as a share of `allowed`: 0 where they are equal, infinite where they or their bound are not finite."""
    with np.errstate(all="ignore"):
        gap = np.abs(actual - expected)
        share = np.divide(gap, allowed, out=np.zeros(gap.shape), where=gap != 0)
    return np.where((gap == 0) | (np.isfinite(gap) & np.isfinite(allowed)), share, np.inf)


def largest_share(step: int, key: Key, actual: Array, expected: Array, allowed: Array) -> Difference:
    """Return the number of one step's array with the largest share of what is allowed; of those beyond it, the largest difference."""
    share = shares(actual, expected, allowed)
    if (beyond := share > 1).any():      # shares are sampled, and differences are not
        with np.errstate(all="ignore"):
            share = np.where(beyond, np.nan_to_num(np.abs(actual - expected), nan=np.inf), -1.0)
    return Difference.at(step, *key, np.unravel_index(int(np.argmax(share)), share.shape), actual, expected, allowed)


def on_unknown(calls: Sequence[str]) -> list[str]:
    """Return the line that says which of PyTorch's calls have no row in the noise table, if any."""
    return [f"the noise table has no row for {', '.join(calls)}, in which honest programs may be farther apart"] if calls else []
