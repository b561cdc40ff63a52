"""The loop: train both sides on the same inputs from the same initial weights, and have each step judged.

Steps are run and judged in blocks, first one side's and then the other's, so that both keep their caches warm.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from ..problem.problem import Problem
from ..problem.validation import is_whole
from ..rounding.block import Block
from ..rounding.difference import Difference, Mode, largest_share
from ..rounding.envelope import decay, prediction_envelope
from ..rounding.large_screen import LargeScreen
from ..sides.interface import Implementation, InBlocks, StepRecord, abilities_of
from ..sides.validation import LayoutError, checked_array
from ..support.arrays import Array, Batch
from ..support.errors import LostInDriftError, ProblemError
from ..support.kinds import kind_of
from ..support.threads import one_blas_thread
from .blocks import Phases, blocks, most_steps, records_of, stacked_inputs
from .carried import Carried, shown_state
from .findings import Findings
from .judge import Screening, is_lost_in_drift, screened
from .result import Comparison

STEPS_BESIDE_MODULE = 20      # by default

if TYPE_CHECKING:
    from ..problem.of_module import ModuleProblem


def train_in_lockstep(
    actual: Any,
    expected: Implementation | None,
    problem: "Problem | ModuleProblem",
    *,
    steps: int,
    mode: Mode = "free",
    keep: Collection[int] = (),
    observe_after: Collection[int] = (),
    observe: Callable[[int], None] = lambda step: None,
    progress: Callable[[int], None] = lambda step: None,
) -> Comparison:
    """Train both sides for that many steps from the problem's initial parameters, and compare each step.

    In `free` mode each side keeps its own weights, and the gap between the two before a step is measured; in `follow` mode the expected
    side loads the actual side's weights before each step. Where drift has grown so large that in free mode the bounds would say nothing,
    the run goes on in follow mode from that block of steps on, and the comparison says so.

    The comparison keeps the numbers of the steps in `keep`, and of the first step that differs. `observe(step)` is called after each
    step in `observe_after`, when both sides have made it; `progress(step)` after each block.

    Buffers and optimiser state carry over from step to step on each side, in `follow` mode too. Where both sides show theirs, the gap is
    measured; where the actual side does not, it is bounded by the rounding that can have led to it.

    Raises ProblemError for a number of steps below 1, an unknown mode, or two sides that show nothing in common, and LostInDriftError
    where drift has grown so large and the expected side cannot follow.

    Of a module problem, the expected side is None: it is the problem's module. `train_beside_module` compares them.
    """
    if not isinstance(problem, Problem):
        from .of_module import train_beside_module

        if expected is not None:
            raise ProblemError(f"expected is {kind_of(expected)}; expected None with a module problem, whose module is the reference")
        return train_beside_module(actual, problem, steps=steps, mode=mode, keep=keep)
    if not is_whole(steps, least=1):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 1: comparing nothing proves nothing")
    if mode not in ("free", "follow"):
        raise ProblemError(f"mode is {mode!r}; expected 'free' or 'follow'")
    assert expected is not None
    run = _Run(actual, expected, problem, mode, keep)
    with np.errstate(all="ignore"), one_blas_thread(not problem.is_large):
        for positions in blocks(problem, steps, observe_after, run.most):
            run.advance(positions)
            if run.stopped:
                break
            progress(positions[-1])
            if positions[-1] in observe_after:
                observe(positions[-1])
        return run.finish()


class _Run:
    """A run of the loop: both sides, their state, and the findings so far."""

    def __init__(self, actual: Implementation, expected: Implementation, problem: Problem, mode: Mode, keep: Collection[int]) -> None:
        self.actual, self.expected, self.problem, self.mode, self.mode_now = actual, expected, problem, mode, mode
        abilities = [abilities_of(side) for side in (actual, expected)]
        self.carried = Carried(problem, (abilities[0].start, abilities[1].start))
        self.findings = Findings(problem, keep)
        self.decay, self.large = decay(problem), LargeScreen(problem)
        self.expects_backend = abilities[1].in_blocks      # a side that steps in blocks is trusted to round within the bounds
        follows = abilities[1].follows
        self.follow_is_possible = follows if follows is not None else self.expects_backend or not self.carried.has_state
        if mode == "follow" and not self.follow_is_possible:
            why = "a recorded run cannot follow, nor can an expected side of your own whose optimiser or normalisation keeps state"
            raise ProblemError(f"{why}; use mode 'free'")
        # Where the actual side may not show its state, the gap is bounded step by step, one step a block.
        self.most = 1 if self.carried.has_state and not abilities[0].in_blocks else most_steps(problem)
        self.done = 0
        self.followed_from: int | None = None
        self.stopped: str | None = None
        self.phases: tuple[Phases | None, Phases | None] = (None, None)      # those that each side shows
        for side in (actual, expected):
            side.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})

    def advance(self, numbers: list[int]) -> None:
        """Run the steps of those numbers on both sides, and judge them."""
        batches = [self.problem.batch(number) for number in numbers]
        actual: StepRecord | None
        fault: LayoutError | None = None
        try:
            actual = records_of(self.actual, self.problem, batches, phases=self.phases[0])
        except LayoutError as error:
            actual, fault = error.before, error
            batches = batches[: error.position]
        if actual is not None:
            self._judge(numbers[: len(batches)], batches, actual)
        if fault is not None and self.stopped is None:
            self.done = numbers[fault.position]
            self.stopped = f"what the actual side shows of step {self.done} cannot be compared"
            self.findings.differ(Difference(self.done, fault.phase, fault.tensor, reason=str(fault)))

    def _judge(self, numbers: list[int], batches: list[Batch], actual: StepRecord) -> None:
        block, screening, suspects = self._run_in_mode(numbers, batches, actual)
        if suspects is not None and self.findings.divergence is None:
            is_lost = not self.follow_is_possible and is_lost_in_drift(self.problem, suspects)
            self.findings.suspect(suspects, settle=is_lost)
            if is_lost and self.findings.divergence is None:
                why = f"the two sides' weights have drifted so far apart by step {numbers[-1]} that bounds on them say nothing"
                raise LostInDriftError(f"{why}, and the expected side cannot follow; expected fewer steps, or a smaller learning rate")
        finite = np.isfinite(list(screening.differences.values())).all(axis=0)
        n = len(numbers) if finite.all() else int(np.argmin(finite)) + 1
        if not finite.all():
            self.stopped = f"numbers are no longer finite at step {numbers[n - 1]}: a smaller learning rate may help"
        self.done = numbers[n - 1]
        self.findings.add(block, screening, n)
        self.carried.carry_on(block, n - 1)

    def _run_in_mode(self, numbers: list[int], batches: list[Batch], actual: StepRecord) -> tuple[Block, Screening, Block | None]:
        """Run the expected side and screen the block; again in follow mode, where drift makes free mode's bounds say nothing."""
        restore = None
        if isinstance(self.expected, InBlocks) and self.carried.has_state and self.mode_now == "free":
            restore = self.expected.checkpoint()
        judged = self._screened(self._block(numbers, batches, actual))
        suspects = judged[2]
        if self.mode_now == "follow" or suspects is None or not self.follow_is_possible or self.findings.divergence is not None:
            return judged
        if not is_lost_in_drift(self.problem, suspects):
            return judged
        self.mode_now, self.followed_from = "follow", numbers[0]
        if restore is not None:
            restore()
        return self._screened(self._block(numbers, batches, actual))

    def _screened(self, block: Block) -> tuple[Block, Screening, Block | None]:
        """Return the block, its screening, and the steps for the envelope, if any: those that the screen does not clear.

        For a user-supplied expected side these are all steps: the screen's bounds are below the envelope's only if its rounding is honest.
        """
        self.phases = block.actual.phases, block.expected.phases
        if not block.pairs:
            raise ProblemError("the two sides show nothing in common: nothing was compared, and nothing is proved")
        screening = screened(self.problem, block, self.large)
        positions = screening.suspects() if self.expects_backend else np.arange(len(block.steps))
        return block, screening, block.at(positions) if len(positions) else None

    def _block(self, numbers: list[int], batches: list[Batch], actual: StepRecord) -> Block:
        """Run the expected side for the same steps, and return the block of both sides."""
        names, follows = self.problem.initial_parameters, self.mode_now == "follow"
        if follows and actual.params is None:
            raise ProblemError("params are not shown after each step; expected them, for the expected side to follow")
        before_actual = self.carried.into(0, actual, len(numbers))
        if not names.keys() <= before_actual.keys():
            raise ProblemError("params are not shown after each step; expected them, to know where the next step starts")
        start = {name: before_actual[name] for name in names} if follows else None
        try:
            expected = records_of(self.expected, self.problem, batches, start, self.phases[1])
        except LayoutError as error:
            raise ProblemError(f"what the expected side shows of step {numbers[error.position]} cannot be used: {error}") from None
        before = self.carried.into(1, expected, len(numbers)) | (start or {})
        if len(before) < len(names) + len(self.carried.gaps):
            raise ProblemError("the expected side does not show its buffers or optimiser state; expected them after each step")
        x, y = stacked_inputs(batches)
        masks = {index: np.array([batch[2][index] for batch in batches]) for index in (batches[0][2] if len(batches[0]) > 2 else ())}
        known = {**names, **shown_state(actual)}
        drift = {name: before_actual[name] - array for name, array in before.items() if name in known}
        gaps = {name: gap[None] for name, gap in self.carried.gaps.items() if name not in drift}
        return Block(np.array(numbers), x, y, masks, before, drift, gaps, self.decay, actual, expected)

    def finish(self) -> Comparison:
        """Compare the predictions after the last step, and return the result."""
        findings, test = self.findings, self.problem.test
        findings.settle()
        is_known = self.problem.initial_parameters.keys() <= self.carried.now[0].keys()
        predictions = self._judged_predictions(*test) if self.stopped is None and test is not None and is_known else None
        return Comparison(
            problem=self.problem,
            mode=self.mode,
            steps=self.done,
            compared=findings.compared,
            first_divergence=findings.divergence,
            worst=findings.worst(),
            agreed=findings.agreed,
            series={key: np.concatenate(parts) for key, parts in findings.series.items()},
            drift=self.carried.drift,
            predictions=predictions,
            final_parameters=(self.carried.final(0), self.carried.final(1)),
            stopped=self.stopped,
            followed_from=self.followed_from,
            kept=findings.kept,
        )

    def _judged_predictions(self, x: Array, y: Array) -> tuple[Array, Array] | None:
        outputs: list[Array] = []
        for side in (self.actual, self.expected):
            dtype = abilities_of(side).dtype or self.problem.dtype
            try:
                outputs.append(checked_array(side.predict(x), (len(x), self.problem.sizes[-1]), dtype))
            except LayoutError as error:
                self.findings.differ(Difference(self.done, "prediction", "prediction", reason=str(error)))
                return None
        allowed = prediction_envelope(self.problem, x, self.carried.now[1], self.carried.gaps_between())
        worst = largest_share(self.done, ("prediction", "prediction"), outputs[0], outputs[1], allowed)
        self.findings.compared += outputs[0].size
        if not worst.is_allowed:
            self.findings.differ(worst)
        return outputs[0], outputs[1]
