"""Run an attempt on the trials: find the values from which on it is wrong, or loses its numbers to an overflow."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from ..diagnosis.conventions import Scale
from ..diagnosis.explain import Found, explained, with_causes
from ..diagnosis.graph import Node, Run, places
from ..diagnosis.matcher import Matcher
from ..diagnosis.mistake import layers_named
from ..diagnosis.observing import FaultError, Observed, observe
from ..diagnosis.probes import Limits, Probe, steps_of
from ..diagnosis.stages import stage_name
from ..formulas.normalization import AXES, EPS
from ..formulas.sampled import Sampled
from ..lockstep.difference import Difference, largest_share
from ..problem.problem import Problem
from ..support.arrays import Array, Batch
from ..userfile.as_side import Traced
from ..userfile.conventions import Convention
from ..userfile.file import AttemptError
from ..userfile.interface import Candidate
from .direction import Direction
from .result import Check, with_caveat
from .trials import LEAST_BCE_DIVISOR, LOSES_DIGITS, directions

_MOST_NOTES = 3
_HALVINGS = 12      # of the span in which a limit lies
_STABLE = {
    "softmax": "take each record's largest z off first: e^(z − max z) / Σ e^(z − max z)",
    "log_softmax": "take each record's largest z off first: z − max z − log Σ e^(z − max z)",
    "sigmoid": "use 1/(1 + e^−z) where z is positive, and e^z/(1 + e^z) where it is negative",
    "tanh": "use np.tanh(z), or e^−2|z| in place of e^2z, with the sign of z",
    "softplus": "use max(z, 0) + log(1 + e^−|z|)",
}
_WITHOUT_EXP = ("identity", "relu", "leaky_relu")
_FINAL = ("output", "probabilities", "_used", "_after")      # the stages compared in a trial: the output, gradients and new parameters
OF_LOGITS = {"cross_entropy": "softmax", "bce_with_logits": "sigmoid"}

Outcome = Difference | FaultError | AttemptError | None


@dataclass(frozen=True)
class _Answer:
    """The outcome of a trial, None where all numbers agree; with the right numbers and the shown ones, if it was compared."""

    outcome: Outcome
    run: Run | None = None
    shown: Mapping[Node, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialRuns:
    """The runs of an attempt on the trials, by the convention and the scale of its numbers that the probes found.

    `probes` matches what it showed on the probes, which any mistake that is named has to explain too.
    """

    attempt: Candidate
    problem: Problem
    convention: Convention
    scale: Scale
    probes: Matcher
    works_in_place: bool
    data: Batch | None
    limits: Limits
    is_lenient: bool = False      # an error that the attempt raises in a trial is a note, and a caveat

    def tried(self, check: Check) -> Check:
        """Return the check after the trials: "different" by the first one that differs, else "unstable formula" if numbers overflow."""
        unstable: tuple[Direction, float, _Answer] | None = None
        notes: list[str] = []
        refused: list[str] = []
        for direction in directions(self.problem, check.seed, self.data):
            agrees: list[float] = []
            for value in direction.values:
                answer = self._answer(direction, value)
                if self._is_overflow(direction, value, answer) or self._loses_variance(answer):
                    unstable = unstable or (direction, value, answer)
                    break
                if isinstance(answer.outcome, AttemptError) and (answer.outcome.is_final or answer.outcome.kind in ("exit", "memory")):
                    reason = f"the probes agree, and {direction.said(value)}, {answer.outcome}"
                    return replace(check, verdict="could not run", reason=reason, line=answer.outcome.line, source=answer.outcome.source)
                if isinstance(answer.outcome, AttemptError) and (direction.may_refuse or self.is_lenient):
                    notes.append(f"{direction.said(value)}, {answer.outcome}: nothing was compared there")
                    refused += [] if direction.may_refuse else [direction.said(value)]
                    if direction.is_count:      # with more records it may run, and be wrong
                        continue
                    break
                if answer.outcome is not None:
                    return self._different(check, direction, value, agrees, answer)
                agrees.append(value)
        check = replace(check, notes=(*check.notes, *dict.fromkeys(notes[:_MOST_NOTES])))
        if refused:
            check = with_caveat(check, f"it raises an error {refused[0]}{', and elsewhere' * (len(refused) > 1)}")
        return self._unstable(check, *unstable) if unstable else check

    def _answer(self, direction: Direction, value: float) -> _Answer:
        with np.errstate(all="ignore"):
            probe = direction.at(value)
        if probe is None:
            return _Answer(None)
        probe = self.limits.within(probe)
        if not self.limits.allow(probe, self.problem.sizes[-1]):
            return _Answer(None)
        observed = self._empty_observation()
        try:
            observe(self.attempt.fresh, self.problem, (probe,), self.convention, observed)
        except AttemptError as error:
            return _Answer(error)
        except FaultError as fault:
            with np.errstate(all="ignore"):
                return _Answer(fault if self._has_reference(probe, observed.shown, fault.step) else None)
        with np.errstate(all="ignore"):
            run = observed.right(self.problem)
            shown = self.scale.ours(run, observed.shown) if self._can_be_reference(run) else {}
            compared: tuple[str, ...] = ("_after",) if direction.of_weights else _FINAL
            if direction.drawn and self.problem.loss == "cross_entropy" and any(node[0].endswith("_after") for node in shown):
                compared = ("output", "_after")      # a gradient of e^-900 may be held from below
            final = {node: array for node, array in shown.items() if node[0].endswith(compared)}
            return _Answer(next(filter(None, (_outside(self.problem, run, *each) for each in final.items())), None), run, final)

    def _is_overflow(self, direction: Direction, value: float, answer: _Answer) -> bool:
        """Return whether the outcome may be that of a right formula that raises e to numbers too large for it.

        Where all records have one shift, e^(z − shift) is off by |z − shift| times what rounding allows.
        """
        if isinstance(answer.outcome, FaultError):
            return answer.outcome.kind == "nan" and value >= direction.overflows
        if not isinstance(answer.outcome, Difference) or answer.run is None:
            return False
        farthest = self._farthest(answer.run, answer.outcome.step)
        is_rounding = value >= direction.overflows and bool(answer.outcome.allowed) and answer.outcome.share <= farthest
        return value >= direction.loses_digits or is_rounding or (direction.drawn and farthest >= LOSES_DIGITS)

    def _loses_variance(self, answer: _Answer) -> bool:
        """Return whether the outcome may come from v as mean(z²) − (mean z)², which is off by (mean z)²/(v + ε) times as much."""
        if not isinstance(answer.outcome, Difference) or answer.run is None or not answer.outcome.allowed or not self.problem.normalization:
            return False
        most = 0.0
        with np.errstate(all="ignore"):
            for step, layer in product(range(answer.outcome.step), range(1, answer.run.depth + 1)):
                if self.problem.layers[layer - 1].norm:
                    z = answer.run("z", step, layer).value
                    axis = AXES[self.problem.normalization]
                    most = max(most, float(np.max(z.mean(axis=axis) ** 2 / (z.var(axis=axis) + EPS))))
        return answer.outcome.share <= most

    def _farthest(self, run: Run, steps: int) -> float:
        """Return how large z, or the difference of two of them, is in the first steps, where e is raised to it."""
        farthest = 0.0
        with np.errstate(all="ignore"):
            for step, layer in product(range(steps), range(1, run.depth + 1)):
                is_of_logits = layer == run.depth and self.problem.loss in OF_LOGITS
                if is_of_logits or self.problem.layers[layer - 1].function not in _WITHOUT_EXP:
                    z = run("u", step, layer).value
                    farthest = max(farthest, float(np.abs(z).max()), float(np.ptp(z, axis=-1).max()))
        return farthest

    def _can_be_reference(self, run: Run) -> bool:
        """Return whether PyTorch's own formula can be the reference: not where its bce holds the divisor p(1 − p) away from 0.

        Nor can any formula where rounding may make some z anything.
        """
        if any(_is_rounding_alone(run("z", step, layer)) for step, layer in product(range(len(run.steps)), range(1, run.depth + 1))):
            return False
        if self.problem.loss != "bce":
            return True
        outputs = [run("output", step).value for step in range(len(run.steps))]
        return all((output * (1 - output) > LEAST_BCE_DIVISOR).all() for output in outputs)

    def _empty_observation(self) -> Observed:
        """Return an empty observation without loss and trace, whose scales may differ; with trace if nothing else shows a gradient."""
        has_answers = {"train_step", "gradients"} & set(self.attempt.functions)
        skipped = frozenset({"loss", "trace"} if has_answers else {"loss"})
        return Observed(skipped=skipped, works_in_place=self.works_in_place)

    def _has_reference(self, probe: Probe, shown: Mapping[Node, Array], steps: int) -> bool:
        """Compute each of the first steps from the weights shown before it; return whether all is finite and PyTorch can be held to."""
        befores = [probe.parameters]
        for step in range(steps):
            run = Run(self.problem, steps_of((probe,), befores))
            found = {place: run(f"{place[0]}_after", step, place[1]).value for place in places(self.problem)}
            if not all(np.isfinite(value).all() for value in (*found.values(), run("output", step).value)):
                return False
            befores.append({run.name(*place): shown.get((f"{place[0]}_after", step, place[1]), value) for place, value in found.items()})
        return self._can_be_reference(run)

    def _different(self, check: Check, direction: Direction, value: float, agrees: list[float], answer: _Answer) -> Check:
        where, outcome = direction.said(value), answer.outcome
        if not isinstance(outcome, Difference):
            line, source = (outcome.line, outcome.source) if isinstance(outcome, AttemptError) else (None, None)
            return replace(check, verdict="different", reason=f"the probes agree, and {where}, {outcome}", line=line, source=source)
        if direction.beyond and (agrees or not direction.is_count):
            is_alone = direction.is_count and self._answer(direction, value + 1).outcome is None
            where = where if is_alone else direction.beyond_about(self._edge(direction, max(agrees, default=value / 1000), value))
        found = self._named(answer)
        question = "is a batch of one treated otherwise?" if direction.is_count and value == 1 else direction.question
        asked = "it has not moved; is it left out?" if self._stands_still(answer, outcome) else question
        reason = f"the probes agree, and {where} the {outcome.tensor} does not: {found[0].causes[0].sentence if found else asked}"
        return replace(check, verdict="different", first=outcome, reason=reason, diagnosis=found)

    def _stands_still(self, answer: _Answer, wrong: Difference) -> bool:
        """Return whether the wrong parameter has not been changed by its step at all."""
        for (stage, step, layer), after in answer.shown.items():
            is_wrong = (step + 1, stage_name(self.problem, (stage, layer))) == (wrong.step, wrong.tensor)
            if answer.run and stage.endswith("_after") and is_wrong:
                return bool(np.array_equal(after, answer.run(stage.removesuffix("_after"), step, layer).value))
        return False

    def _named(self, answer: _Answer) -> tuple[Found, ...]:
        """Return the mistake that explains all of the trial and all of the probes, if there is one."""
        if answer.run is None or not answer.shown:
            return ()
        with np.errstate(all="ignore"):
            found = explained(Matcher(self.problem, answer.run.steps, answer.shown), (), with_pairs=False)
            left = [tuple(cause for cause in each.causes if self.probes.first_wrong(cause.formulas) is None) for each in found]
        return with_causes(found, left)

    def _edge(self, direction: Direction, agrees: float, differs: float) -> float:
        """Return about the largest value for which the trial agrees, between one for which it does and one for which it does not."""
        for _ in range(_HALVINGS):
            middle = direction.between(agrees, differs)
            if middle in (agrees, differs):
                break
            agrees, differs = (middle, differs) if self._answer(direction, middle).outcome is None else (agrees, middle)
        return agrees

    def _unstable(self, check: Check, direction: Direction, value: float, answer: _Answer) -> Check:
        """Return the check with the function that overflows, its line where it can be seen, and the form in which it does not."""
        outcome = answer.outcome
        if isinstance(outcome, Difference) and self._loses_variance(answer):
            lost = f"the variance of the {self.problem.normalization} loses its digits {direction.said(value)}"
            advice = "To make it stable, take the mean off first: mean((z − mean z)²)"
            return replace(check, verdict="unstable formula", reason=f"{lost}: the {outcome.tensor} is off. {advice}")
        function = self.problem.layers[direction.layer - 1].function if direction.layer else None
        if direction.layer == len(self.problem.layers) and function == "identity":
            function = OF_LOGITS.get(self.problem.loss)
        line, source = self._first_line_that_overflows(check, direction, value)
        whose = f"the {function} of {layers_named(self.problem, (direction.layer,))}" if function in _STABLE else "a formula"
        advice = _STABLE.get(str(function), "use a form that raises e to no large number")
        where = f", at line {line}: `{source}`" if line else ""
        what = f"the {outcome.tensor} has lost its digits" if isinstance(outcome, Difference) else outcome
        reason = f"{whose} overflows {direction.said(value)}{where}: {what}. To make it stable, shift and do not clip: {advice}"
        return replace(check, verdict="unstable formula", reason=reason, line=line, source=source)

    def _first_line_that_overflows(self, check: Check, direction: Direction, value: float) -> tuple[int | None, str | None]:
        with np.errstate(all="ignore"):
            probe = direction.at(value)
        traced = Traced(self.attempt.fresh())
        try:
            observe(lambda: traced, self.problem, (probe,) if probe else (), self.convention, self._empty_observation())
        except (FaultError, AttemptError):
            for each in traced.assignments:
                if isinstance(each.value, np.ndarray) and each.value.dtype.kind == "f" and not np.isfinite(each.value).all():
                    return each.line, check.text_of(each.line) or each.text
        return None, None


def _is_rounding_alone(z: Sampled) -> bool:
    """Return whether rounding may make some z anything."""
    return bool((z.error > np.maximum(np.abs(z.value), 1.0)).any())


def _outside(problem: Problem, run: Run, node: Node, actual: Array) -> Difference | None:
    """Return the number farthest outside its bound, of those where the right one and its bound are finite; None if all are within."""
    right = run.worked_out(*node)
    error = np.broadcast_to(np.asarray(right.error, dtype=np.float64), actual.shape)
    is_compared = np.isfinite(right.value) & np.isfinite(error)
    if (~is_compared | (np.abs(actual - right.value) <= error)).all():
        return None
    name = stage_name(problem, (node[0], node[2]))
    shown = np.where(is_compared, actual, 0.0), np.where(is_compared, right.value, 0.0), np.where(is_compared, error, 0.0)
    return largest_share(node[1] + 1, (node[0], name), *shown)

