"""The examination of an attempt on probes: which convention its arrays follow, where it is wrong, and why."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..diagnosis.conventions import Scale, in_our_scale
from ..diagnosis.explain import Found, explained, formulas_of, with_causes
from ..diagnosis.graph import Node, Run, Step
from ..diagnosis.lines import line_of
from ..diagnosis.matcher import Matcher, is_within
from ..diagnosis.mistake import Cause
from ..diagnosis.observing import FaultError, Observed, changed_stage, observe
from ..diagnosis.probes import Limits, Probe, are_binary, draw_probes, larger_probe, with_binary_targets
from ..diagnosis.proved import nothing_proved, nothing_shown, without_proof
from ..diagnosis.stages import Stage, judged
from ..problem.pieces import LOSSES
from ..problem.problem import Problem
from ..support.arrays import Array, Batch
from ..userfile.as_side import Traced
from ..userfile.conventions import Convention, conventions
from ..userfile.file import AttemptError
from ..userfile.interface import Candidate
from .faults import Fault, how_far, is_nan, of_fault, with_fault, without_fault
from .reference import as_comparison, reference_numbers
from .result import Check, Verdict
from .stress import stress_tested
from .trial_runs import OF_LOGITS, TrialRuns

_SOFT = (
    "soft targets, those between 0 and 1, differ; for targets of 0 and 1 it agrees with PyTorch: "
    'if yours are these alone, say "targets": "binary" in PROBLEM, or --targets binary'
)
_TWICE = (
    "PROBLEM has the {0} twice, as an activation and in {1}; with one it agrees with PyTorch: "
    "if yours has one, say identity in place of the last activation"
)
_TRACED = 2  # records of the step that is followed line by line


@dataclass(frozen=True)
class Judged:
    """The file's answers judged under one convention: `matcher` has them in the problem's own scale, `as_shown` in the file's."""

    verdict: Verdict
    convention: Convention
    observed: Observed
    expected: Mapping[Node, Array]
    as_shown: Matcher
    matcher: Matcher
    stages: tuple[Stage, ...]
    conventions: tuple[str, ...]
    scale: Scale
    reason: str | None


def _wrong(judged: Judged) -> int:
    """Count the stages that are wrong by themselves, not by their inputs."""
    return sum(stage.mark == "wrong" for stage in judged.stages)


def _in_the_update(found: tuple[Found, ...], matcher: Matcher) -> tuple[Found, ...]:
    """Say of a mistake in a gradient that is shown, and right, that it is in the update alone."""

    def reworded(cause: Cause) -> Cause:
        if cause.is_in_the_update or not matcher.spares_what_is_shown(cause):
            return cause
        return replace(cause, mistake=replace(cause.mistake, sentence=f"in the update alone, {cause.mistake.sentence}"))

    return tuple(replace(each, causes=tuple(map(reworded, each.causes))) for each in found)


def _numbers(observed: Observed) -> tuple[bytes, ...]:
    return tuple(array.tobytes() for array in observed.shown.values())


