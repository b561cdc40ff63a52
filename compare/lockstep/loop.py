"""The loop: feed both sides the same weights and inputs, step by step, and have each step judged.

Steps are run and judged in blocks, each side's in one go, so that both keep their caches warm.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..problem.validation import is_whole
from ..rounding.arithmetic import Precision
from ..rounding.block import Block, Later
from ..rounding.difference import Difference, KeptStep, Key, Mode, largest_share
from ..rounding.envelope import decay, envelope, prediction_envelope
from ..rounding.large_screen import Products, largest_by_row
from ..sides.interface import Implementation, InBlocks, StepRecord, stack
from ..sides.validation import LayoutError, checked_array, checked_record
from ..support.arrays import Array, Batch
from ..support.errors import LostInDriftError, ProblemError
from .judge import Screening, first_divergence, is_lost_in_drift, nearest_to_bounds, screened, with_envelope
from .result import Comparison

_BLOCK_STEPS = 256
_BLOCK_BYTES = 1 << 23
_ENVELOPES_AT_ONCE = 32

Parameters = Mapping[str, Array]
Phases = tuple[str, ...]


def train_in_lockstep(
    actual: Implementation,
    expected: Implementation,
    problem: Problem,
    *,
    steps: int,
    mode: Mode = "free",
    keep: Collection[int] = (),
    observe_after: Collection[int] = (),
    observe: Callable[[int], None] = lambda step: None,
    progress: Callable[[int], None] = lambda step: None,
) -> Comparison:
    """Train both sides for that many steps from the problem's initial parameters, and compare each step.

    In `free` mode each side keeps its own weights, and the gap with which the two enter a step is measured; in `follow` mode the
    expected side is given the actual side's weights before each step. Where drift has grown so large that in free mode the bounds
    would say nothing any more, the run goes on in follow mode from that block of steps on, and the comparison says so.

    The comparison keeps the records of the steps in `keep`, and with them that of the first step that differs. `observe(step)` is
    called after each step in `observe_after`, when both sides stand there; `progress(step)` after each block.

    Buffers and optimiser state carry over from step to step on each side, in `follow` mode too. Where both sides show theirs, the gap is
    measured; where the actual side does not, it is bounded by what rounding can have made of it.

    Raises ProblemError for a number of steps below 1, an unknown mode, or two sides that show nothing in common, and LostInDriftError
    where drift has grown so large and the expected side cannot follow.
    """
    if not is_whole(steps, least=1):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 1: comparing nothing proves nothing")
    if mode not in ("free", "follow"):
        raise ProblemError(f"mode is {mode!r}; expected 'free' or 'follow'")
    run = _Run(actual, expected, problem, mode, steps, keep)
    with np.errstate(all="ignore"):
        for positions in blocks(problem, steps, observe_after, run.most):
            run.advance(positions)
            if run.stopped:
                break
            progress(positions[-1])
            if positions[-1] in observe_after:
                observe(positions[-1])
        return run.finish()


class _Run:
    """A comparison in the making."""

    def __init__(
        self, actual: Implementation, expected: Implementation, problem: Problem, mode: Mode, steps: int, keep: Collection[int]
    ) -> None:
        self.actual, self.expected, self.problem, self.mode, self.steps = actual, expected, problem, mode, steps
        self.keep = frozenset(keep)
        start = initial_state(problem)
        own = [getattr(side, "start", {}) for side in (actual, expected)]      # of a recorded side, which cannot be given another
        self.now: tuple[Parameters, Parameters] = ({**start, **own[0]}, {**start, **own[1]})      # what each carries from step to step
        self.apart = dict.fromkeys(problem.initial_parameters, 0.0)      # how far the deltas shown can have taken the weights apart
        self.decay = decay(problem)
        self.state_gaps = {name: np.zeros(array.shape) for name, array in start.items() if name not in problem.initial_parameters}
        self.is_ours = isinstance(expected, InBlocks) and expected.takes_blocks      # the expected side is one of the two backends
        self.looks_back = problem.is_plain_descent and not self.state_gaps and all(_has_parameters(side) for side in (actual, expected))
        self.can_follow = getattr(expected, "follows", self.is_ours or not self.state_gaps)      # anyone's would lose its optimiser's state
        if mode == "follow" and not self.can_follow:
            why = "a recorded run cannot follow, nor can an expected side of your own whose optimiser or normalisation keeps state"
            raise ProblemError(f"{why}; use mode 'free'")
        self.products = Products(problem)
        self.done = 0
        self.compared = 0
        self.mode_now = mode
        self.followed_from: int | None = None
        self.stopped: str | None = None
        self.divergence: Difference | None = None
        self.agreed: tuple[Key, ...] = ()
        self.series: dict[Key, list[Array]] = {}
        self.kept: dict[int, KeptStep] = {}
        self.phases: tuple[Phases | None, Phases | None] = (None, None)      # those that each side shows
        self.suspects: list[Block] = []
        self.nearest: dict[Key, tuple[float, int, Block]] = {}      # the largest share of the screen's bound, and where
        self.drift = 0.0
        self.most = _most_steps(problem)
        self.copies = not (problem.is_large and self.most == 1)      # of what blocks start from, where only deltas are shown
        self.at_once = min(_ENVELOPES_AT_ONCE, self.most)
        if self.state_gaps and not (isinstance(actual, InBlocks) and actual.takes_blocks):
            self.most = 1      # a side that may not show what it carries: its gap is bounded step by step
        for side in (actual, expected):
            side.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})

    def advance(self, numbers: list[int]) -> None:
        """Run those steps on both sides, and judge them."""
        batches = [self.problem.batch(number) for number in numbers]
        actual: StepRecord | None
        fault: LayoutError | None = None
        try:
            actual = _records(self.actual, self.problem, batches, phases=self.phases[0])
        except LayoutError as error:
            actual, fault = error.before, error
            batches = batches[: error.position]
        if actual is not None:
            self._judge(numbers[: len(batches)], batches, actual)
        if fault is not None and self.stopped is None:
            self.stopped = f"the actual side's record of step {numbers[fault.position]} cannot be compared"
            self._settle()
            if self.divergence is None:
                self.divergence = Difference(numbers[fault.position], fault.phase, fault.tensor, reason=str(fault))
            self.done = numbers[fault.position]

    def _judge(self, numbers: list[int], batches: list[Batch], actual: StepRecord) -> None:
        restore = None
        if isinstance(self.expected, InBlocks) and self.state_gaps and self.mode_now == "free":
            restore = self.expected.checkpoint()
        block = self._block(numbers, batches, actual)
        self.phases = block.actual.phases, block.expected.phases
        if not block.pairs:
            raise ProblemError("the two sides show nothing in common: nothing was compared, and nothing is proved")
        screening = screened(self.problem, block, self.products)
        suspects = self._suspects(block, screening)
        if suspects is not None and self.mode_now == "free" and self.can_follow and is_lost_in_drift(self.problem, suspects):
            if block.actual.params is None and not self.copies:
                for name in self.apart:
                    apart = self.apart[name] + float(np.sum(screening.differences["deltas", name]))
                    ours, theirs = (side.parameter(name) for side in self._own())
                    self._drift_of(name, ours, theirs, apart, numbers[-1])
            if block.actual.params is None and self.divergence is None:
                why = f"the two sides' weights have drifted so far apart by step {numbers[0]} that bounds on them say nothing"
                raise ProblemError(f"{why}, and params are not shown; expected them, to go on in follow mode")
            if self.divergence is None:
                self.mode_now, self.followed_from = "follow", numbers[0]
                if restore is not None:
                    restore()
                block = self._block(numbers, batches, actual)
                screening = screened(self.problem, block, self.products)
                suspects = self._suspects(block, screening)
        if self.divergence is None and suspects is not None:
            self.suspects.append(suspects)
            is_lost = not self.can_follow and is_lost_in_drift(self.problem, suspects)
            self._settle(unless_fewer_than=1 if is_lost else self.at_once)
            if is_lost and self.divergence is None:
                why = f"the two sides' weights have drifted so far apart by step {numbers[-1]} that bounds on them say nothing"
                raise LostInDriftError(f"{why}, and the expected side cannot follow; expected fewer steps, or a smaller learning rate")

        finite = np.isfinite(list(screening.differences.values())).all(axis=0)
        n = len(numbers) if finite.all() else int(np.argmin(finite)) + 1
        if n < len(numbers) or not finite.all():
            self.stopped = f"numbers are no longer finite at step {numbers[n - 1]}: a smaller learning rate may help"
        for key, largest in screening.differences.items():
            self.series.setdefault(key, []).append(largest[:n])
        self.compared += n * sum(expected[0].size for _, expected in block.pairs.values())
        self.done = numbers[n - 1]
        if block.actual.params is not None or not self.looks_back:
            self.drift = max(float(np.abs(block.drift[name][n - 1]).max()) for name in self.problem.initial_parameters)
        self._carry_on(block, n - 1)

        if self.keep:
            self._keep([block], self.keep.intersection(numbers[:n]))
        if self.divergence is None and not self.problem.is_large:
            for key, shares in screening.shares.items():
                position = int(np.argmax(shares))
                if key not in self.nearest or shares[position] > self.nearest[key][0]:
                    self.nearest[key] = (float(shares[position]), position, block)

    def _suspects(self, block: Block, screening: Screening) -> Block | None:
        """The steps for the envelope, if any: those that the screen does not clear, or all where the expected side may be anyone's.

        The screen's bounds are below the envelope's only for an expected side that is itself honest.
        """
        positions = screening.suspects() if self.is_ours else np.arange(len(block.steps))
        return block.at(positions) if len(positions) else None

    def _settle(self, unless_fewer_than: int = 1) -> None:
        """Have the envelope decide about the steps that the screen did not clear, once there are so many of them."""
        if self.divergence is None and sum(len(block.steps) for block in self.suspects) >= unless_fewer_than:
            found = first_divergence(self.problem, self.suspects)
            if found is not None:
                self.divergence, self.agreed = found
                if self.keep:
                    self._keep(self.suspects, {self.divergence.step})
            self.suspects = []

    def _keep(self, blocks: list[Block], numbers: Collection[int]) -> None:
        """Keep the records of those steps, beside their envelopes."""
        for block in blocks:
            chosen = np.flatnonzero(np.isin(block.steps, list(numbers)))
            if len(chosen):
                self.kept |= {kept.step: kept for kept in with_envelope(self.problem, block.at(chosen))}

    def _block(self, numbers: list[int], batches: list[Batch], actual: StepRecord) -> Block:
        """Run the expected side beside what the actual side has done."""
        names = self.problem.initial_parameters
        follows = self.mode_now == "follow"
        if self.looks_back and actual.params is None and not follows:
            return self._block_from_deltas(numbers, batches, actual)
        if follows and actual.params is None:
            raise ProblemError("params are not shown after each step; expected them, for the expected side to follow")
        before_actual = _before(self.now[0], actual, len(numbers))
        if not names.keys() <= before_actual.keys():
            raise ProblemError("params are not shown after each step; expected them, to know where the next step starts")
        start = {name: before_actual[name] for name in names} if follows else None
        try:
            expected = _records(self.expected, self.problem, batches, start, self.phases[1])
        except LayoutError as error:
            raise ProblemError(f"the expected side's record of step {numbers[error.position]} cannot be used: {error}") from None
        before = _before(self.now[1], expected, len(numbers)) | (start or {})
        if len(before) < len(names) + len(self.state_gaps):
            raise ProblemError("the expected side does not show its buffers or optimiser state; expected them after each step")
        x, y = _stacked_inputs(batches)
        masks = {index: np.array([batch[2][index] for batch in batches]) for index in (batches[0][2] if len(batches[0]) > 2 else ())}
        known = {**names, **shown_state(actual)}
        drift = {name: before_actual[name] - array for name, array in before.items() if name in known}
        gaps = {name: gap[None] for name, gap in self.state_gaps.items() if name not in drift}
        return Block(np.array(numbers), x, y, masks, before, drift, gaps, self.decay, actual, expected)

    def _block_from_deltas(self, numbers: list[int], batches: list[Batch], actual: StepRecord) -> Block:
        """The same, of sides that show deltas and no parameters: what a step started from is worked out from them if it is asked for.

        It is the sum of what the block started from and the deltas; for networks so large that they are not copied, what the side ends with
        less its deltas, and what that rounds counts as a gap.
        """
        expected = _records(self.expected, self.problem, batches, None, self.phases[1])
        if actual.deltas is None or expected.deltas is None:
            raise ProblemError("neither params nor deltas are shown; expected either, to know where a step starts")
        x, y = _stacked_inputs(batches)
        names, records = self.problem.initial_parameters, (actual, expected)
        if not self.copies:
            ends = tuple({name: side.parameter(name) for name in names} for side in self._own())

            def before(side: int, name: str, rows: Any) -> Array:
                return _less_deltas(ends[side][name], records[side], name, rows)
        else:
            starts = self.now

            def before(side: int, name: str, rows: Any) -> Array:
                return _plus_deltas(starts[side][name], records[side], name)[:-1, rows]

        theirs = Later(names, lambda name, rows: before(1, name, rows))

        def drift(name: str, rows: Any) -> Array:
            gap = before(0, name, rows) - theirs.rows(name, rows)
            if self.copies:
                return np.asarray(gap)
            moved = np.abs(theirs.rows(name, rows)) + np.abs(expected.deltas[name][:, rows]).sum(axis=0)  # type: ignore[index]
            gap += np.copysign(Precision(self.problem.dtype).u * (len(numbers) + 1) * moved, gap)
            return np.where(np.isfinite(gap), gap, 0)

        return Block(np.array(numbers), x, y, {}, theirs, Later(names, drift), {}, self.decay, actual, expected)

    def _own(self) -> Any:
        """The two sides, where both are asked for their parameters."""
        return self.actual, self.expected

    def _follow_up(self, block: Block) -> None:
        """Take over the parameters after a block that shows deltas alone: the actual side's must have moved by just these."""
        names, u = self.problem.initial_parameters, Precision(self.problem.dtype).u
        if not self.copies:
            for name in names:
                self.apart[name] += float(np.sum(self.series["deltas", name][-1]))
            return
        after = [{name: np.array(side.parameter(name)) for name in names} for side in self._own()]
        for name in names:
            deltas = block.actual.deltas[name]  # type: ignore[index]
            expected = _plus_deltas(self.now[0][name], block.actual, name)[-1]
            allowed = u * (len(deltas) + 1) * (np.abs(expected) + np.abs(self.now[0][name]) + np.abs(deltas).sum(axis=0))
            self._must_be(self.done, name, after[0][name], expected, allowed)
        self.now = after[0], after[1]

    def _must_be(self, step: int, name: str, actual: Array, expected: Array, allowed: Array) -> None:
        """That step's divergence, unless the parameter is what the deltas that were shown make of it."""
        worst = largest_share(step, ("params", name), actual, expected, allowed)
        if not worst.is_allowed and np.isfinite(expected).all():
            self._settle()
            why = "the weights have not moved by the deltas that are shown"
            self.divergence = self.divergence or replace(worst, reason=why)

    def _carry_on(self, block: Block, position: int) -> None:
        """Take down what each side carries on from the step at that position."""
        if block.actual.params is None and self.looks_back and self.mode_now == "free":
            if position == len(block.steps) - 1:
                self._follow_up(block)
            return
        self.now = _after(self.now[0], block.actual, position), _after(self.now[1], block.expected, position)
        if self.state_gaps.keys() - self.now[0].keys():
            bounds = envelope(self.problem, block)
            self.state_gaps = {name: gap[position] for name, gap in ((bounds.buffers or {}) | (bounds.state or {})).items()}  # type: ignore[operator]

    def finish(self) -> Comparison:
        """The predictions after the last step, and the result."""
        self._settle()
        predictions = None
        if self.looks_back and "params" not in (self.phases[0] or ()):
            self.now = self.actual.state_dict(), self.expected.state_dict()  # type: ignore[attr-defined]
            self.drift = max(
                self._drift_of(name, self.now[0][name], self.now[1][name], apart, self.done) for name, apart in self.apart.items()
            )
        if self.stopped is None and self.problem.test is not None and self.problem.initial_parameters.keys() <= self.now[0].keys():
            predictions = self._judged_predictions(*self.problem.test)
        worst = [self.divergence] if self.divergence else []
        nearest = {int(block.steps[position]): block.at(np.array([position])) for _, position, block in self.nearest.values()}
        blocks = list(nearest.values())
        for start in range(0, len(blocks), self.at_once):
            worst += nearest_to_bounds(self.problem, blocks[start : start + self.at_once])
        return Comparison(
            problem=self.problem,
            mode=self.mode,
            steps=self.done,
            compared=self.compared,
            first_divergence=self.divergence,
            worst=max(worst, key=lambda difference: difference.share, default=None),
            agreed=self.agreed,
            series={key: np.concatenate(parts) for key, parts in self.series.items()},
            drift=self.drift,
            predictions=predictions,
            final_parameters=(self._final(self.now[0]), self._final(self.now[1])),
            stopped=self.stopped,
            followed_from=self.followed_from,
            kept=self.kept,
        )

    def _drift_of(self, name: str, ours: Array, theirs: Array, apart: float, step: int) -> float:
        """The largest gap between the two sides' parameters of that name after that step.

        Where blocks do not copy them, it has to be accounted for by how far the deltas shown are `apart`, and by rounding.
        """
        gap = float(largest_by_row(np.atleast_2d(ours), np.atleast_2d(theirs)).max())
        if not self.copies and self.stopped is None:
            most = np.abs(self.problem.initial_parameters[name]).max() + np.abs(theirs).max()
            allowed = apart + Precision(self.problem.dtype).u * step * float(most)
            if gap > allowed:
                self._must_be(step, name, ours, theirs, np.full_like(theirs, allowed))
        return gap

    def _final(self, carried: Parameters) -> dict[str, Array] | None:
        """The parameters and buffers, if they are shown."""
        names = [*self.problem.initial_parameters, *self.problem.buffer_shapes()]
        return {name: carried[name] for name in names if name in carried} or None

    def _judged_predictions(self, x: Array, y: Array) -> tuple[Array, Array] | None:
        outputs: list[Array] = []
        for side in (self.actual, self.expected):
            try:
                dtype = getattr(side, "dtype", self.problem.dtype)
                outputs.append(checked_array(side.predict(x), (len(x), self.problem.sizes[-1]), dtype))
            except LayoutError as error:
                self.divergence = self.divergence or Difference(self.done, "prediction", "prediction", reason=str(error))
                return None
        actual, expected = self.now
        gaps = {name: np.abs(actual[name] - expected[name]) if name in actual else self.state_gaps[name] for name in expected}
        allowed = prediction_envelope(self.problem, x, expected, gaps)
        worst = largest_share(self.done, ("prediction", "prediction"), outputs[0], outputs[1], allowed)
        self.compared += outputs[0].size
        if self.divergence is None and not worst.is_allowed:
            self.divergence = worst
        return outputs[0], outputs[1]


