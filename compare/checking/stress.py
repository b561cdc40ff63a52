"""The stress tests of an attempt that is right on the probes: it is asked again, tried beyond the probes, and trained in lockstep."""

from dataclasses import replace
from typing import Any

from ..diagnosis.conventions import Scale
from ..diagnosis.matcher import Matcher
from ..diagnosis.observing import FaultError, Observed, changed_stage, observe
from ..diagnosis.probes import Probe, with_probes
from ..lockstep.loop import train_in_lockstep
from ..lockstep.result import Comparison, steps_to_keep
from ..problem.problem import Problem
from ..support.arrays import Batch
from ..userfile.as_side import Attempted, can_train
from ..userfile.conventions import ContractError, Convention
from ..userfile.file import AttemptError
from ..userfile.interface import Candidate
from .limits import Limits
from .result import Check, Verdict


class StressTest:
    """The stress test of an attempt that is equal on the probes."""

    def __init__(
        self, attempt: Candidate, problem: Problem, probes: tuple[Probe, ...], steps: int, data: Batch | None, keep: bool
    ) -> None:
        self.attempt, self.problem, self.probes, self.steps, self.data, self.keep = attempt, problem, probes, steps, data, keep

    def passed(self, check: Check, convention: Convention, observed: Observed, scale: Scale, matcher: Matcher) -> Check:
        """Return the check after the stress tests; a function that answered once has to answer throughout."""
        tested = self._tried(check, convention, observed, scale, matcher)
        refused = ", ".join(sorted(observed.answered - set(self.attempt.functions)))
        if tested.verdict == "equivalent" and refused:
            reason = f"{refused} answers NotImplemented for some inputs, and not for others; expected a function to be offered or not"
            return replace(tested, verdict="could not run", reason=reason)
        return tested

    def _tried(self, check: Check, convention: Convention, observed: Observed, scale: Scale, matcher: Matcher) -> Check:
        """Whether it answers the same again, has no limit that the probes do not reach, and holds over a training in lockstep too."""
        again = Observed(works_in_place=observed.works_in_place)
        try:
            self._observe(convention, again, self.probes[:1])
            changed = changed_stage(self.problem, observed, again)
            if changed:
                return replace(check, verdict="could not run", reason=changed)
            check = Limits(self.attempt, self.problem, convention, scale, matcher, observed.works_in_place, self.data).sought(check)
            if check.verdict != "equivalent":
                return check
            comparison = self._in_lockstep(convention)
        except (FaultError, ContractError) as fault:
            verdict: Verdict = "different" if fault.kind == "nan" else "could not run"
            return replace(check, verdict=verdict, reason=f"where the probes had agreed: {fault}")
        except AttemptError as error:
            return replace(check, verdict="could not run", reason=str(error), line=error.line, source=error.source)
        if comparison is None:
            return check
        about: dict[str, Any] = {"steps": check.steps + comparison.steps, "compared": check.compared + comparison.compared}
        if comparison.verdict != "equivalent":
            reason = "the probes agree, and a training in lockstep does not"
            return replace(check, verdict="different", first=comparison.first_divergence, reason=reason, comparison=comparison, **about)
        return replace(check, comparison=comparison, **about)

    def _in_lockstep(self, convention: Convention) -> Comparison | None:
        """Both sides trained from the probe's weights on its batches, each keeping its own; None where no training is offered."""
        if not (self.steps and can_train(self.attempt, self.problem)):
            return None
        from ..sides.torch_ref import TorchRef

        problem = with_probes(self.problem, self.probes[0])
        side = Attempted(self.attempt, problem, convention)
        keep = steps_to_keep(problem, self.steps) if self.keep else ()
        return train_in_lockstep(side, TorchRef(problem, stages=True), problem, steps=self.steps, keep=keep)

    def _observe(self, convention: Convention, observed: Observed, probes: tuple[Probe, ...]) -> None:
        observe(self.attempt.fresh, self.problem, probes, convention, observed)

