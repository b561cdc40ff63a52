"""The lockstep of a module problem: the reference module and a candidate beside it, each number of each step judged by sampled rounding."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..problem.of_module import ModuleProblem
from ..problem.validation import is_whole
from ..rounding.allowance import Allowance
from ..rounding.difference import ComparedStep, Difference, Key, Mode
from ..rounding.sampling import CHANCE
from ..sides.candidates import candidate_of
from ..sides.interface import CARRIED, Implementation, StepRecord, abilities_of
from ..sides.module import ModuleSide
from ..support.arrays import Array
from ..support.errors import ProblemError
from .numbers import (
    Record,
    as_arrays,
    as_tensors,
    by_key,
    common,
    compared_step,
    gap,
    layout_fault,
    nearest_difference,
    parameters,
    shares_of,
)
from .result import Comparison, Rounding

_CLEARLY = 4      # times what rounding allows
HALF = 0.5      # of what the steps sampled before allow clears a step


class ModuleRun:
    """A run of the loop: both sides, their state, and the findings so far."""

    def __init__(self, actual: Implementation, problem: ModuleProblem, steps: int, mode: Mode, keep: Collection[int]) -> None:
        self.actual, self.problem, self.steps, self.mode = actual, problem, steps, mode
        self.keep = frozenset(keep)
        self.expected = ModuleSide(problem, plain=True)
        self.notes: list[str] = []
        shown = self._checked_reference()
        numbers = sum(tensor.numel() for tensor in shown.values()) * steps
        self.allowance = Allowance(self._in_double(), "tf32" if problem.tf32 else problem.dtype, numbers, seed=problem.seed)
        self.done = 0
        self.followed_from: int | None = None
        self.stopped: str | None = None
        self.divergence: Difference | None = None
        self.agreed: tuple[Key, ...] = ()
        self.worst: Difference | None = None
        self.compared = 0
        self.drift = 0.0
        self.series: dict[Key, list[float]] = {}
        self.kept: dict[int, ComparedStep] = {}
        self.moved: set[str] = set()
        self.hidden: dict[Key, Array] = {}      # how far state may be off that the actual side does not show
        self.trained = [name for name, each in self.expected.parameters.items() if each.requires_grad]
        self.now: Record = as_arrays(self.expected.state())
        self.actual_now: Record = {key: array for key, array in self.now.items() if key[0] == "params"}
        if isinstance(actual, ModuleSide):
            self.actual_now = self.now
        actual.load_state_dict({name: array for (phase, name), array in self.now.items()})

    def run(self) -> Comparison:
        """Run and judge all steps, and return the result."""
        for number in range(1, self.steps + 1):
            self._step(number)
            if self.stopped is not None or self.divergence is not None:
                break
        self.series = {key: np.array(values) for key, values in self.series.items()}  # type: ignore[misc]
        weights = [name for name in self.trained if self.expected.parameters[name].dim() > 1] or self.trained
        unmoved = [name for name in weights if name not in self.moved] if self.divergence is None else []
        rounding = Rounding(
            c=self.allowance.c,
            samples=self.allowance.samples,
            chance=CHANCE,
            unknown=tuple(sorted(self.allowance.unknown)),
            sampled=tuple(self.allowance.sampled),
            unmoved=tuple(unmoved),
            notes=tuple(self.notes),
        )
        return Comparison(
            problem=self.problem,  # type: ignore[arg-type]    # of which only a perceptron's report asks more
            mode=self.mode,
            steps=self.done,
            compared=self.compared,
            first_divergence=self.divergence,
            worst=self.worst,
            agreed=self.agreed,
            series=self.series,  # type: ignore[arg-type]
            drift=self.drift,
            predictions=None,
            final_parameters=(parameters(self.actual_now), parameters(self.now)),
            stopped=self.stopped,
            followed_from=self.followed_from,
            kept=self.kept,
            rounding=rounding,
            part=self.expected.part_of(self.divergence.phase, self.divergence.tensor) if self.divergence else None,
        )

    def _step(self, number: int) -> None:
        batch = self.problem.batch(number)
        before_actual, before = self.actual_now, self.now
        if self.mode == "follow" or self.followed_from is not None:
            before = {**before, **before_actual}
            self.expected.load(as_tensors(before))
        record = self._actual_step(number, batch)
        expected = as_arrays(self.expected.numbers(number, batch))
        self.done = number
        if isinstance(self.actual, ModuleSide):      # whose submodules may be others
            record = common(record, expected)
        fault = layout_fault(number, record, expected)
        if fault is not None:
            self.divergence = fault
            return
        actual = {key: np.asarray(array) for key, array in by_key(record).items() if key in expected}
        if not actual:
            raise ProblemError("the two sides show nothing in common: nothing was compared, and nothing is proved")
        if not any(key[0] == "params" for key in actual) and self.steps > 1 and self.trained:
            raise ProblemError("params are not shown after each step; expected them, to know where the next step starts")
        drift = {key: before_actual[key] - array for key, array in before.items() if key in before_actual and array.dtype.kind == "f"}
        self.drift = max((float(np.abs(each).max(initial=0.0)) for (phase, _), each in drift.items() if phase == "params"), default=0.0)
        self._judge(number, batch, actual, expected, before, before_actual, drift)
        self.now = {key: array for key, array in expected.items() if key[0] in CARRIED}
        self.actual_now = {key: array for key, array in actual.items() if key[0] in CARRIED}

    def _actual_step(self, number: int, batch: Any) -> StepRecord:
        if isinstance(self.actual, ModuleSide) or not abilities_of(self.actual).draws:
            return self.actual.step(*batch)
        with torch.random.fork_rng([]):
            torch.manual_seed(self.problem.seed_of(number))
            return self.actual.step(*batch)

    def _judge(
        self, number: int, batch: Any, actual: Record, expected: Record, before: Record, before_actual: Record, drift: Record
    ) -> None:
        """Compare every number of the step with what rounding allows.

        What the steps that were sampled do not clear is compared with the reference's step from the actual side's own start, and what that
        does not clear is sampled.
        """
        pairs = {key: (array, expected[key] + drift[key] if key in drift else expected[key]) for key, array in actual.items()}
        gaps = {key: gap(*pair) for key, pair in pairs.items()}
        for key, each in gaps.items():
            self.compared += each.size
            self.series.setdefault(key, []).append(float(each.max(initial=0.0)))
        allowed = self._nearby(pairs, before)
        shares = shares_of(gaps, allowed)
        is_sampled = not self.allowance.sampled or number in self.keep
        if max(shares.values()) > HALF or is_sampled:
            start = {**before, **before_actual}
            if any(each.any() for each in drift.values()):
                again = self._again(number, batch, start)
                self._follow_if_lost(number, expected, again)
                pairs = {key: (array, again[key]) for key, array in actual.items()}
                gaps = {key: gap(*pair) for key, pair in pairs.items()}
                allowed = self._nearby(pairs, start)
                shares = shares_of(gaps, allowed)
            if max(shares.values()) > HALF or is_sampled:
                hidden = as_tensors({key: off for key, off in self.hidden.items() if key in start})
                sampled = self.allowance.sample(number, batch, as_tensors(start), hidden)
                self.hidden |= {key: off for key, off in sampled.items() if key in self.hidden}
                allowed = {key: sampled.get(key, 0.0) + self._last(e) for key, (_, e) in pairs.items()}
                shares = shares_of(gaps, allowed)
                self._note_moved(pairs, allowed)
        self._age_hidden(number, actual, expected, before)
        wrong = next((key for key, share in shares.items() if share > 1), None)
        nearest = wrong or max(shares, key=lambda key: shares[key])
        if wrong is not None or self.worst is None or shares[nearest] > self.worst.share:
            self.worst = nearest_difference(number, nearest, *pairs[nearest], allowed[nearest])
        if wrong is not None:
            order = list(pairs)
            self.divergence, self.agreed = self.worst, tuple(order[: order.index(wrong)])
        if number in self.keep or wrong is not None:
            self.kept[number] = compared_step(number, actual, {key: e for key, (_, e) in pairs.items()}, allowed, before, drift)
        if not all(np.isfinite(e).all() for key, (_, e) in pairs.items() if key[0] in ("loss", "grads", "params")):
            self.stopped = f"numbers are no longer finite at step {number}: a smaller learning rate may help"

    def _again(self, number: int, batch: Any, start: Record) -> Record:
        """Have the reference make the step from another start, and return to its own."""
        own = self.expected.state()
        self.expected.load(as_tensors(start))
        again = as_arrays(self.expected.numbers(number, batch))
        self.expected.load(own)
        return again

    def _follow_if_lost(self, number: int, expected: Record, again: Record) -> None:
        """Go over to follow mode where the gradients at the two sides' weights are no longer alike."""
        for name in self.trained:
            one, other = (np.linalg.norm(each["grads", name].astype(np.float64)) for each in (expected, again))
            apart = np.linalg.norm(expected["grads", name].astype(np.float64) - again["grads", name])
            if self.followed_from is None and self.expected.parameters[name].dim() > 1 and apart > max(one, other) > 0:
                self.followed_from = number

    def _age_hidden(self, number: int, actual: Record, expected: Record, before: Record) -> None:
        """Add this step's rounding to how far the state may be off that the actual side does not show."""
        for key, value in expected.items():
            is_known = key in self.hidden and number in self.allowance.sampled
            if key[0] not in CARRIED or key in actual or value.dtype.kind != "f" or is_known:
                continue
            off = self.allowance.nearby(key, value - before[key] if key in before else value) + self._last(value)
            self.hidden[key] = np.hypot(off, self.hidden.get(key, 0.0))

    def _last(self, value: Array) -> Array:
        return self.allowance.last(value) if value.dtype.kind == "f" else np.zeros(value.shape)

    def _nearby(self, pairs: Mapping[Key, tuple[Array, Array]], start: Record) -> dict[Key, Array]:
        """Return what the steps sampled so far allow in this one."""
        allowed = {}
        for key, (_, value) in pairs.items():
            change = value - start[key] if key[0] in CARRIED and key in start and value.dtype.kind == "f" else value
            nearby = self.allowance.nearby(key, change) if value.dtype.kind == "f" else 0.0
            allowed[key] = self._last(value) / HALF + nearby
        return allowed

    def _note_moved(self, pairs: Mapping[Key, tuple[Array, Array]], allowed: Record) -> None:
        """Note the parameters whose step is clearly larger than what rounding allows."""
        for name in self.trained:
            for key in (("deltas", name), ("grads", name)):
                if key in pairs and bool((np.abs(pairs[key][1]) > _CLEARLY * allowed[key]).any()):
                    self.moved.add(name)

    def _checked_reference(self) -> Mapping[Key, Tensor]:
        """Make the first step twice, from another copy; raise where the two differ."""
        sides = [ModuleSide(self.problem, plain=True) for _ in range(2)]
        first, again = (side.numbers(1, self.problem.batch(1)) for side in sides)
        differs = next((key for key in first if not torch.equal(first[key].nan_to_num(), again[key].nan_to_num())), None)
        if differs is not None:
            where = differs[1] if differs[0] == differs[1] else f"{differs[0]} {differs[1]}"
            expected = "a module that draws from PyTorch's generators alone, or from none"
            raise ProblemError(f"the reference gives another {where} when the same step is made again; expected {expected}")
        return first

    def _in_double(self) -> ModuleSide:
        """Return the reference in float64; in its own dtype where it insists on that."""
        try:
            side = ModuleSide(self.problem, plain=True, dtype="float64")
            side.numbers(1, self.problem.batch(1))
        except ProblemError:
            if self.problem.dtype == "float64":
                raise
            self.notes.append(f"the reference does not run in float64; its rounding is sampled in {self.problem.dtype}")
            return ModuleSide(self.problem, plain=True)
        return ModuleSide(self.problem, plain=True, dtype="float64")


def train_beside_module(
    candidate: Any,
    problem: ModuleProblem,
    *,
    steps: int,
    mode: Mode = "free",
    names: Mapping[str, str] | None = None,
    stages: bool = True,
    keep: Collection[int] = (),
) -> Comparison:
    """Train a candidate beside the problem's module for that many steps, and compare each step.

    In `free` mode each side keeps its own weights, in `follow` mode the reference starts each step from the candidate's. Wherever rounding
    in the step itself does not explain a difference, the reference makes the same step from the candidate's weights too, so that what
    earlier steps have left between the two weights never counts, and never hides anything. With `stages` the submodules of a candidate
    that is a module are compared as well.

    Raises ProblemError for anything that cannot be trained or compared.
    """
    if not is_whole(steps, least=1):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 1: comparing nothing proves nothing")
    if mode not in ("free", "follow"):
        raise ProblemError(f"mode is {mode!r}; expected 'free' or 'follow'")
    side = candidate_of(candidate, problem, names, stages=stages)
    with np.errstate(all="ignore"):
        return ModuleRun(side, problem, steps, mode, keep).run()
