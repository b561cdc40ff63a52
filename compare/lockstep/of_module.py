"""The lockstep of a module problem: the reference module and a candidate beside it, each number of each step judged by sampled rounding."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from ..problem.module_copy import as_array
from ..problem.of_module import ModuleProblem
from ..problem.validation import check_flag, is_whole
from ..rounding.allowance import Allowance, share
from ..rounding.spread import CHANCE, HALF, SAMPLES
from ..sides.candidates import candidate_of
from ..sides.interface import CARRIED, BecomesSide, Implementation, Key
from ..sides.module import ModuleSide
from ..support.arrays import Array
from ..support.boundary import public
from ..support.errors import ProblemError
from ..support.threads import one_blas_thread
from .candidate import Running
from .difference import ComparedStep, Difference, Mode
from .leaning import Leaning
from .numbers import (
    Record,
    as_arrays,
    as_tensors,
    by_key,
    common,
    compared_step,
    gap,
    in_double,
    layout_fault,
    nearest_difference,
    parameters,
)
from .reference import first_step, in_float64
from .result import Comparison, Rounding
from .sampled_reference import SampledReference

STEPS_BESIDE_MODULE = 20      # by default
_CLEARLY = 4      # times what rounding allows
Observe = Callable[[int, ModuleSide], None]


class ModuleRun:
    """A run of the loop: both sides, their state, and the findings so far.

    `expected` makes each step from the actual side's start; in free mode `alone` trains by itself.
    """

    def __init__(
        self, actual: Implementation, problem: ModuleProblem, steps: int, mode: Mode, keep: Collection[int], observe: Observe | None = None
    ) -> None:
        self.actual, self.problem, self.steps, self.mode, self.keep = Running(actual, problem), problem, steps, mode, frozenset(keep)
        shown = first_step(problem)
        self.expected, self.observe = ModuleSide(problem, plain=True), observe
        is_trained = any(each.requires_grad for each in self.expected.parameters.values())
        self.alone = ModuleSide(problem, plain=True) if mode == "free" and is_trained else None
        numbers = sum(tensor.numel() for tensor in shown.values()) * steps
        sampled, self.notes = in_float64(problem)
        self.allowance = Allowance("tf32" if problem.tf32 else problem.dtype, numbers)
        self.samples = SampledReference(sampled, self.allowance, problem.seed)
        self.done = self.compared = 0
        self.drift = 0.0      # the largest gap between the actual side's parameters and those of the side that trains alone
        self.followed_from: int | None = None
        self.stopped: str | None = None
        self.divergence: Difference | None = None
        self.agreed: tuple[Key, ...] = ()
        self.worst: Difference | None = None
        self.series: dict[Key, list[float]] = {}
        self.shares: dict[Key, list[float]] = {}
        self.kept: dict[int, ComparedStep] = {}
        self.shown: dict[Key, None] = {}      # what the actual side has shown so far
        self.trained = [name for name, each in self.expected.parameters.items() if each.requires_grad]
        self.moved: set[str] = set()
        self.leanings = {} if self.actual.is_module else {name: Leaning() for name in self.trained}
        self.hidden: dict[Key, Array] = {}      # how far state may be off that the actual side does not show
        # the state before the next step: what the actual side shows, else the reference's own
        self.now: Record = as_arrays(self.expected.state())
        self.actual.start(parameters(self.now) or {})

    def run(self) -> Comparison:
        """Run and judge all steps, and return the result."""
        for number in range(1, self.steps + 1):
            self._step(number)
            if self.stopped is not None or self.divergence is not None:
                break
        if self.stopped is None and self.divergence is None:
            self._evaluate()
        if self.divergence is None:
            reasons = {name: each.beyond(self.allowance.unit) for name, each in self.leanings.items()}
            self.divergence = next((Difference(self.done, "params", name, reason=why) for name, why in reasons.items() if why), None)
        weights = [name for name in self.trained if self.expected.parameters[name].dim() > 1] or self.trained
        found = self.allowance
        return Comparison(
            problem=self.problem,  # type: ignore[arg-type]    # of which only a perceptron's report asks more
            mode=self.mode,
            steps=self.done,
            compared=self.compared,
            first_divergence=self.divergence,
            worst=self.worst,
            agreed=self.agreed,
            series={key: np.array(values) for key, values in self.series.items()},
            shares={key: np.array(values) for key, values in self.shares.items()},
            drift=self.drift,
            predictions=None,
            final_parameters=(parameters(self.now), parameters(as_arrays((self.alone or self.expected).state()))),
            stopped=self.stopped,
            followed_from=self.followed_from,
            kept=self.kept,
            rounding=Rounding(
                c=found.c,
                samples=SAMPLES,
                chance=CHANCE,
                unknown=tuple(sorted(self.samples.unknown)),
                sampled=tuple(found.sampled),
                turned=tuple(found.turned),
                unmoved=tuple(name for name in weights if name not in self.moved and self.divergence is None),
                notes=tuple(self.notes),
            ),
            part=self.expected.submodules.part_of(self.divergence.phase, self.divergence.tensor, self.agreed) if self.divergence else None,
        )

    def _step(self, number: int) -> None:
        """Make one step on each side from the actual side's start, and judge it."""
        batch, start = self.problem.batch(number), self.now
        record = self.actual.step(number)
        if number > 1:
            self.expected.load(as_tensors(start))
        expected = as_arrays(self.expected.numbers(number, batch))
        self.done = number
        is_module = self.actual.is_module
        if self.actual.others:
            record = common(record, expected, self.actual.others)
        fault = layout_fault(number, record, expected, is_module)
        if fault is not None:
            self.divergence = fault
            return
        shown = by_key(record, expected)      # of a side of somebody's own perhaps views of what it changes next
        actual = {key: np.array(array, copy=None if is_module else True) for key, array in shown.items()}
        if not actual:
            raise ProblemError("the two sides show nothing in common; expected gradients or parameters of both, else nothing is proved")
        if not any(key[0] == "params" for key in actual) and self.steps > 1 and self.trained:
            said = "expected them, or in place of the side a function gradients(params, *batch), which is given them"
            raise ProblemError(f"params are not shown after each step; {said}")
        self.shown |= dict.fromkeys(actual)
        lost = next((key for key in self.shown if key in expected and key not in actual), None)
        if lost is not None:
            self.divergence = Difference(number, *lost, reason="it is not shown; expected it in every step, as in those before")
            return
        self._judge(number, batch, start, actual, expected)
        self._train_alone(number, batch, expected, actual)
        if self.observe is not None:
            self.observe(number, self.alone or self.expected)
        self.now = {key: actual.get(key, array) for key, array in expected.items() if key[0] in CARRIED}

    def _evaluate(self) -> None:
        """Compare the outputs of the first batch in evaluation, after the last step."""
        batch = self.problem.batch(1)
        self.expected.load(as_tensors(self.now))
        expected = as_arrays(self.expected.evaluation(batch))
        try:
            actual = self.actual.evaluation(batch)
        except NotImplementedError as error:
            why = f": {error}" if str(error) else ""
            self.notes.append(f"the candidate predicts nothing{why}; its output in evaluation is not compared")
            return
        if not self.actual.is_module:
            expected = {key: array for key, array in expected.items() if key in actual}
        if not expected:
            self.notes.append("the reference returns no tensor in evaluation; nothing of it is compared")
            return
        for key, array in expected.items():
            if key not in actual or actual[key].shape != array.shape:
                found = f"of shape {list(actual[key].shape)}" if key in actual else "missing"
                self.divergence = self.divergence or Difference(self.done, *key, reason=f"it is {found}; expected {list(array.shape)}")
                return
        gaps = {key: gap(key, actual[key], array) for key, array in expected.items()}
        self.compared += sum(each.size for each in gaps.values())
        allowed = self.samples.sample_evaluation(batch, in_double(self.now))
        shares = {key: share(each, allowed[key]) if key in allowed else float(each.max(initial=0.0)) for key, each in gaps.items()}
        wrong = next((key for key, each in shares.items() if not each <= 1), None)
        if wrong is not None:
            self.divergence = nearest_difference(self.done, wrong, actual[wrong], expected[wrong], allowed.get(wrong, np.zeros(1)))

    def _judge(self, number: int, batch: Any, start: Record, actual: Record, expected: Record) -> None:
        """Compare every number of the step with what rounding allows; sample it where the steps sampled before do not clear it."""
        gaps = {key: gap(key, array, expected[key]) for key, array in actual.items()}
        for key, each in gaps.items():
            self.compared += each.size
            self.series.setdefault(key, []).append(float(each.max(initial=0.0)))
        shares = {key: self.allowance.share(key, each, expected[key], start.get(key)) for key, each in gaps.items()}
        sampled: dict[Key, Array] = {}
        unshown = [key for key in expected if key in self.hidden and key not in actual]
        has_grown = any(self.allowance.has_grown(key, expected[key]) for key in unshown)
        if max(shares.values()) > HALF or self.allowance.is_due(number) or has_grown:
            hidden = in_double({key: off for key, off in self.hidden.items() if key in start})
            sampled = self.samples.sample(number, batch, in_double(start), gaps, hidden)
            shares = {key: share(each, sampled[key]) if key in sampled else float(each.max(initial=0.0)) for key, each in gaps.items()}
        for key, largest in shares.items():
            self.shares.setdefault(key, []).append(largest)
        self._note_moved(actual, expected, sampled)
        self._age_hidden(start, actual, expected, sampled)

        def allowed(key: Key) -> Array:
            return sampled[key] if key in sampled else self.allowance.nearby(key, expected[key], start.get(key))

        for name, leaning in self.leanings.items():
            key = "params", name
            if key in actual:
                leaning.add(actual[key], expected[key], start[key], allowed(key))
        wrong = next((key for key, each in shares.items() if not each <= 1), None)
        nearest = wrong or max(shares, key=lambda key: shares[key])
        if wrong is not None or self.worst is None or shares[nearest] > self.worst.share:
            found = nearest_difference(number, nearest, actual[nearest], expected[nearest], allowed(nearest))
            self.worst = found if wrong is not None or self.worst is None or found.share > self.worst.share else self.worst
        if wrong is not None:
            order = list(actual)
            self.divergence, self.agreed = self.worst, tuple(order[: order.index(wrong)])
        if number in self.keep or wrong is not None:
            self.kept[number] = compared_step(number, actual, expected, {key: allowed(key) for key in actual}, start)
        if not all(np.isfinite(expected[key]).all() for key in actual if key[0] in ("loss", "grads", "params")):
            self.stopped = f"numbers are no longer finite at step {number}: a smaller learning rate may help"

    def _train_alone(self, number: int, batch: Any, expected: Record, actual: Record) -> None:
        """Make the step of the reference that trains by itself, until its gradients are no longer like those at the actual side."""
        if self.alone is None or self.followed_from is not None:
            return
        self.alone.train(number, batch)
        for name, parameter in self.alone.parameters.items():
            if ("params", name) in actual:
                apart = np.subtract(as_array(parameter), actual["params", name], dtype=np.float64)
                self.drift = max(self.drift, float(np.abs(apart).max(initial=0.0)))
            if parameter.grad is not None and parameter.dim() > 1:
                own, other = as_array(parameter.grad).astype(np.float64), expected["grads", name].astype(np.float64)
                if np.linalg.norm(own - other) > max(np.linalg.norm(own), np.linalg.norm(other)):
                    self.followed_from = number + 1

    def _age_hidden(self, start: Record, actual: Record, expected: Record, sampled: Record) -> None:
        """Keep how far the state may be off that the actual side does not show: as sampled, and by each step's rounding more after that."""
        for key, value in expected.items():
            if key[0] in CARRIED and key not in actual and value.dtype.kind == "f":
                more = sampled[key] if key in sampled else self.allowance.nearby(key, value, start.get(key))
                self.hidden[key] = more if key in sampled else np.hypot(self.hidden.get(key, 0.0), more)

    def _note_moved(self, actual: Record, expected: Record, sampled: Record) -> None:
        """Note the parameters whose step is shown and clearly larger than what rounding allows; in bfloat16 their gradient.

        The first step that is sampled may be one of a learning rate of 0, so that all are looked at until they have moved.
        """
        phases = ("deltas", "grads") if self.problem.dtype == "bfloat16" else ("deltas",)
        for name in [name for name in self.trained if name not in self.moved]:
            is_shown = any((phase, name) in actual for phase in ("deltas", "params", *(["grads"] if self.steps == 1 else [])))
            for key in ((phase, name) for phase in phases):
                allowed = sampled[key] if key in sampled else self.allowance.nearby(key, expected[key])
                if is_shown and bool((np.abs(expected[key]) > _CLEARLY * allowed).any()):
                    self.moved.add(name)