def _stacked_inputs(batches: list[Batch]) -> tuple[Array, Array]:
    """The inputs and targets of the steps, stacked unless all have the same."""
    x, y = batches[0][:2]
    if all(batch[0] is x for batch in batches):
        return x, y
    return np.array([batch[0] for batch in batches]), np.array([batch[1] for batch in batches])


def _has_parameters(side: Implementation) -> bool:
    """Whether the side takes blocks, and can be asked for its parameters between them."""
    return isinstance(side, InBlocks) and side.takes_blocks and all(hasattr(side, name) for name in ("parameter", "state_dict"))


def _less_deltas(after: Array, record: StepRecord, name: str, rows: Any) -> Array:
    """Rows of a parameter before each step, given it after the last."""
    deltas = record.deltas[name][:, rows]  # type: ignore[index]
    return np.asarray(after[rows] - (deltas if len(deltas) == 1 else np.cumsum(deltas[::-1], axis=0)[::-1]))


def _plus_deltas(start: Array, record: StepRecord, name: str) -> Array:
    """A parameter before each step and after the last, given it before the first: summed up as w ← w + Δw sums it."""
    return np.cumsum(np.concatenate([start[None], record.deltas[name]]), axis=0)  # type: ignore[index]


def initial_state(problem: Problem) -> dict[str, Array]:
    """What both sides carry into step 1, by name: parameters, running statistics, and an optimiser's state of zeros."""
    statistics = {name: array for name, array in problem.initial_buffers().items() if name in problem.buffer_shapes()}
    kept = {name: np.zeros(shape, problem.dtype) for name, shape in problem.state_shapes().items()}
    return {**problem.initial_parameters, **statistics, **kept}


