"""The stress tests of an attempt that is right on the probes: it is called again, tried beyond the probes, and trained in lockstep."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..diagnosis.observing import FaultError, Observed, changed_stage, observe
from ..diagnosis.probes import Probe, with_probes
from ..lockstep.loop import train_in_lockstep
from ..lockstep.result import Comparison, steps_to_keep
from ..userfile.as_side import Attempted, can_train
from ..userfile.conventions import ContractError
from ..userfile.file import AttemptError
from .result import Check, Verdict
from .trial_runs import TrialRuns


def stress_tested(check: Check, runs: TrialRuns, observed: Observed, probes: Sequence[Probe], steps: int, keep: bool) -> Check:
    """Return the check after the stress tests; a function that answered on the probes has to answer throughout.

    `observed` is what the attempt of `runs` answered on the probes. It is trained over `steps` steps, whose numbers the check has if
    they are to `keep`.
    """
    tested = _tried(check, runs, observed, probes[0], steps, keep)
    refused = ", ".join(sorted(observed.answered - set(runs.attempt.functions)))
    if tested.verdict == "equivalent" and refused:
        reason = f"{refused} answers NotImplemented for some inputs, and not for others; expected a function to be offered or not"
        return replace(tested, verdict="could not run", reason=reason)
    return tested


def _tried(check: Check, runs: TrialRuns, observed: Observed, probe: Probe, steps: int, keep: bool) -> Check:
    """Return the check after the same calls again, the trials beyond the probes, and a training in lockstep."""
    again = Observed(works_in_place=observed.works_in_place)
    try:
        observe(runs.attempt.fresh, runs.problem, (probe,), runs.convention, again)
        changed = changed_stage(runs.problem, observed, again)
        if changed:
            return replace(check, verdict="could not run", reason=changed)
        check = runs.tried(check)
        if check.verdict != "equivalent" and not (runs.is_lenient and check.verdict == "unstable formula"):
            return check
        comparison = _in_lockstep(runs, probe, steps, keep)
    except (FaultError, ContractError) as fault:
        if check.verdict == "unstable formula" and fault.kind == "nan":
            return check
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


def _in_lockstep(runs: TrialRuns, probe: Probe, steps: int, keep: bool) -> Comparison | None:
    """Train attempt and reference from the probe's weights on its batches; None where no training is asked for, or offered."""
    if not (steps and can_train(runs.attempt, runs.problem)):
        return None
    from ..sides.torch_ref import TorchRef

    problem = with_probes(runs.problem, probe)
    kept = steps_to_keep(problem, steps) if keep else ()
    side = Attempted(runs.attempt, problem, runs.convention)
    return train_in_lockstep(side, TorchRef(problem, stages=True), problem, steps=steps, keep=kept)
