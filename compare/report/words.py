"""Put a check or a training into words: the verdict, where, why and what to do; with a hint, only what the hint says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

from ..checking.result import Check
from ..diagnosis.catalogue import kind_of
from ..diagnosis.explain import Found
from ..lockstep.difference import Difference
from ..lockstep.result import Comparison
from ..parts.result import PartsCheck
from ..problem.problem import Problem
from ..userfile.text import cell_of, place_in

MARKS = {"agrees": "✓", "wrong": "✗", "inherits": "~"}
SAID = {"agrees": "agrees", "wrong": "wrong here", "inherits": "follows from what is wrong before it"}      # of stages
_NEIGHBOURS = 2      # lines of the file, that are shown before and after one
FOR_YOU = "that is for you to find out"
_UNKNOWN = "unknown: no mistake of the catalogue makes just these numbers"
_SHOW_MORE = "it shows its new weights alone: with gradients(params, x, y) or trace(params, x, y) as well, the first wrong stage is found"


def about(check: Check) -> str:
    """Say in one line what was compared with what."""
    return " ".join(sides(check))


def sides(check: Check) -> tuple[str, str]:
    """Say what was compared, and with what."""
    return f"{check.name} ({', '.join(check.functions) or 'nothing'})", f"beside {check.reference} on {described(check.problem)}"


def described(problem: Problem) -> str:
    """Describe the problem in a few words."""
    names = problem.activations[:1] if len(set(problem.activations)) == 1 else problem.activations
    network = f"{'-'.join(map(str, problem.sizes))} {' '.join(names)}, {'biases' if problem.bias else 'no biases'}"
    loss = problem.loss + {"mean": "", "sum": " summed", "batchmean": " summed over outputs"}[problem.reduction]
    options = [f"{name} {value}" for name, value in problem.chosen_options.items() if value]
    pieces = [problem.normalization, f"dropout {problem.dropout:g}" if problem.dropout else None]
    return ", ".join(filter(None, (network, *pieces, loss, " ".join([problem.optimizer, *options]))))


def described_in_full(problem: Problem) -> str:
    """Describe the problem with all that a grade may depend on: also the kind of targets and the learning rate."""
    targets = "class indices" if problem.batches[0][1].ndim == 1 else None
    return ", ".join(filter(None, (described(problem), f"lr {problem.lr:g}", targets)))


def headline(check: Check) -> str:
    """Say the verdict, and what it rests on."""
    if check.verdict == "equivalent":
        said = f"equivalent: {check.compared} numbers in {check.steps} steps, each within what rounding allows"
        return f"{said}; but {check.caveat}" if check.caveat else said
    if check.verdict != "different":
        return f"{check.verdict}: {check.reason}"
    if check.first is None:
        return f"different: {check.reason}"
    return f"different: first at {check.first.place(of_phase=False)}" + (f"; {check.reason}" if check.reason else "")


def why(check: Check, hint: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the lines that explain the verdict; with a hint, only what the hint says."""
    if check.line is not None and f"{line_said(check, check.line)}: `{check.source}`" not in (check.reason or ""):
        yield f"  {line_said(check, check.line)}" + (f": {check.source}" if check.source else "")
    if check.verdict != "different":
        return
    if hint:
        yield from (f"  hint: {text}" for name, text in hint.items() if name != "stage" or len(hint) == 1)
        return
    first = check.first
    if first is not None and first.actual is not None and not check.diagnosis:
        yield f"  yours {first.actual!r}, {whose(check)} {first.expected!r}"
        yield f"  off by {first.difference:.2g}, where rounding allows {first.allowed:.2g}"
    if not check.diagnosis and check.comparison is None and not (check.reason and first is None):      # the reason is all that there is
        yield f"  {_UNKNOWN}" + ("; look at this stage" if check.stages else "")
        if check.stages and not {"trace", "gradients"}.intersection(check.functions):
            yield f"  {_SHOW_MORE}"
    for number, found in enumerate(check.diagnosis, start=1):
        yield from _found(f"  mistake {number} of {len(check.diagnosis)}: " if len(check.diagnosis) > 1 else "  ", found, check)


