"""The loop: train both sides on the same inputs from the same initial weights, and have each step judged.

Steps are run and judged in blocks, first one side's and then the other's, so that both keep their caches warm.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from ..problem.problem import Problem
from ..problem.validation import is_whole
from ..rounding.spread import CHANCE, SAMPLES
from ..sides.interface import Implementation, Key, StepRecord, abilities_of
from ..sides.validation import LayoutError, checked_array
from ..support.arrays import Array, Batch
from ..support.boundary import public
from ..support.errors import ProblemError
from ..support.kinds import kind_of
from ..support.threads import one_blas_thread
from .blocks import Phases, blocks, most_steps, records_of
from .carried import Carried
from .difference import ComparedStep, Difference, Mode, largest_share
from .judge import Block, Judge, Judged
from .result import Comparison, Rounding

if TYPE_CHECKING:
    from ..problem.of_module import ModuleProblem


@public
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
    side loads the actual side's weights before each step. Where drift has grown so large that the two sides are no longer alike, the run
    goes on in follow mode from the next block of steps on, and the comparison says so.

    The comparison keeps the numbers of the steps in `keep`, and of the first step that differs. `observe(step)` is called after each
    step in `observe_after`, when both sides have made it; `progress(step)` after each block.

    Buffers and optimiser state carry over from step to step on each side, in `follow` mode too. Where both sides show theirs, the gap is
    measured; where the actual side does not, it is as far off as the rounding that can have led to it. So are parameters, of a side that
    shows gradients or deltas without them: each step is compared from where the problem's update leads from the one before.

    Raises ProblemError for a number of steps below 1, an unknown mode, or two sides that show nothing in common.

    Of a module problem, the expected side is None: it is the problem's module. `train_beside_module` compares them.
    """
    if not isinstance(problem, Problem):
        from ..problem.of_module import ModuleProblem
        from .of_module import train_beside_module

        if not isinstance(problem, ModuleProblem):
            raise ProblemError(f"problem is {kind_of(problem)}; expected one of Problem.draw, Problem.of or lesson_problem")
        if expected is not None:
            raise ProblemError(f"expected is {kind_of(expected)}; expected None with a module problem, whose module is the reference")
        return train_beside_module(actual, problem, steps=steps, mode=mode, keep=keep)
    if not is_whole(steps, least=1):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 1: comparing nothing proves nothing")
    if mode not in ("free", "follow"):
        raise ProblemError(f"mode is {mode!r}; expected 'free' or 'follow'")
    for name, side in (("actual", actual), ("expected", expected)):
        if isinstance(side, type) or not isinstance(side, Implementation):
            what = f"the class {side.__name__}" if isinstance(side, type) else kind_of(side)
            raise ProblemError(f"the {name} side is {what}; expected an object with load_state_dict, step and predict")
    assert expected is not None
    run = _Run(actual, expected, problem, steps, mode, keep)
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

    def __init__(
        self, actual: Implementation, expected: Implementation, problem: Problem, steps: int, mode: Mode, keep: Collection[int]
    ) -> None:
        self.actual, self.expected, self.problem, self.mode, self.mode_now = actual, expected, problem, mode, mode
        self.keep = frozenset(keep)
        abilities = [abilities_of(side) for side in (actual, expected)]
        self.carried = Carried(problem, (abilities[0].start, abilities[1].start))
        self.judge = Judge(problem, steps)
        follows = abilities[1].follows
        self.follow_is_possible = follows if follows is not None else abilities[1].in_blocks or not self.carried.has_state
        if mode == "follow" and not self.follow_is_possible:
            why = "a recorded run cannot follow, nor can an expected side of your own whose optimiser or normalisation keeps state"
            raise ProblemError(f"mode is 'follow'; expected 'free', since {why}")
        # Where the actual side may not show its state, it is followed step by step, one step a block.
        self.most = 1 if self.carried.has_state and not abilities[0].in_blocks else most_steps(problem)
        self.done = self.compared = 0
        self.followed_from: int | None = None
        self.is_lost = False      # whether the two sides' errors δ are no longer alike
        self.stopped: str | None = None
        self.is_ended = False      # whether numbers are no longer finite
        self.divergence: Difference | None = None
        self.worst: Difference | None = None
        self.agreed: tuple[Key, ...] = ()
        self.series: dict[Key, list[Array]] = {}
        self.kept: dict[int, ComparedStep] = {}
        self.phases: tuple[Phases | None, Phases | None] = (None, None)      # those that each side shows
        for side in (actual, expected):
            side.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})

    def advance(self, numbers: list[int]) -> None:
        """Run the steps of those numbers on both sides, and judge them."""
        if self.is_lost and self.follow_is_possible and self.mode_now == "free":
            self.mode_now, self.followed_from = "follow", numbers[0]
        batches = [self.problem.batch(number) for number in numbers]
        actual: StepRecord | None
        fault: LayoutError | None = None
        try:
            actual = records_of(self.actual, self.problem, batches, phases=self.phases[0])
        except LayoutError as error:
            actual, fault = error.before, error
            batches = batches[: error.position]
        if actual is not None:
            # Where no parameters are shown, each step starts from where the problem's update leads from the one before.
            places = [slice(0, len(batches))] if actual.params is not None else [slice(i, i + 1) for i in range(len(batches))]
            for place in places:
                self._take(self.judge.judged(self._block(numbers[place], batches[place], actual.at(place)), self._note))
                if self.stopped is not None:
                    break
        if fault is not None and self.stopped is None:
            self.done = numbers[fault.position]
            self.stopped = f"what the actual side shows of step {self.done} cannot be compared"
            self.divergence = self.divergence or Difference(self.done, fault.phase, fault.tensor, reason=str(fault))

    def _block(self, numbers: list[int], batches: list[Batch], actual: StepRecord) -> Block:
        """Run the expected side for the same steps, and return the block of both sides."""
        names, follows = self.problem.initial_parameters, self.mode_now == "follow"
        if numbers[0] > 1 and actual.params is None and actual.grads is None and actual.deltas is None:
            raise ProblemError("params are not shown after each step; expected them, deltas or grads, to know where the next step starts")
        before_actual = self.carried.into(0, actual, len(numbers))
        start = {name: before_actual[name] for name in names} if follows else None
        try:
            expected = records_of(self.expected, self.problem, batches, start, self.phases[1])
        except LayoutError as error:
            raise ProblemError(f"what the expected side shows of step {numbers[error.position]} cannot be used: {error}") from None
        before = self.carried.into(1, expected, len(numbers)) | (start or {})
        if len(before) < len(before_actual):
            raise ProblemError("the expected side does not show its buffers or optimiser state; expected them after each step")
        hidden = {name: self.carried.hidden[name] for name in before if name not in actual.carried}
        block = Block(numbers, batches, actual, expected, (before_actual, before), hidden)
        self.phases = actual.phases, expected.phases
        if not block.pairs:
            raise ProblemError("the two sides show nothing in common; expected gradients or parameters of both, else nothing is proved")
        return block

    def _take(self, judged: Judged) -> None:
        """Take over what was found of a block."""
        block = judged.block
        self.is_lost |= judged.is_lost
        finite = np.isfinite(list(judged.differences.values())).all(axis=0)
        n = len(block.steps) if finite.all() else int(np.argmin(finite)) + 1
        if not finite.all():
            self.stopped = f"numbers are no longer finite at step {block.steps[n - 1]}: a smaller learning rate may help"
        self.done = block.steps[n - 1]
        for key, largest in judged.differences.items():
            self.series.setdefault(key, []).append(largest[:n])
        self.compared += n * sum(expected[0].size for _, expected in block.pairs.values())
        self.carried.carry_on(judged, n - 1)

    def _note(self, judged: Judged, positions: range) -> bool:
        """Note the first divergence, the number nearest to what is allowed, and the steps to keep; return whether there is a divergence."""
        for i in positions:
            if self.is_ended:
                break
            first = self.divergence
            keys, shares = list(judged.shares), np.array([each[i] for each in judged.shares.values()])
            wrong = np.flatnonzero(~(shares <= 1))
            nearest = int(wrong[0]) if len(wrong) else int(np.argmax(shares))
            if first is None and (len(wrong) or self.worst is None or shares[nearest] > self.worst.share):
                found = judged.difference(keys[nearest], i)
                self.worst = max(filter(None, (self.worst, found)), key=lambda each: each.share)
                if len(wrong):
                    self.divergence, self.agreed = found, tuple(keys[:nearest])
            if judged.block.steps[i] in self.keep or self.divergence is not first:
                self.kept[judged.block.steps[i]] = judged.compared_step(i)
            self.is_ended = not np.isfinite([each[i] for each in judged.differences.values()]).all()
        return self.divergence is not None

    def finish(self) -> Comparison:
        """Compare the predictions after the last step, and return the result."""
        test = self.problem.test
        is_known = self.problem.initial_parameters.keys() <= self.carried.now[0].keys()
        predictions = self._judged_predictions(*test) if self.stopped is None and test is not None and is_known else None
        allowance = self.judge.allowance
        return Comparison(
            problem=self.problem,
            mode=self.mode,
            steps=self.done,
            compared=self.compared,
            first_divergence=self.divergence,
            worst=self.worst,
            agreed=self.agreed,
            series={key: np.concatenate(parts) for key, parts in self.series.items()},
            drift=self.carried.drift,
            predictions=predictions,
            final_parameters=(self.carried.final(0), self.carried.final(1)),
            stopped=self.stopped,
            followed_from=self.followed_from,
            kept=self.kept,
            rounding=Rounding(
                allowance.c, SAMPLES, CHANCE, sampled=tuple(allowance.sampled), turned=tuple(allowance.turned), notes=self._notes()
            ),
        )

    def _notes(self) -> tuple[str, ...]:
        """Say where the steps started, if the actual side does not show its parameters."""
        is_shown = self.phases[0] is None or "params" in self.phases[0]
        said = f"the actual side shows no parameters: each step was compared from where {self.problem.optimizer} leads from the one before"
        return () if is_shown else (said,)

    def _judged_predictions(self, x: Array, y: Array) -> tuple[Array, Array] | None:
        outputs: list[Array] = []
        for side in (self.actual, self.expected):
            dtype = abilities_of(side).dtype or self.problem.dtype
            try:
                outputs.append(checked_array(side.predict(x), (len(x), self.problem.sizes[-1]), dtype))
            except LayoutError as error:
                reason = Difference(self.done, "prediction", "prediction", reason=str(error))
                self.divergence = self.divergence or reason
                return None
        hidden = {name: self.carried.hidden[name] for name in self.carried.unshown}
        allowed, shift = self.judge.sampled_predictions(x, self.carried.now, hidden)
        found = largest_share(self.done, ("prediction", "prediction"), outputs[0], outputs[1] + shift, allowed)
        self.compared += outputs[0].size
        if not found.is_allowed:
            self.divergence = self.divergence or found
        return outputs[0], outputs[1]