class Examination:
    """Calls an attempt on the probes by every convention that its arrays may follow, judges it stage by stage, and explains it.

    `expected_numbers` returns the reference's numbers, by default PyTorch's; for nodes that it leaves out, the right formula's are taken.
    With `is_lenient`, an error that the attempt raises in a trial beyond the probes is a note. Two mistakes that explain it together are
    searched for `with_pairs`, which takes most of the time.
    """

    def __init__(
        self, attempt: Candidate, problem: Problem, seed: int, steps: int, data: Batch | None = None, keep: bool = False,
        expected_numbers: Callable[[Problem, Sequence[Probe], Sequence[Step]], Mapping[Node, Array]] = reference_numbers,
        is_lenient: bool = False, with_pairs: bool = True,
    ) -> None:
        self.attempt, self.problem, self.seed, self.steps, self.data, self.keep = attempt, problem, seed, steps, data, keep
        self.expected_numbers, self.is_lenient, self.with_pairs = expected_numbers, is_lenient, with_pairs
        self.limits = Limits.of(problem, attempt.conventions)
        self.probes = tuple(map(self.limits.within, draw_probes(problem, seed, data)))
        if "train_step" not in attempt.functions:  # then new weights are shown, if at all, by a trace, which may have no argument lr
            self.probes = tuple(replace(probe, lrs=(problem.lr,) * len(probe.lrs)) for probe in self.probes)

    def result(self) -> Check:
        """Return the check, by the convention of the file's arrays that fits."""
        fitting: list[tuple[Observed, Convention]] = []
        faults: list[tuple[int, Fault]] = []
        for convention in conventions(self.problem, self.attempt.conventions):
            if fitting and convention.params != fitting[0][1].params:  # a file that takes a dict of these names takes no list
                continue
            observed = Observed()
            try:
                self._observe(convention, observed)
            except (FaultError, AttemptError) as fault:
                if isinstance(fault, AttemptError) and fault.is_final:
                    return of_fault(self._check("could not run"), fault)
                faults.append((len(observed.shown), fault))
                continue
            if self._ends_right(observed) and (judged := self._judged(observed, convention)).verdict == "equivalent":
                if fitting and convention.differs_in_biases_alone(fitting[0][1]):
                    return self._of_biases(*fitting[0], convention)
                runs = TrialRuns(
                    self.attempt, self.problem, convention, judged.scale, judged.matcher, observed.works_in_place, self.data, self.limits,
                    self.is_lenient,
                )
                return stress_tested(self._summary(judged), runs, observed, self.probes, self.steps, self.keep)
            if _numbers(observed) not in {_numbers(other) for other, _ in fitting}:  # else both conventions give the same numbers
                fitting.append((observed, convention))
        if fitting:
            first = self._judged(*fitting[0])
            changed = self._changes(first)
            if changed:
                return replace(self._summary(first), verdict="could not run", reason=changed)
            if self._is_right_for_binary_targets(first.convention):
                check = self._summary(first)
                return replace(check, verdict="different", reason="soft targets differ, those between 0 and 1", notes=(*check.notes, _SOFT))
            if self._is_right_with_logits(first.convention):
                reason = _TWICE.format(self.problem.activations[-1], self.problem.loss)
                return replace(self._summary(first), verdict="different", reason=reason)
            best = self._best(first, fitting[1:], self.with_pairs or len(fitting) > 1 or bool(faults))
            if best.diagnosis or not faults or first.convention == Convention() or not is_nan(faults[0][1]):
                return best
            behind = self._behind(faults[0][1])      # the first convention may be the right one, whose answer was not finite
            return behind if behind and behind.diagnosis else best
        _, farthest = max(faults, key=lambda each: (each[0], *how_far(each[1])))
        return self._behind(farthest) or of_fault(self._check("could not run"), farthest)

    def _of_biases(self, observed: Observed, convention: Convention, other: Convention) -> Check:
        """Check a file by the first shape of biases that fits, where only another is right: it may distinguish biases by their shape."""
        check = self._explained(self._judged(observed, convention))
        said = ", ".join(set(other.said()) - set(convention.said()))
        note = f"it is equal if {said}: if they are meant to be, say so: {other.declaration()}"
        return replace(check, notes=(*check.notes, note))

    @property
    def _final(self) -> str:
        """The last stage that the attempt shows: new parameters, or gradients."""
        return "after" if "train_step" in self.attempt.functions else "used"

    def _ends_right(self, observed: Observed) -> bool:
        """Return whether the last stage shown is right, which saves judging all of them where it is not."""
        run = observed.right(self.problem)
        with np.errstate(all="ignore"):
            return all(is_within(array, run.worked_out(*node)) for node, array in observed.shown.items() if node[0].endswith(self._final))

    def _changes(self, judged: Judged) -> str | None:
        """Return how the file answers otherwise when it is called again, as no mistake explains such numbers; None if it does not."""
        again = Observed(works_in_place=judged.observed.works_in_place)
        try:
            self._observe(judged.convention, again, self.probes[:1])
        except (FaultError, AttemptError) as fault:
            return f"a different answer on the same call twice: the second time {fault}"
        return changed_stage(self.problem, judged.observed, again)

    def _is_right_for_binary_targets(self, convention: Convention) -> bool:
        """Return whether it is equal where all targets are 0 and 1, for which alone some formulas of a loss are right."""
        if LOSSES[self.problem.loss].targets != "binary" or self.data is not None or are_binary(self.problem):
            return False
        return self._is_right_for(with_binary_targets(self.problem), convention)

    def _is_right_with_logits(self, convention: Convention) -> bool:
        """Return whether it is equal where the output layer has no activation, as that of PROBLEM is part of the loss already."""
        hidden, last = self.problem.activations[:-1], self.problem.activations[-1]
        if OF_LOGITS.get(self.problem.loss) != last:
            return False
        return self._is_right_for(replace(self.problem, activations=(*hidden, "identity")), convention)

    def _is_right_for(self, problem: Problem, convention: Convention) -> bool:
        other, observed = Examination(self.attempt, problem, self.seed, 0), Observed()
        try:
            other._observe(convention, observed)
        except (FaultError, AttemptError):
            return False
        return other._ends_right(observed) and other._judged(observed, convention).verdict == "equivalent"

    def _best(self, first: Judged, others: list[tuple[Observed, Convention]], with_pairs: bool) -> Check:
        """Return the check by one of the conventions that fit but are not right: the contract's own, else the only one explained.

        Two mistakes are searched for by the first alone, as that takes most of the time.
        """
        is_own = first.convention == Convention(params=first.convention.params)
        own = self._explained(first, with_pairs)
        if (is_own and own.diagnosis) or not others:
            return own
        fitting = [first, *(self._judged(*each) for each in others)]
        explained_ones = [check for check in (own, *(self._explained(each, with_pairs=False) for each in fitting[1:])) if check.diagnosis]
        if len(explained_ones) == 1 or (explained_ones and is_own):
            return explained_ones[0]
        if is_own:
            return own
        fits = [judged.convention for judged in fitting[:4]]
        said = "; or ".join(f"{', '.join(each.said()) or 'as the contract has it'}: {each.declaration()}" for each in fits)
        return self._check("could not run", reason=f"several conventions of your arrays fit, and none is right; say which it is: {said}")

    def _observe(self, convention: Convention, observed: Observed, probes: tuple[Probe, ...] | None = None) -> None:
        observe(self.attempt.fresh, self.problem, self.probes if probes is None else probes, convention, observed)

    def _behind(self, fault: Fault) -> Check | None:
        """Return the check without what the fault spoils, and the fault beside it; None if nothing is left."""
        left = without_fault(self.attempt, self.probes, fault)
        if left is None:
            return None
        others = copy(self)
        others.attempt, others.probes = left
        return with_fault(others.result(), fault)

    def _judged(self, observed: Observed, convention: Convention) -> Judged:
        expected = self.expected_numbers(self.problem, self.probes, observed.steps)
        as_shown = Matcher(self.problem, observed.steps, observed.shown)
        return self._judged_as(observed, convention, expected, as_shown, *in_our_scale(as_shown, self._final))

    def _judged_as(
        self, observed: Observed, convention: Convention, expected: Mapping[Node, Array], as_shown: Matcher, matcher: Matcher, scale: Scale
    ) -> Judged:
        right = observed.right(self.problem)
        stages = judged(self.problem, matcher.right, right, matcher.shown, expected)
        layout = (*convention.said(), *(["you work in place"] if observed.works_in_place else []))
        is_right = all(stage.mark == "agrees" for stage in stages)
        empty = nothing_shown(right, matcher.shown, self.probes) or (nothing_proved(right, matcher.shown) if is_right else None)
        verdict: Verdict = "not a proof" if empty else "equivalent" if is_right else "different"
        if not is_right:
            hidden = without_proof(right, matcher.shown)
            stages = [replace(each, is_proof=(each.stage.partition("_")[0], each.layer) not in hidden) for each in stages]
        return Judged(verdict, convention, observed, expected, as_shown, matcher, tuple(stages), layout, scale, empty)

    def _explained(self, judged: Judged, with_pairs: bool = True) -> Check:
        """Return the check with the fewest mistakes that explain the difference.

        Intermediates may be in a scale of their own, or have a factor that is the very mistake: fewer mistakes decide, then fewer wrong
        stages.
        """
        if judged.verdict == "not a proof":
            return self._summary(judged)
        found = explained(judged.matcher, judged.stages, with_pairs)
        plain, scale = in_our_scale(judged.as_shown, None)
        if scale.said != judged.scale.said:
            unscaled = self._judged_as(judged.observed, judged.convention, judged.expected, judged.as_shown, plain, scale)
            is_less = len(found) != 1 or _wrong(unscaled) <= _wrong(judged)      # if not, the one mistake is the better explanation
            other = explained(unscaled.matcher, unscaled.stages, with_pairs=False) if is_less else ()
            if (not other, len(other), _wrong(unscaled)) <= (not found, len(found), _wrong(judged)):
                judged, found = unscaled, other
        found = _in_the_update(self._with_more_records(found, judged), judged.matcher)
        wrong = [stage for stage in judged.stages if stage.mark == "wrong"] or [stage for stage in judged.stages if stage.mark != "agrees"]
        first = min((stage.difference for stage in wrong if stage.difference), key=lambda each: each.step, default=None)
        return replace(self._summary(judged), first=first, diagnosis=self._with_lines(found, judged))

    def _with_more_records(self, found: tuple[Found, ...], judged: Judged) -> tuple[Found, ...]:
        """Keep the causes that also explain the answers to batches of more records; none at all if a mistake is left without one.

        With few records the last tenth of a batch is its last record. Where the answers are right, the mistake is in the intermediates.
        Numbers that grow until their bounds overflow, as after an update by each of 43 records' whole gradient, refute no cause.
        """
        if not found or all(stage.mark == "agrees" for stage in judged.stages if stage.stage.endswith(self._final)):
            return found
        observed = Observed(works_in_place=judged.observed.works_in_place)
        try:
            self._observe(judged.convention, observed, (self.limits.within(larger_probe(self.problem, self.seed, self.data)),))
        except (FaultError, AttemptError):
            return found
        with np.errstate(all="ignore"):
            scaled = judged.scale.ours(observed.right(self.problem), observed.shown)
            answers = {node: array for node, array in scaled.items() if node[0].endswith(self._final)}
            matcher = Matcher(self.problem, observed.steps, answers)
            firsts = [each.causes[0] for each in found]
            left = [
                tuple(cause for cause in each.causes if not matcher.are_refuted(formulas_of([*firsts[:i], cause, *firsts[i + 1 :]])))
                for i, each in enumerate(found)
            ]
        return with_causes(found, left)

    def _summary(self, judged: Judged) -> Check:
        steps, shown, stages = judged.observed.steps, judged.matcher.shown, judged.stages
        return self._check(
            judged.verdict, reason=judged.reason, steps=len(steps), compared=sum(array.size for array in shown.values()), stages=stages,
            conventions=judged.conventions, scales=judged.scale.said, notes=(*self.attempt.notes, *judged.observed.notes),
            probes=as_comparison(self.problem, self.probes, steps, shown, stages) if self.keep else None,
        )

    def _with_lines(self, found: tuple[Found, ...], judged: Judged) -> tuple[Found, ...]:
        """Return each mistake with the line of the file that it is in, where that can be found."""
        if not found:
            return ()
        x, y = self.probes[0].batches[0]
        masks = tuple({layer: mask[:_TRACED] for layer, mask in each.items()} for each in self.probes[0].masks[:1])
        probe = Probe(((x[:_TRACED], y[:_TRACED]),), self.probes[0].lrs[:1], self.probes[0].parameters, masks)
        one = next(name for name in ("train_step", "gradients", "trace", "forward", "loss") if name in self.attempt.functions)
        observed = Observed(skipped=frozenset(self.attempt.functions) - {one})
        traced = Traced(self.attempt.fresh())
        try:
            observe(lambda: traced, self.problem, (probe,), judged.convention, observed)
        except (FaultError, AttemptError):
            return found
        run = Run(self.problem, observed.steps)
        return tuple(replace(each, line=line_of(run, each.causes[0], traced.assignments)) for each in found)

    def _check(self, verdict: Verdict, **about: Any) -> Check:
        about = {"notes": tuple(self.attempt.notes), "printed": self.attempt.printed, "text": self.attempt.text, **about}
        return Check(verdict, self.attempt.name, self.problem, self.seed, functions=tuple(self.attempt.functions), **about)