def whose(check: Check) -> str:
    """Return the possessive of the reference, as it stands before one of its numbers."""
    return "PyTorch's" if check.reference == "PyTorch" else "the recorded run's"


def probes(check: Check) -> str:
    """Say what the probes were drawn from; "" for a recorded run that was followed to its end, which has its own inputs."""
    return f"drawn from seed {check.seed}" if check.stages or check.comparison is None else ""


def step_and_index(difference: Difference) -> str:
    """Say the step, and the index in its array."""
    return f"step {difference.step}" + (f" {list(difference.index)}" if difference.index else "")


def line_of(check: Check) -> int | None:
    """Return the line of the user's file that is to be looked at first, or None."""
    return check.line or next((found.line for found in check.diagnosis if found.line), None)


def place_of(check: Check) -> str | None:
    """Say where that line is."""
    line = line_of(check)
    return None if line is None else line_said(check, line)


def _wrong_stage(check: Check) -> str:
    return next((stage.name for stage in check.stages if stage.mark == "wrong"), "")


class Explained(NamedTuple):
    """A mistake in words: its sentence, the right formula and what the file has in its place, the number that shows it, and where it is.

    `number` is that number's place, and `values` are yours, the right one and the mistake's; both are "" where there is none. `others` are
    mistakes that look the same, and `separate` says what would tell them apart.
    """

    sentence: str
    expected: str
    actual: str
    number: str
    values: str
    line: int | None
    others: Sequence[str]
    separate: str | None


def explained(found: Found) -> Explained:
    """Put a mistake into words."""
    first, *others = found.causes
    number = values = ""
    if found.evidence is not None:
        shown = found.evidence
        yours, right, mistaken = _digits(shown.actual, shown.expected, shown.under_mistake)
        number = f"step {shown.step}, {shown.tensor}{f', index {list(shown.index)}' if shown.index else ''}"
        values = f"{yours} is yours, {right} right, {mistaken} with the mistake"
    same = list(dict.fromkeys(cause.sentence for cause in others))
    return Explained(
        first.sentence, first.mistake.expected, first.mistake.actual, number, values, found.line, same, found.probe_to_separate
    )


def _found(prefix: str, found: Found, check: Check) -> Iterator[str]:
    said = explained(found)
    yield prefix + said.sentence
    yield f"    should be   {said.expected}"
    yield f"    behaves as  {said.actual}"
    if said.number:
        yield f"    shown by    {said.number}:"
        yield f"                {said.values}"
    if said.line is not None:
        yield f"    see         {check.name} {line_said(check, said.line)}: {check.text_of(said.line)}"
    for other in said.others:
        yield f"    or, which looks the same: {other}"
    if said.separate:
        yield f"    to tell them apart: {said.separate}"


class SourceLine(NamedTuple):
    """A line of the user's file: its number from 1, its text, and whether it is the one to look at."""

    number: int
    text: str
    is_it: bool


def around(check: Check | PartsCheck, line: int | None, file: str = "") -> list[SourceLine]:
    """Return that line of the file between its neighbours, without the indentation that they share; none where the file is not there.

    Of a part it may be another file beside it. The lines of a notebook are those of the cell.
    """
    text = check.texts.get(file, check.text) if isinstance(check, PartsCheck) else check.text
    lines = text.split("\n") if text else []
    if line is None or not 1 <= line <= len(lines):
        return []
    path = Path(file or check.name)
    cell, within = cell_of(text, path, line)
    places = [at for at in range(line - _NEIGHBOURS, line + _NEIGHBOURS + 1) if 1 <= at <= len(lines)]
    places = [at for at in places if cell_of(text, path, at)[0] == cell and (cell is None or cell_of(text, path, at)[1])]
    texts = dedent("\n".join(lines[at - 1].rstrip() for at in places)).split("\n")
    shown = [SourceLine(at - line + within, text, at == line) for at, text in zip(places, texts, strict=True)]
    while not shown[-1].text and not shown[-1].is_it:
        shown.pop()
    return shown


