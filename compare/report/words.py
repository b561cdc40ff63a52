"""A check or a training in words: the verdict, where, why and what to do; all of it, or as much as a hint gives away."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from ..checking.result import Check
from ..diagnosis.catalogue import kind_of
from ..diagnosis.explain import Found
from ..lockstep.result import Comparison
from ..problem.problem import Problem

MARKS = {"agrees": "✓", "wrong": "✗", "inherits": "~"}


def about(check: Check) -> str:
    """What was compared with what, in one line."""
    return " ".join(sides(check))


def sides(check: Check) -> tuple[str, str]:
    """What was compared, and with what."""
    return f"{check.name} ({', '.join(check.functions) or 'nothing'})", f"beside {check.reference} on {described(check.problem)}"


def described(problem: Problem) -> str:
    """The problem in a few words."""
    same = len(set(problem.activations)) == 1
    options = [f"{name} {value}" for name, value in problem.chosen_options.items() if value]
    parts = [
        f"{'-'.join(map(str, problem.sizes))} {problem.activations[0] if same else ' '.join(problem.activations)}",
        "biases" if problem.bias else "no biases",
        problem.loss + (" summed" if problem.reduction == "sum" else ""),
        " ".join([problem.optimizer, *options]),
    ]
    return ", ".join(parts)


def described_in_full(problem: Problem) -> str:
    """The same, with all that a grade may depend on: how targets are said, what is between the layers, and the learning rate."""
    parts = [described(problem), f"lr {problem.lr:g}"]
    parts += [problem.normalization] if problem.normalization else []
    parts += [f"dropout {problem.dropout:g}"] if problem.dropout else []
    parts += ["class indices"] if problem.batches[0][1].ndim == 1 else []
    return ", ".join(parts)


def headline(check: Check) -> str:
    """The verdict, and what it rests on."""
    if check.verdict == "equivalent":
        return f"equivalent: {check.compared} numbers in {check.steps} steps, each within what rounding allows"
    if check.verdict != "different":
        return f"{check.verdict}: {check.reason}"
    if check.first is None:
        return f"different: {check.reason}"
    return f"different: first at {check.first.place(of_phase=False)}" + (f"; {check.reason}" if check.reason else "")


def why(check: Check, hint: Mapping[str, str] | None = None) -> Iterator[str]:
    """The lines that explain the verdict; with a hint, what it says instead."""
    if check.line is not None and f"line {check.line}: `{check.source}`" not in (check.reason or ""):
        yield f"  line {check.line}: {check.source}" if check.source else f"  line {check.line}"
    if check.verdict != "different":
        return
    if hint:
        yield from (f"  hint: {text}" for name, text in hint.items() if name != "stage" or len(hint) == 1)
        return
    first = check.first
    if first is not None and first.actual is not None and not check.diagnosis:
        yield f"  yours {first.actual!r}, PyTorch's {first.expected!r}"
        yield f"  off by {first.difference:.2g}, where rounding allows {first.allowed:.2g}"
    if not check.diagnosis and check.comparison is None:
        yield "  unknown: no mistake of the catalogue makes just these numbers" + ("; look at this stage" if check.stages else "")
    for number, found in enumerate(check.diagnosis, start=1):
        yield from _found(f"  mistake {number} of {len(check.diagnosis)}: " if len(check.diagnosis) > 1 else "  ", found, check)


def probes(check: Check) -> str:
    """Where the probes are from; nothing of a recorded run that was followed to its end, which has its own inputs."""
    return f"drawn from seed {check.seed}" if check.stages or check.comparison is None else ""


def _found(prefix: str, found: Found, check: Check) -> Iterator[str]:
    first, *others = found.causes
    yield prefix + first.sentence
    yield f"    should be   {first.mistake.expected}"
    yield f"    behaves as  {first.mistake.actual}"
    if found.evidence is not None:
        shown = found.evidence
        yours, right, mistaken = _digits(shown.actual, shown.expected, shown.under_mistake)
        yield f"    shown by    step {shown.step}, {shown.tensor}{f', index {list(shown.index)}' if shown.index else ''}:"
        yield f"                {yours} is yours, {right} right, {mistaken} with the mistake"
    if found.line is not None:
        yield f"    see         {check.name} line {found.line}: {check.text_of(found.line)}"
    for other in dict.fromkeys(cause.sentence for cause in others):
        yield f"    or, which looks the same: {other}"
    if found.probe_to_separate:
        yield f"    to tell them apart: {found.probe_to_separate}"


def _digits(actual: float, expected: float, mistaken: float) -> tuple[str, ...]:
    """The numbers with eight digits, or with all where that does not tell right from wrong."""
    short = tuple(f"{value:.8g}" for value in (actual, expected, mistaken))
    return short if short[0] != short[1] else (repr(actual), repr(expected), repr(mistaken))


def hinted(check: Check, level: int | None) -> tuple[Check, dict[str, str]]:
    """The check without its answer, and the hint in its place, by name. Without a `level` the check stays as it is.

    Level 1 gives the stage, 2 the kind of mistake too, 3 its sentence.
    """
    if level is None:
        return check, {}
    stage = next((stage.name for stage in check.stages if stage.mark == "wrong"), "")
    hint = {"stage": stage} if stage else {}
    if check.diagnosis and level >= 2:
        hint["kind"] = "; ".join(dict.fromkeys(kind_of(found.causes[0].mistake) for found in check.diagnosis))
    if check.diagnosis and level >= 3:
        hint["sentence"] = "; ".join(found.causes[0].sentence for found in check.diagnosis)
    if check.verdict != "equivalent":
        check = replace(check, comparison=_without_steps(check.comparison), probes=_without_steps(check.probes))
    return replace(check, diagnosis=(), scales=()), hint


def _without_steps(comparison: Comparison | None) -> Comparison | None:
    """Without the numbers, which would show what is for the reader to find out."""
    return None if comparison is None else replace(comparison, kept={})


def what_next(check: Check, command: str) -> str:
    """How to repeat it."""
    return f"  repeat: {command}"


class Line(NamedTuple):
    """One line of a summary: what it says, and of what."""

    of: str
    text: str


def summary_of_training(comparison: Comparison, command: str | None) -> Iterator[Line]:
    """Where a training differs, why, and what to do."""
    found = comparison.first_divergence
    if found is None:
        return
    yield Line("where", found.place())
    if found.reason or found.difference is None:
        yield Line("why", found.reason or "the numbers cannot be compared")
    else:
        times = f", {found.share:.3g} times" if found.allowed else ", more than"
        yield Line("why", f"off by {found.difference:.3g}{times} what rounding allows; all before it agrees")
    yield Line("do", "look at what makes this tensor" + (f"; repeat: {command}" if command else ""))


def summary_of_check(check: Check, command: str, hint: Mapping[str, str] | None = None) -> Iterator[Line]:
    """Where a check differs, why, and what to do; with a hint, only what the hint says."""
    first = check.first
    stage = next((stage.name for stage in check.stages if stage.mark == "wrong"), None)
    line = check.line or next((found.line for found in check.diagnosis if found.line), None)
    if first is not None:
        yield Line("where", first.place(of_phase=False))
    else:
        yield Line("where", f"line {check.line} of {check.name}" if check.line else stage or check.name)
    causes = [found.causes[0].sentence for found in check.diagnosis]
    if hint:
        yield Line("why", hint.get("sentence") or hint.get("kind") or "that is for you to find out")
    elif causes:
        yield Line("why", "; and ".join(causes))
    else:
        yield Line("why", check.reason or "unknown: no mistake of the catalogue makes just these numbers")
    see = f"look at line {line} of {check.name}, then " if line and not hint else ""
    yield Line("do", f"{see}repeat: {command}")
