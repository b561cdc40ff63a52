"""The loop: feed both sides the same weights and inputs, step by step, and have each step judged.

Steps are run and judged in blocks, each side's in one go, so that both keep their caches warm.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np

from compare.comparison import Comparison, Difference, KeptStep, Key, Mode
from compare.envelope import prediction_envelope
from compare.errors import ProblemError
from compare.implementation import Array, Batch, Implementation, InBlocks, StepRecord, stack
from compare.judge import Block, Screening, first_divergence, is_lost_in_drift, largest_share, nearest_to_bounds, screened, with_envelope
from compare.layout import LayoutError, checked_array, checked_record
from compare.problem import Problem

_BLOCK_STEPS = 256
_BLOCK_BYTES = 1 << 23
_ENVELOPES_AT_ONCE = 32

Parameters = Mapping[str, Array]


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

    The comparison keeps the records of the steps in `keep`. `observe(step)` is called after each step in `observe_after`, when both
    sides stand there; `progress(step)` after each block.

    Raises ProblemError for a number of steps below 1, an unknown mode, or two sides that show nothing in common.
    """
    if not isinstance(steps, int) or steps < 1:
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 1: comparing nothing proves nothing")
    if mode not in ("free", "follow"):
        raise ProblemError(f"mode is {mode!r}; expected 'free' or 'follow'")
    run = _Run(actual, expected, problem, mode, steps, keep)
    with np.errstate(all="ignore"):
        for positions in _blocks(problem, steps, observe_after):
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
        self.now: tuple[Parameters | None, Parameters | None] = (problem.initial_parameters, problem.initial_parameters)
        self.done = 0
        self.compared = 0
        self.mode_now = mode
        self.followed_from: int | None = None
        self.stopped: str | None = None
        self.divergence: Difference | None = None
        self.agreed: tuple[Key, ...] = ()
        self.series: dict[Key, list[Array]] = {}
        self.kept: dict[int, KeptStep] = {}
        self.shown: tuple[StepRecord | None, StepRecord | None] = (None, None)      # a record of each side, for what it shows
        self.suspects: list[Block] = []
        self.nearest: dict[Key, tuple[float, int, Block]] = {}      # the largest share of the screen's bound, and where
        self.drift = 0.0
        self.at_once = min(_ENVELOPES_AT_ONCE, _most_steps(problem))
        actual.load_state_dict(problem.initial_parameters)
        expected.load_state_dict(problem.initial_parameters)

    def advance(self, numbers: list[int]) -> None:
        """Run those steps on both sides, and judge them."""
        batches = [self.problem.batch(number) for number in numbers]
        actual: StepRecord | None
        fault: LayoutError | None = None
        try:
            actual = _records(self.actual, self.problem, batches, shown=self.shown[0])
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
        block = self._block(numbers, batches, actual)
        self.shown = block.actual.at(0), block.expected.at(0)
        if not block.pairs:
            raise ProblemError("the two sides show nothing in common: nothing was compared, and nothing is proved")
        screening = screened(self.problem, block)
        suspects = self._suspects(block, screening)
        if self.mode_now == "free" and len(suspects.steps) and is_lost_in_drift(self.problem, suspects):
            self.mode_now, self.followed_from = "follow", numbers[0]
            block = self._block(numbers, batches, actual)
            screening = screened(self.problem, block)
            suspects = self._suspects(block, screening)
        if self.divergence is None and len(suspects.steps):
            self.suspects.append(suspects)
            self._settle(unless_fewer_than=self.at_once)

        finite = np.logical_and.reduce([np.isfinite(largest) for largest in screening.differences.values()])
        n = len(numbers) if finite.all() else int(np.argmin(finite)) + 1
        if n < len(numbers) or not finite.all():
            self.stopped = f"numbers are no longer finite at step {numbers[n - 1]}: a smaller learning rate may help"
        for key, largest in screening.differences.items():
            self.series.setdefault(key, []).append(largest[:n])
        self.compared += n * sum(expected[0].size for _, expected in block.pairs.values())
        self.done = numbers[n - 1]
        self.drift = max(float(gap[n - 1].max()) for gap in block.gaps.values())
        self.now = _after(block.actual, n - 1), _after(block.expected, n - 1)

        chosen = [position for position, number in enumerate(numbers[:n]) if number in self.keep]
        if chosen:
            self.kept |= {kept.step: kept for kept in with_envelope(self.problem, block.at(np.array(chosen)))}
        if self.divergence is None:
            for key, shares in screening.shares.items():
                position = int(np.argmax(shares))
                if key not in self.nearest or shares[position] > self.nearest[key][0]:
                    self.nearest[key] = (float(shares[position]), position, block)

    def _suspects(self, block: Block, screening: Screening) -> Block:
        """The steps for the envelope: those that the screen does not clear, or all where the expected side may be anyone's.

        The screen's bounds are below the envelope's only for an expected side that is itself honest.
        """
        is_ours = isinstance(self.expected, InBlocks) and self.expected.takes_blocks
        return block.at(screening.suspects() if is_ours else np.arange(len(block.steps)))

    def _settle(self, unless_fewer_than: int = 1) -> None:
        """Have the envelope decide about the steps that the screen did not clear, once there are so many of them."""
        if self.divergence is None and sum(len(block.steps) for block in self.suspects) >= unless_fewer_than:
            found = first_divergence(self.problem, self.suspects)
            if found is not None:
                self.divergence, self.agreed = found
            self.suspects = []

    def _block(self, numbers: list[int], batches: list[Batch], actual: StepRecord) -> Block:
        """Run the expected side beside what the actual side has done."""
        before_actual = _before(self.now[0], actual, len(numbers))
        try:
            start = before_actual if self.mode_now == "follow" else None
            expected = _records(self.expected, self.problem, batches, start, self.shown[1])
        except LayoutError as error:
            raise ProblemError(f"the expected side's record of step {numbers[error.position]} cannot be used: {error}") from None
        before = before_actual if self.mode_now == "follow" else _before(self.now[1], expected, len(numbers))
        same = all(batch is batches[0] for batch in batches)
        x, y = batches[0] if same else (np.array([x for x, _ in batches]), np.array([y for _, y in batches]))
        drift = {name: before_actual[name] - before[name] for name in before}
        return Block(np.array(numbers), x, y, before, drift, actual, expected)

    def finish(self) -> Comparison:
        """The predictions after the last step, and the result."""
        self._settle()
        predictions = None
        actual, expected = self.now
        if self.stopped is None and self.problem.test is not None and actual is not None and expected is not None:
            predictions = self._judged_predictions(*self.problem.test, actual, expected)
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
            final_parameters=self.now,
            stopped=self.stopped,
            followed_from=self.followed_from,
            kept=self.kept,
        )

    def _judged_predictions(self, x: Array, y: Array, actual: Parameters, expected: Parameters) -> tuple[Array, Array] | None:
        outputs: list[Array] = []
        for side in (self.actual, self.expected):
            try:
                outputs.append(checked_array(side.predict(x), y.shape, self.problem.dtype))
            except LayoutError as error:
                self.divergence = self.divergence or Difference(self.done, "prediction", "prediction", reason=str(error))
                return None
        gaps = {name: np.abs(actual[name] - expected[name]) for name in expected}
        allowed = prediction_envelope(self.problem, x, expected, gaps)
        worst = largest_share(self.done, ("prediction", "prediction"), outputs[0], outputs[1], allowed)
        self.compared += y.size
        if self.divergence is None and not worst.is_allowed:
            self.divergence = worst
        return outputs[0], outputs[1]