def line_said(check: Check | PartsCheck, line: int, file: str = "") -> str:
    """Say where that line of the file is, or of one beside it: "line 7", or in a notebook "cell 3, line 7"."""
    text = check.texts.get(file, check.text) if isinstance(check, PartsCheck) else check.text
    return place_in(text, Path(file or check.name), line)


def _digits(actual: float, expected: float, mistaken: float) -> tuple[str, ...]:
    """Write the numbers with eight digits, or with all where eight do not tell right from wrong."""
    short = tuple(f"{value:.8g}" for value in (actual, expected, mistaken))
    return short if short[0] != short[1] else (repr(actual), repr(expected), repr(mistaken))


def hinted(check: Check, level: int | None) -> tuple[Check, dict[str, str]]:
    """Return the check without its diagnosis, and the hint by name: at level 1 the stage, at 2 also the mistake's kind, at 3 its sentence.

    It has no right number either, which would give away what to aim at. Without a `level` the check is returned unchanged, and no hint.
    """
    if level is None:
        return check, {}
    where = _wrong_stage(check) or (check.first.tensor if check.first and check.verdict == "different" else "")
    hint = {"stage": where} if where else {}
    causes = [found.causes[0] for found in check.diagnosis]
    if causes and level >= 2:
        hint["kind"] = "; ".join(dict.fromkeys(kind_of(cause.mistake) for cause in causes))
    if causes and level >= 3:
        hint["sentence"] = "; ".join(cause.sentence for cause in causes)
    reason = check.reason
    for cause in causes if level < 3 else ():      # a limit's reason ends with the mistake
        reason = reason and reason.replace(cause.sentence, FOR_YOU)
    first = check.first and replace(check.first, actual=None, expected=None)
    stages = tuple(replace(stage, difference=None) for stage in check.stages)
    if check.verdict != "equivalent":
        check = replace(check, comparison=_without_steps(check.comparison), probes=_without_steps(check.probes))
    return replace(check, diagnosis=(), scales=(), reason=reason, first=first, stages=stages), hint


def _without_steps(comparison: Comparison | None) -> Comparison | None:
    """Drop the steps' numbers, from which the answer could be read."""
    return None if comparison is None else replace(comparison, kept={})


class Line(NamedTuple):
    """One line of a summary: its label, "where", "why" or "do", and its text."""

    label: str
    text: str


def summary_of_training(comparison: Comparison, command: str | None) -> Iterator[Line]:
    """Yield where a training differs, why, and what to do."""
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


def _with_others(found: Found) -> str:
    """Return the mistake's sentence, and that there are others which look the same."""
    first, *others = dict.fromkeys(cause.sentence for cause in found.causes)
    if len(others) > 1:
        return f"{first}, or one of {len(others)} that look the same"
    return f"{first}, or, which looks the same: {others[0]}" if others else first


def summary_of_check(check: Check, command: str, hint: Mapping[str, str] | None = None) -> Iterator[Line]:
    """Yield where a check differs, why, and what to do; with a hint, only what the hint says."""
    if check.first is not None:
        yield Line("where", check.first.place(of_phase=False))
    else:
        yield Line("where", f"{line_said(check, check.line)} of {check.name}" if check.line else _wrong_stage(check) or check.name)
    causes = [_with_others(found) for found in check.diagnosis]
    if hint:
        yield Line("why", hint.get("sentence") or hint.get("kind") or FOR_YOU)
    else:
        yield Line("why", "; and ".join(causes) or check.reason or _UNKNOWN)
    line = line_of(check)
    see = f"look at {line_said(check, line)} of {check.name}, then " if line and not hint else ""
    yield Line("do", f"{see}repeat: {command}")
