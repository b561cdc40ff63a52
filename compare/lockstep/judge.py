"""The judge of a perceptron's steps: what rounding allows in them is sampled at some, and clears the others.

Both sides start each step from weights of their own. What their distance makes of each number is the formulas' own answer: the step is
computed from both starts, and the difference is taken away before the numbers are compared. So drift neither hides a wrong step nor makes
one of a right one.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..formulas.sampled import Precision, Sampled
from ..formulas.step import carried, predictions, step
from ..problem.problem import Problem
from ..rounding.allowance import Allowance, share
from ..rounding.spread import FEW, HALF, SAMPLES, spread
from ..sides.interface import CARRIED, Key, StepRecord
from ..support.arrays import Array, Batch
from .difference import ComparedStep, Difference, largest_share, record_of

_AT_ONCE = 1 << 22      # numbers of a layer in all samples that are run at once
_UNLIKE = 0.25      # of the norm of errors δ
State = Mapping[str, Array]
Note = Callable[["Judged", range], bool]


@dataclass(frozen=True)
class Block:
    """Some steps of both sides, with their numbers and batches: arrays have a leading axis of steps.

    `starts` are the states before each step of the actual and the expected side: parameters, buffers and the optimiser's state, by name.
    Of what the actual side does not show, its state is as the formulas have it, and `hidden` says how far that may be off, of one step.
    """

    steps: Sequence[int]
    batches: Sequence[Batch]
    actual: StepRecord
    expected: StepRecord
    starts: tuple[State, State]
    hidden: State

    @cached_property
    def pairs(self) -> dict[Key, tuple[Array, Array]]:
        """The arrays that both sides show, by (phase, tensor), in the order of comparison."""
        shown = {(phase, tensor): array for phase, tensor, array in self.actual.tensors()}
        expected = {(phase, tensor): array for phase, tensor, array in self.expected.tensors()}
        return {key: (shown[key], array) for key, array in expected.items() if key in shown}

    def before(self, key: Key) -> Array | None:
        """Return what the expected side carried into the steps, if the array is carried."""
        return self.starts[1].get(key[1]) if key[0] in CARRIED else None


class Judge:
    """What rounding allows in a run of so many steps, and what the sides' distance makes of their numbers."""

    def __init__(self, problem: Problem, steps: int) -> None:
        self.problem = problem
        records = max(problem.batch_lengths(problem.steps_per_epoch))
        parameters = sum(array.size for array in problem.initial_parameters.values())
        self.allowance = Allowance(problem.dtype, steps * (3 * parameters + 2 * records * sum(problem.sizes[1:])))
        self.factors = carried(problem)
        room = _AT_ONCE // max(parameters, records * max(problem.sizes))
        self._at_once = 2 if room < 4 else 4 if room < 8 else 8      # samples

    def judged(self, block: Block, note: "Note" = lambda judged, positions: False) -> "Judged":
        """Compare every number that both sides show, and sample the steps that those sampled before do not clear.

        `note` is told of the positions of steps that are judged, in their order, and says whether no more need be sampled.
        """
        with np.errstate(all="ignore"):
            found, n = Judged(self, block), len(block.steps)
            is_decided, done = note(found, range(0)), 0
            if block.hidden:
                found.shift(range(n))
            while done < n and not is_decided:
                i = found.next(done)
                is_decided = note(found, range(done, i))
                if i < n and not is_decided:
                    found.sample(i)
                    is_decided = note(found, range(i, i + 1))
                done = i + 1
            note(found, range(done, n))
        return found

    def shifts(self, block: Block, at: Array) -> tuple[dict[Key, Array], bool]:
        """Return what the distance of both starts makes of each number of those steps, and whether an error δ is no longer like itself."""
        batch, steps = _stacked([block.batches[i] for i in at]), np.asarray(block.steps)[at]
        actual, expected = (step(self.problem, batch, steps, _exactly(start, at)) for start in block.starts)
        is_lost = any(_is_unlike(each.value, expected[key].value) for key, each in actual.items() if key[0] == "errors")
        return {key: _apart(each, expected[key]) for key, each in actual.items()}, is_lost

    def sampled(
        self, block: Block, i: int, gaps: Mapping[Key, Array], shift: Mapping[Key, Array], wanted: Collection[Key] | None
    ) -> dict[Key, Array]:
        """Return how far each number of a step may be off, or those that are `wanted` and what comes before them.

        `shift` is what the starts' distance makes of each number, and `gaps` what is left by it. Few samples are enough where they are
        within half of what these allow.
        """
        batch, number = block.batches[i], block.steps[i]
        starts = [{name: array[i].astype(np.float64) for name, array in start.items()} for start in block.starts]
        added, only = block.actual.deltas is None, None if wanted is None else self._parameters(wanted)

        def run(start: Mapping[str, Sampled]) -> dict[Key, Sampled]:
            return step(self.problem, batch, number, start, only=only, added_by_record=added)

        return self._sampled(number, starts, block.hidden, run, gaps, shift)

    def _parameters(self, wanted: Collection[Key]) -> list[str]:
        """Return the parameters whose gradients have to be computed to get to those numbers."""
        of_errors = {f"{tensor}.weight" for phase, tensor in wanted if phase == "errors"}
        tensors = {tensor for phase, tensor in wanted if phase in CARRIED or phase in ("grads", "deltas")}
        of_state = {tensor.rpartition(".")[0] for tensor in tensors}
        return [name for name in self.problem.shapes() if name in of_errors | tensors | of_state]

    def sampled_predictions(self, x: Array, starts: tuple[State, State], hidden: State) -> tuple[Array, Array]:
        """Return how far each prediction may be off, and what the weights' distance makes of it."""
        key = ("prediction", "prediction")
        before = [{name: array.astype(np.float64) for name, array in start.items()} for start in starts]
        shift = _apart(*(predictions(self.problem, x, _exactly(start)) for start in before))
        allowed = self._sampled(None, before, hidden, lambda start: {key: predictions(self.problem, x, start)}, {}, {key: shift})
        return allowed[key], shift

    def _sampled(
        self,
        number: int | None,
        starts: Sequence[State],
        hidden: State,
        run: Callable[[Mapping[str, Sampled]], dict[Key, Sampled]],
        gaps: Mapping[Key, Array],
        shift: Mapping[Key, Array],
    ) -> dict[Key, Array]:
        """Return how far each number may be off.

        Where the starts are not the same, half of the samples are from the one and half from the other: each side rounds at its own.
        """
        allowance = self.allowance
        is_one = not hidden and all(np.array_equal(array, starts[0][name]) for name, array in starts[1].items())
        plain, squares, most = dict[Key, Array](), dict[Key, Array](), dict[Key, Array]()
        for done in range(self._at_once, SAMPLES + 1, self._at_once):
            made: list[dict[Key, Sampled]] = []
            for side, start in enumerate(starts[:1] if is_one else starts):
                samples = self._at_once if is_one else self._at_once // 2
                seed = 2 * (SAMPLES * (number or 0) + done) + side
                precision = Precision(self.problem.dtype, samples=samples, amplitude=allowance.c / 2, seed=seed, alike=True)
                own = {name: _start(array, None if side else hidden.get(name), precision) for name, array in start.items()}
                made.append(run(own))
                for key, each in made[-1].items():
                    changed = each.since(own[key[1]]) if key[0] in CARRIED and key[1] not in hidden else each
                    total, largest = changed.spread()
                    squares[key] = squares.get(key, 0.0) + total
                    most[key] = np.maximum(most.get(key, 0.0), largest)
                    if done == self._at_once and not side:
                        plain[key] = changed.value
            if done == self._at_once:
                last = {key: allowance.last(np.maximum(*(np.abs(side[key].value) for side in (made[0], made[-1])))) for key in plain}
            if done in (*FEW, SAMPLES):
                found = spread(plain, squares, most, done, allowance.units)
                if gaps and all((gap <= HALF * found.allowed[key] + last[key]).all() for key, gap in gaps.items() if key in last):
                    break
        found_here: dict[Key, Array] = {key: each + last[key] for key, each in found.allowed.items()}
        allowed = found_here if number is None else allowance.learn(number, found, last)
        for key, most_off in allowed.items():      # a number that is rounding alone is so from either start: the shift of two such is none
            is_noise = ((shift.get(key, 0.0) != 0) | bool(hidden)) & (most_off > np.abs(plain[key]))
            allowed[key] = np.asarray(np.where(is_noise, 2 * most_off, most_off))
        return allowed


