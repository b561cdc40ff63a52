"""The result of a comparison: the verdict, the first divergence, the worst agreement, and the series over the steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from compare.implementation import Array, StepRecord
from compare.pieces import LOSSES
from compare.problem import Problem

Mode = Literal["free", "follow"]
Verdict = Literal["equivalent", "different"]
Key = tuple[str, str]      # (phase, tensor)


@dataclass(frozen=True)
class Difference:
    """One number of one step, on both sides.

    `step` counts from 1. `phase` is a field of `StepRecord`, or "prediction" for the outputs at the test records after the last
    step; `tensor` is the parameter's or layer's name, or the phase's where it has one array. `allowed` is the envelope's bound on
    |actual − expected|, `ulps` the difference in units in the last place of the larger of the two. `reason` says why numbers cannot
    be compared, where they cannot: they are not finite, or they are None because the array is missing or misshapen.
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
    def at(
        cls, step: int, phase: str, tensor: str, index: tuple[Any, ...], actual: Array, expected: Array, allowed: Array
    ) -> "Difference":
        """The difference of the two arrays at that index."""
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
        place = tuple(int(i) for i in index)
        return cls(step, phase, tensor, place, float(a), float(e), gap, float(allowed[index]), ulps, reason)

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
class KeptStep:
    """One step as both sides showed it, beside its envelope."""

    step: int
    actual: StepRecord
    expected: StepRecord
    allowed: StepRecord


@dataclass(frozen=True)
class Comparison:
    """Two implementations, trained side by side.

    `steps` is how many were compared; `compared` how many numbers. `worst` is the difference with the largest share of its bound
    among the steps that the screen found nearest to theirs; None for large networks, where that would cost more than the run. `series`
    holds, by (phase, tensor), each step's largest difference. `drift` is the largest gap between the two sides' weights before the last
    step. `stopped` says why the run ended before its last step, or is None. `followed_from` is the step from which a run in free mode went
    on in follow mode because of drift, or None.
    """

    problem: Problem
    mode: Mode
    steps: int
    compared: int
    first_divergence: Difference | None
    worst: Difference | None
    agreed: tuple[Key, ...]
    series: Mapping[Key, Array]
    drift: float
    predictions: tuple[Array, Array] | None
    final_parameters: tuple[Mapping[str, Array] | None, Mapping[str, Array] | None]
    stopped: str | None = None
    followed_from: int | None = None
    kept: Mapping[int, KeptStep] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """ "equivalent" where every number of every step was within its bound; else "different"."""
        return "equivalent" if self.first_divergence is None else "different"

    @property
    def accuracies(self) -> tuple[float, float] | None:
        """The share of the test records that each side puts into the right class; None without targets from 0 to 1 or classes, without test
        records, or with NaN.

        A record's class is the one with the largest output, or by a single output the side of ½ (of 0, for a logit) on which it lies.
        """
        if self.predictions is None or self.problem.test is None:
            return None
        y = self.problem.test[1]
        if not all(np.isfinite(outputs).all() for outputs in self.predictions) or (y.ndim == 2 and (y.min() < 0 or y.max() > 1)):
            return None
        threshold = 0.0 if self.problem.loss.endswith("with_logits") else 0.5
        if y.ndim == 1 or LOSSES[self.problem.loss].targets == "classes":
            right = [outputs.argmax(axis=-1) == (y if y.ndim == 1 else y.argmax(axis=-1)) for outputs in self.predictions]
        else:
            right = [(outputs > threshold) == (y > 0.5) for outputs in self.predictions]
        return float(np.mean(right[0])), float(np.mean(right[1]))

    def explanation(self) -> str:
        """The verdict in words: what was compared, and where the two sides part, if they do."""
        found = self.first_divergence
        if found is None:
            text = f"equivalent: {self.compared} numbers in {_count(self.steps, 'step')}, each within what rounding allows"
            if self.followed_from is not None:
                text += f"\n  from step {self.followed_from} on in follow mode: so far had the two sides' weights drifted apart"
            return text
        where = f"step {found.step}, {found.phase}" + ("" if found.tensor == found.phase else f" {found.tensor}")
        lines = [f"different: first at {where}" + ("" if not found.index else f", index {found.index}")]
        if found.actual is not None and found.expected is not None:
            lines += [
                f"  actual      {found.actual!r}",
                f"  expected    {found.expected!r}",
                f"  difference  {found.difference:.3g}, {found.ulps:.3g} ulp",
                f"  allowed     {found.allowed:.3g} by rounding" + (f"; {found.share:.3g} times that" if np.isfinite(found.share) else ""),
            ]
        if found.reason:
            lines.append(f"  because     {found.reason}")
        whole_steps = found.step if found.phase == "prediction" else found.step - 1
        before = [f"every number of {_count(whole_steps, 'step')}"] if whole_steps else []
        before += [phase if phase == tensor else f"{phase} {tensor}" for phase, tensor in self.agreed]
        lines.append(f"  agreed before it: {', '.join(before) if before else 'nothing'}")
        return "\n".join(lines)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
