"""What a fault of an attempt spoils, what can be checked without that, and how the check tells of it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TypeGuard

from ..diagnosis.observing import FaultError
from ..diagnosis.probes import Probe
from ..diagnosis.stages import Stage, rank, stage_name
from ..lockstep.difference import Difference
from ..userfile.file import AttemptError
from ..userfile.interface import Candidate
from ..userfile.without import Without
from .result import Check, Verdict

Fault = FaultError | AttemptError
_OF_A_WRONG_CONVENTION = ("KeyError", "AttributeError", "IndexError", "TypeError")


def how_far(fault: Fault) -> tuple[int, int]:
    """Rank a fault by how far the file came: an unusable answer, then other exceptions than those of a wrong convention; then by line."""
    if isinstance(fault, FaultError):
        return 2, 0
    is_of_convention = any(f"raised {name}" in str(fault) for name in _OF_A_WRONG_CONVENTION)
    return int(not is_of_convention), fault.reached or fault.line or 0


def is_nan(fault: Fault) -> TypeGuard[FaultError]:
    """Return whether the fault is an answer that is not finite."""
    return isinstance(fault, FaultError) and fault.kind == "nan"


def without_fault(attempt: Candidate, probes: Sequence[Probe], fault: Fault) -> tuple[Candidate, tuple[Probe, ...]] | None:
    """Return the attempt and the probes without what the fault spoils: a function, entries, or its probe and those after it.

    None where nothing is left.
    """
    left, earlier = attempt, tuple(probes)
    if fault.function == next((name for name in ("train_step", "gradients") if name in attempt.functions), None):
        ends = accumulate(len(probe.batches) for probe in probes)
        before = fault.step if is_nan(fault) else 0
        earlier = tuple(probe for probe, end in zip(probes, ends, strict=True) if end < before)
    elif fault.function in attempt.functions:
        left = Without(attempt, fault.function, fault.entries if isinstance(fault, FaultError) else ())
    else:
        return None
    return (left, earlier) if left.functions and earlier else None


def with_fault(check: Check, fault: Fault) -> Check:
    """Add the fault to the check of all else: as a note if it is a helper's, or a loss's that raises; else in the verdict."""
    if isinstance(fault, AttemptError) and (fault.kind == "arguments" or fault.function == "loss"):
        what = "it is taken for a helper and not asked" if fault.kind == "arguments" else "the loss was not compared"
        return replace(check, notes=(*check.notes, f"{fault}: {what}"))
    said = str(fault) if isinstance(fault, AttemptError) else f"step {fault.step}: {fault}"
    beside = check.reason if check.verdict in ("different", "could not run", "unstable formula") else None
    check = replace(check, reason="; ".join(filter(None, (said, beside))))
    if is_nan(fault):
        return _with_nan(check, fault)
    if check.verdict == "different":
        return check
    line, source = (fault.line, fault.source) if isinstance(fault, AttemptError) else (check.line, check.source)
    return replace(check, verdict="could not run", line=line, source=source)


def _with_nan(check: Check, fault: FaultError) -> Check:
    """Add the stages that are not finite to the check, as wrong."""
    names = {group: stage_name(check.problem, group) for group in fault.groups}
    nan = [Stage(*group, name, "wrong", Difference(fault.step, group[0], name, reason=str(fault))) for group, name in names.items()]
    stages = sorted((*check.stages, *nan), key=lambda stage: rank((stage.stage, stage.layer), len(check.problem.layers)))
    wrong = [stage.difference for stage in stages if stage.mark == "wrong" and stage.difference]
    first = min(wrong, key=lambda each: each.step, default=check.first)
    verdict: Verdict = "could not run" if check.verdict == "could not run" else "different"
    return replace(check, verdict=verdict, stages=tuple(stages), first=first)


def of_fault(check: Check, fault: Fault) -> Check:
    """Return the check of which nothing but the fault is known."""
    if isinstance(fault, AttemptError):
        names = f"; the parameters are {', '.join(check.problem.shapes())}" if "raised KeyError" in str(fault) else ""
        return replace(check, verdict="could not run", reason=f"{fault}{names}", line=fault.line, source=fault.source)
    return replace(check, verdict="different" if fault.kind == "nan" else "could not run", reason=f"step {fault.step}: {fault}")