@public
def train_beside_module(
    candidate: Any,
    problem: ModuleProblem,
    *,
    steps: int | None = None,
    mode: Mode = "free",
    names: Mapping[str, str] | None = None,
    stages: bool = True,
    keep: Collection[int] = (),
    observe: Observe | None = None,
) -> Comparison:
    """Train a candidate beside the problem's module for that many steps, by default 20, and compare each step; of a recorded run all.

    The reference makes each step from the candidate's own weights, so that what earlier steps have left between the two sides neither
    counts nor hides anything. In `free` mode it trains by itself, too: the comparison has its final parameters and the largest gap between
    the two sides' weights, and says from which step on the two have no more to do with each other, if they come to that. With `stages`
    the submodules of a candidate that is a module are compared as well. `observe` is called after each step with its number and the
    reference, the one that trains by itself if there is one.

    Raises ProblemError for anything that cannot be trained or compared.
    """
    if steps is None:
        steps = candidate.recorded if isinstance(candidate, BecomesSide) else STEPS_BESIDE_MODULE
    if not is_whole(steps, least=1):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 1: comparing nothing proves nothing")
    if mode not in ("free", "follow"):
        raise ProblemError(f"mode is {mode!r}; expected 'free' or 'follow'")
    if isinstance(problem.lr, tuple):
        problem.lr_at(min(steps, len(problem.lr) + 1))
    check_flag("stages", stages)
    side = candidate_of(candidate, problem, names, stages=stages)
    with np.errstate(all="ignore"), one_blas_thread(True):
        return ModuleRun(side, problem, steps, mode, keep, observe).run()