def _blocks(problem: Problem, steps: int, ends: Collection[int]) -> Iterator[list[int]]:
    """The steps 1 … `steps` in blocks of batches of one shape, small enough to be kept, and ending at each of `ends`."""
    most = _most_steps(problem)
    lengths = [len(x) for x, _ in problem.batches]
    block: list[int] = []
    for number in range(1, steps + 1):
        block.append(number)
        changes = number == steps or lengths[(number - 1) % len(lengths)] != lengths[number % len(lengths)]
        if changes or len(block) == most or number in ends:
            yield block
            block = []


def _most_steps(problem: Problem) -> int:
    """How many steps are run, or given an envelope, at once."""
    parameters = sum(array.size for array in problem.initial_parameters.values())
    records = max(len(x) for x, _ in problem.batches)
    bytes_per_step = 16 * (3 * parameters + records * sum(problem.sizes[1:]))      # of both sides, and of an envelope's arrays
    return min(_BLOCK_STEPS, max(1, _BLOCK_BYTES // bytes_per_step))


def _records(
    side: Implementation,
    problem: Problem,
    batches: list[Batch],
    before: Parameters | None = None,
    shown: StepRecord | None = None,
) -> StepRecord:
    """The side's steps on those batches, stacked, each from the parameters given in `before` if there are any.

    What a step shows, every step must show: that of the record `shown`, from earlier steps, if there is one.
    Raises LayoutError at the first record that cannot be compared.
    """
    if isinstance(side, InBlocks) and side.takes_blocks:
        return side.steps(batches, before)
    records: list[StepRecord] = []
    for position, batch in enumerate(batches):
        if before is not None:
            side.load_state_dict({name: array[position] for name, array in before.items()})
        try:
            records.append(checked_record(side.step(*batch), problem, batch, like=shown or (records[0] if records else None)))
        except LayoutError as error:
            raise error.at(len(records), stack(records) if records else None) from None
    return stack(records)


def _before(start: Parameters | None, record: StepRecord, n: int) -> dict[str, Array]:
    """The parameters before each of n steps: those at the start, then those after each step but the last."""
    if start is None or (record.params is None and n > 1):
        raise ProblemError("params are not shown after each step; expected them, to know where the next step starts")
    if record.params is None:
        return {name: array[None] for name, array in start.items()}
    before = {name: np.concatenate([start[name][None], array[:-1]]) for name, array in record.params.items()}
    for array in before.values():
        array.flags.writeable = False
    return before


def _after(record: StepRecord, position: int) -> Parameters | None:
    """The parameters after the step at that position, if they are shown."""
    return None if record.params is None else {name: array[position] for name, array in record.params.items()}
