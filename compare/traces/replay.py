"""Recorded runs as the reference: compare an attempt with a recorded run, or two recorded runs with each other, without torch."""

from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

from ..checking.check import loaded
from ..checking.examination import Examination
from ..checking.result import Check, Verdict
from ..diagnosis.probes import are_binary
from ..lockstep.loop import train_in_lockstep
from ..lockstep.result import Comparison, hardly_moved, steps_to_keep
from ..problem.from_dict import declared_problem
from ..problem.problem import Problem
from ..support.boundary import public
from ..support.errors import ProblemError
from ..userfile.as_side import Attempted, can_train
from ..userfile.conventions import ContractError, Convention, conventions
from ..userfile.file import AttemptError
from ..userfile.interface import Candidate
from ..userfile.program import Program
from .as_side import Recorded
from .trace import Trace, cut_off, inputs_arrays, opened, problem_fields

_TRIED = 3      # steps to find the convention of an attempt's arrays


@public
def replay(trace: Trace | str | PathLike[str], attempt: Any, *, adapter: str | PathLike[str] | None = None, keep: bool = False) -> Check:
    """Train an attempt as the recorded run was trained, and compare each step's new weights, and the predictions, with the recorded ones.

    A difference is then examined on probes, by the formulas alone, for the mistake that explains it. `attempt` and `adapter` are as in
    `check`; `keep` stores the steps' numbers for a report. Raises UnusableFileError, TraceError, and ProblemError for what does not train.
    """
    trace = opened(trace)
    candidate = attempt if isinstance(attempt, Candidate) else loaded(attempt, adapter)
    problem = trace.problem
    if not trace.manifest.recorded:
        raise ProblemError(f"{trace.folder} has no step yet; expected at least one to replay")
    if not can_train(candidate, problem):
        offered = ", ".join(candidate.functions)
        raise ProblemError(f"{candidate.name} offers {offered}; expected train_step, to replay a run with {problem.optimizer}")
    if "forward" not in candidate.functions or not trace.manifest.is_complete:
        problem = replace(problem, test=None)
    if isinstance(candidate, Program):
        candidate.prepare(problem)
    try:
        return _replayed(trace, problem, candidate, keep)
    finally:
        candidate.close()


@public
def differences(actual: Trace | str | PathLike[str], expected: Trace | str | PathLike[str], *, keep: bool = False) -> Comparison:
    """Compare two recorded runs of one problem, step by step as far as both go, within the bounds of the coarser of their precisions.

    Raises ProblemError for runs of different problems, TraceError.
    """
    actual, expected = opened(actual), opened(expected)
    coarser = min((actual, expected), key=lambda trace: np.dtype(trace.problem.dtype).itemsize).problem
    _check_same_problem(actual.problem, expected.problem, coarser.dtype)
    steps = min(actual.manifest.recorded, expected.manifest.recorded)
    if not steps:
        raise ProblemError("one of the two runs has no step yet; expected at least one of both")
    ends_together = all(trace.manifest.is_complete and trace.manifest.steps == steps for trace in (actual, expected))
    problem = coarser if ends_together else replace(coarser, test=None)
    return train_in_lockstep(Recorded(actual), Recorded(expected), problem, steps=steps, keep=steps_to_keep(problem, steps) if keep else ())