class Judged:
    """A block with what was found of it: each step's largest difference and largest share of what is allowed, by (phase, tensor)."""

    def __init__(self, judge: Judge, block: Block) -> None:
        self.judge, self.block = judge, block
        self.differences: dict[Key, Array] = {}
        self.shares: dict[Key, Array] = {}
        self.allowed: dict[int, dict[Key, Array]] = {}      # by position, of the steps that were sampled
        self.shifted: dict[int, dict[Key, Array]] = {}      # by position, of the steps whose starts were looked at
        self.is_lost = False      # whether some error δ is no longer like itself on the other side
        self._gaps: dict[Key, Array] = {}
        for key, (actual, expected) in block.pairs.items():
            self._gaps[key] = gap = np.abs(actual - self._with_drift(key, expected))
            self.differences[key] = gap.reshape(len(gap), -1).max(axis=1)
        self._look(0)

    def next(self, first: int) -> int:
        """Return the position of the next step to be sampled, from the first, or the number of steps; without what drift makes of them."""
        steps, allowance = self.block.steps, self.judge.allowance
        due = next((i for i in range(first, len(steps)) if allowance.is_due(steps[i])), len(steps))
        if not first and any(allowance.has_grown(key, expected[0]) for key, expected in self._hidden()):
            due = 0
        if len(left := self._beyond(first, due)):
            self.shift(left)
            left = self._beyond(first, due)
        return int(left[0]) if len(left) else due

    def _beyond(self, first: int, end: int) -> Any:
        """Return the positions of the steps from the first to the end that are not cleared."""
        largest = np.max([shares[first:end] for shares in self.shares.values()], axis=0, initial=0.0)
        return first + np.flatnonzero(~(largest <= HALF))

    def shift(self, positions: Iterable[int]) -> None:
        """Take away from those steps what their starts' distance makes of them, and look again."""
        left = np.array([i for i in positions if i not in self.shifted], dtype=int)
        if not len(left):
            return
        shifts, is_lost = self.judge.shifts(self.block, left)
        self.is_lost |= is_lost
        for place, i in enumerate(map(int, left)):
            self.shifted[i] = {key: each[place] for key, each in shifts.items()}
            for key, (actual, _) in self.block.pairs.items():
                self._gaps[key][i] = np.abs(actual[i] - self.expected(key, i))
        self._look(int(left[0]))

    def sample(self, i: int) -> None:
        """Sample the step at that position, all of it where that is due, else what is not cleared; and look again at those after it."""
        self.shift([i])
        is_whole = bool(self.block.hidden) or self.judge.allowance.is_due(self.block.steps[i])
        wanted = None if is_whole else [key for key, shares in self.shares.items() if not shares[i] <= HALF]
        gaps = {key: self.gap(key, i) for key in wanted or self.block.pairs}
        self.allowed[i] = self.judge.sampled(self.block, i, gaps, self.shifted[i], wanted)
        for key, allowed in self.allowed[i].items():
            if key in self.shares:
                self.shares[key][i] = share(self.gap(key, i), allowed)
        self._look(i + 1)

    def _look(self, first: int) -> None:
        """See how much of what the steps sampled so far allow each step's differences are, from the first."""
        if first >= len(self.block.steps):
            return
        for key, (_, expected) in self.block.pairs.items():
            before = self.block.before(key)
            own = self.judge.allowance.shares(key, self._gaps[key][first:], expected[first:], None if before is None else before[first:])
            self.shares[key] = np.concatenate([self.shares[key][:first], own]) if first else own

    def gap(self, key: Key, i: int) -> Array:
        """Return |actual − expected| of one step's array, without what the starts' distance makes of it."""
        return np.asarray(self._gaps[key][i])

    def expected(self, key: Key, i: int) -> Array:
        """Return the expected side's array of one step, as it would be from the actual side's start."""
        expected = self.block.pairs[key][1]
        if i in self.shifted:
            return np.asarray(expected[i] + self.shifted[i].get(key, 0.0))
        return np.asarray(self._with_drift(key, expected[i : i + 1], slice(i, i + 1))[0])

    def allowed_at(self, key: Key, i: int) -> Array:
        """Return what is allowed in one step's array: as sampled, or by the steps sampled before."""
        if key in self.allowed.get(i, {}):
            return self.allowed[i][key]
        before = self.block.before(key)
        return self.judge.allowance.nearby(key, self.block.pairs[key][1][i], None if before is None else before[i])

    def difference(self, key: Key, i: int) -> Difference:
        """Return the number of one step's array that is nearest to what is allowed."""
        actual, expected = self.block.pairs[key]
        shown = self.expected(key, i).astype(expected.dtype)
        return largest_share(int(self.block.steps[i]), key, actual[i, ...], shown, self.allowed_at(key, i))

    def compared_step(self, i: int) -> ComparedStep:
        """Return one step as reports show it."""
        block = self.block
        before = {name: block.starts[0][name][i] for name in self.judge.problem.initial_parameters}
        allowed = record_of({key: self.allowed_at(key, i) for key in block.pairs})
        shift = {key: (self.expected(key, i) - expected[i]).astype(expected.dtype) for key, (_, expected) in block.pairs.items()}
        return ComparedStep(int(block.steps[i]), block.actual.at(i), block.expected.at(i), allowed, before, shift)

    def state_after(self, i: int) -> dict[str, Array]:
        """Return the state after one step, as the actual side has it: as it shows it, or as the formulas have it."""
        own = {name: array[i] for name, array in self.block.actual.carried.items()}
        for key, expected in self._hidden():
            own[key[1]] = expected[i] + self.shifted[i].get(key, 0.0)
        return own

    def hidden_after(self, i: int) -> dict[str, Array]:
        """Return how far that may be off which the actual side does not show: as it was sampled, or by the step's rounding more."""
        found: dict[str, Array] = {}
        for key, expected in self._hidden():
            name, more = key[1], self.allowed_at(key, i) if i in self.allowed else self.judge.allowance.nearby(key, expected[i])
            found[name] = more if i in self.allowed else np.hypot(self.judge.factors[name] * self.block.hidden[name], more)
        return found

    def _hidden(self) -> Iterator[tuple[Key, Array]]:
        """Yield what the expected side carries on and the actual side does not show."""
        expected = ((phase, name, array) for phase, name, array in self.block.expected.tensors() if phase in CARRIED)
        return (((phase, name), array) for phase, name, array in expected if name in self.block.hidden)

    def _with_drift(self, key: Key, expected: Array, steps: Any = slice(None)) -> Array:
        """Add to what is carried the part of the starts' distance that it carries on."""
        name = key[1]
        if key[0] not in CARRIED or name in self.block.hidden:
            return expected
        return np.asarray(expected + self.judge.factors[name] * (self.block.starts[0][name][steps] - self.block.starts[1][name][steps]))