def blocks(problem: Problem, steps: int, ends: Collection[int] = (), most: int | None = None) -> Iterator[list[int]]:
    """The steps 1 … `steps` in blocks of batches of one shape, of at most `most` steps, and ending at each of `ends`."""
    most = _most_steps(problem) if most is None else most
    block: list[int] = []
    lengths = problem.batch_lengths(steps + 1)
    length = next(lengths)
    for number, following in enumerate(lengths, start=1):
        block.append(number)
        if number == steps or following != length or len(block) == most or number in ends:
            yield block
            block = []
        length = following


def _most_steps(problem: Problem) -> int:
    """How many steps are run, or given an envelope, at once."""
    parameters = sum(array.size for array in problem.initial_parameters.values()) * (1 + len(problem.slots))
    records = max(problem.batch_lengths(problem.steps_per_epoch))
    bytes_per_step = 16 * (3 * parameters + records * sum(problem.sizes[1:]))      # of both sides, and of an envelope's arrays
    return min(_BLOCK_STEPS, max(1, _BLOCK_BYTES // bytes_per_step))


def _records(
    side: Implementation,
    problem: Problem,
    batches: list[Batch],
    before: Parameters | None = None,
    phases: Phases | None = None,
) -> StepRecord:
    """The side's steps on those batches, stacked, each from the parameters given in `before` if there are any.

    What a step shows, every step must show: the `phases` of earlier steps, if there were any.
    Raises LayoutError at the first record that cannot be compared.
    """
    if isinstance(side, InBlocks) and side.takes_blocks:
        return side.steps(batches, before)
    records: list[StepRecord] = []
    for position, batch in enumerate(batches):
        if before is not None:
            side.load_state_dict({name: array[position] for name, array in before.items()})
        try:
            dtype = getattr(side, "dtype", problem.dtype)
            records.append(checked_record(side.step(*batch), problem, batch, phases, dtype))
            phases = records[0].phases
        except LayoutError as error:
            raise error.at(len(records), stack(records) if records else None) from None
    return stack(records)


def _before(start: Parameters, record: StepRecord, n: int) -> dict[str, Array]:
    """What is carried into each of n steps, by name: what there is at the start, then what is shown after each step but the last."""
    after = shown_state(record)
    before: dict[str, Array] = {}
    for name, array in start.items():
        if name in after:
            before[name] = np.concatenate([array[None], after[name][:-1]])
        elif n == 1:
            before[name] = array[None]
        else:
            raise ProblemError(f"{name} is not shown after each step; expected it, to know where the next step starts")
        before[name].flags.writeable = False
    return before


def _after(before: Parameters, record: StepRecord, position: int) -> dict[str, Array]:
    """What is carried on from the step at that position, as far as it is shown."""
    return {name: array[position] for name, array in shown_state(record).items() if name in before}


def shown_state(record: StepRecord) -> dict[str, Array]:
    """What the record shows of what is carried on: parameters, buffers and optimiser state, by name."""
    return {**(record.params or {}), **(record.buffers or {}), **(record.state or {})}