def _replayed(trace: Trace, problem: Problem, candidate: Candidate, keep: bool) -> Check:
    steps, versions, offered = trace.manifest.recorded, trace.manifest.environment, candidate.functions
    used = ("train_step",) if "train_step" in offered else tuple(name for name in ("forward", "gradients") if name in offered)
    used += ("forward",) * (problem.test is not None and "forward" not in used)
    cut = () if trace.manifest.is_complete else (cut_off(trace),)
    name = f"PyTorch {versions.get('torch')}" if trace.manifest.side == "torch_ref" else f"manual on NumPy {versions.get('numpy')}"
    reference = f"the run of {name} in {trace.folder}"
    check = Check("could not run", candidate.name, problem, problem.seed, functions=used, reference=reference, text=candidate.text)

    def compared(convention: Convention, problem: Problem, steps: int, keep: bool = False) -> Comparison:
        side, stored = Attempted(candidate, problem, convention), steps_to_keep(problem, steps) if keep else ()
        return train_in_lockstep(side, Recorded(trace), problem, steps=steps, keep=stored)

    def ended(verdict: Verdict, error: Exception, **where: Any) -> Check:
        notes = tuple(candidate.notes)
        return replace(check, verdict=verdict, reason=str(error), printed=candidate.printed, notes=notes, **where)

    def failed(fault: ContractError | AttemptError) -> Check:
        where = {"line": fault.line, "source": fault.source} if isinstance(fault, AttemptError) else {}
        return ended("different" if fault.kind == "nan" else "could not run", fault, **where)

    fitting: list[tuple[Convention, Comparison]] = []
    faults: list[ContractError | AttemptError] = []
    for convention in conventions(problem, candidate.conventions):
        try:
            tried = compared(convention, replace(problem, test=None), min(_TRIED, steps), keep=True)
        except (ContractError, AttemptError) as fault:
            faults.append(fault)
            continue
        fitting.append((convention, tried))
        if tried.verdict == "equivalent":
            break
    if not fitting:
        return failed(faults[0])
    convention, tried = max(fitting, key=lambda each: each[1].verdict == "equivalent")
    try:
        comparison = compared(convention, problem, steps, keep)
    except (ContractError, AttemptError) as fault:
        return failed(fault)
    check = replace(
        check,
        verdict=comparison.verdict,
        steps=comparison.steps,
        compared=comparison.compared,
        first=comparison.first_divergence,
        comparison=comparison,
        conventions=tuple(convention.said()),
        printed=candidate.printed,
        notes=(*cut, *candidate.notes),
    )
    if comparison.verdict == "different":
        return _explained(check, candidate)
    unmoved = tried.unmoved and (comparison if keep else compared(convention, problem, steps, keep=True)).unmoved
    if unmoved:
        return replace(check, verdict="not a proof", reason=hardly_moved(unmoved))
    others = [name for name in offered if name not in used]
    note = f"{', '.join(others)} not compared: a run is replayed by its new weights, and by its predictions; see check"
    return replace(check, notes=(*check.notes, *([note] if others else [])))


def _explained(check: Check, candidate: Candidate) -> Check:
    """Add the stages and mistakes that probes show, if probes can be drawn for the problem."""
    problem = check.problem
    if problem.dtype != "float64" or problem.accumulate > 1 or problem.normalization == "batch_norm":
        return check
    kind = "classes" if problem.batches[0][1].ndim == 1 else "binary" if are_binary(problem) else None
    names = ("sizes", "activations", "bias", "loss", "reduction", "optimizer", "lr", "normalization", "dropout")
    options = {**{name: getattr(problem, name) for name in names}, **problem.optimizer_options}
    declared = declared_problem(options | ({"targets": kind} if kind else {}))
    if isinstance(candidate, Program):
        candidate.prepare(declared)
    found = Examination(candidate, declared, check.seed, 0, expected_numbers=lambda *_: {}).result()
    if found.verdict != "different":      # the probes do not show the mistake
        return replace(check, notes=(*check.notes, *found.notes))
    taken = {name: getattr(found, name) for name in ("stages", "diagnosis", "scales", "conventions")}
    return replace(check, notes=tuple(dict.fromkeys((*check.notes, *found.notes))), **taken)


def _check_same_problem(actual: Problem, expected: Problem, dtype: str) -> None:
    """Raise ProblemError unless the problems differ only in precision."""
    one, other = ({**problem_fields(problem), "dtype": dtype} for problem in (actual, expected))
    for name in one:
        if one[name] != other[name]:
            raise ProblemError(f"the two runs have {name} {one[name]!r} and {other[name]!r}; expected runs of one problem")
    for what, these, those in (
        ("initial parameters", actual.initial_parameters, expected.initial_parameters),
        ("inputs", inputs_arrays(actual), inputs_arrays(expected)),
    ):
        if these.keys() != those.keys() or any(not np.array_equal(these[name].astype(dtype), those[name].astype(dtype)) for name in these):
            raise ProblemError(f"the two runs have different {what}; expected runs of one problem")