def _start(value: Array, hidden: Array | None, precision: Precision) -> Sampled:
    """Return an array of the state that a step starts from, of which it may be `hidden` how far it is off."""
    start = Sampled.exact(value, precision)
    if hidden is None:
        return start
    n = precision.samples
    size = np.where(np.arange(n) % 2, 1e-8 ** precision.shares(n), 1.0)      # in half by much less: what is divided by it may be large
    size, factors = (each.reshape(-1, *[1] * value.ndim) for each in (size, precision.factors))
    moved = value + precision.drawn(value) * hidden * size * factors
    if (value >= 0).all():      # as squares, which stay so, and may be next to nothing where they are as far off as they are large
        moved = np.abs(np.where(hidden >= value, moved - value * (1 - size), moved))
    rows = np.concatenate([value[None], moved])
    return Sampled(rows, precision)


def _exactly(state: State, at: Any = ...) -> dict[str, Sampled]:
    """Return a state, or that of some steps, as numbers without samples."""
    precision = Precision(np.float64, samples=0)
    return {name: Sampled.exact(array[at], precision) for name, array in state.items()}


def _apart(actual: Sampled, expected: Sampled) -> Array:
    """Return the difference between the numbers from the actual side's start and from the expected side's."""
    return np.asarray(np.nan_to_num(actual.value - expected.value, nan=0.0, posinf=0.0, neginf=0.0))


def _stacked(batches: Sequence[Batch]) -> tuple[Any, ...]:
    """Return the steps' batches as one: inputs and targets stacked, unless all are the same."""
    first = batches[0]
    if all(batch[0] is first[0] for batch in batches) and len(first) == 2:
        return first
    x, y = (np.stack([batch[i] for batch in batches]) for i in (0, 1))
    return (x, y, {name: np.stack([batch[2][name] for batch in batches]) for name in first[2]}) if len(first) > 2 else (x, y)


def _is_unlike(actual: Array, expected: Array) -> bool:
    """Return whether in some step what there is from the two starts (steps, …) differs by a good part of its size."""
    one, other = (each.reshape(len(each), -1) for each in (actual, expected))
    sizes = np.maximum(np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1))
    return bool((np.linalg.norm(one - other, axis=1) > _UNLIKE * sizes).any())
