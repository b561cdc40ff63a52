"""The check of a file part by part in words: what was compared, where it differs, why and what to do; with a hint, only what that says."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..parts.result import Part, PartsCheck
from ..userfile.text import cell_of
from .words import FOR_YOU, Line, line_said

_UNKNOWN = "unknown: no one factor explains every number"


def about(check: PartsCheck) -> str:
    """Say in one line what was compared with what."""
    count = len(check.parts)
    return f"{check.name} ({count} {'part' if count == 1 else 'parts'}, each beside {check.reference})"


def allows(check: PartsCheck) -> str:
    """Say what bounds the numbers."""
    return "rounding allows" if check.reference == "PyTorch" else "differences allow"


def hinted(check: PartsCheck, level: int | None) -> tuple[PartsCheck, dict[str, str]]:
    """Return the check without what explains it, and the hint by name: at level 1 the part, at 2 also its array, at 3 what explains it.

    It has no right number and no line of a wrong one either. Without a `level` the check is returned unchanged, and no hint.
    """
    worst = check.worst
    if level is None or worst is None or check.verdict != "different":
        return check, {}
    hint = {"stage": worst.name}
    if level >= 2 and worst.tensor:
        hint["kind"] = worst.tensor
    if level >= 3 and worst.why:
        hint["sentence"] = worst.why
    return replace(check, parts=tuple(_hidden(part, level) if part.mark == "wrong" else part for part in check.parts)), hint


def _hidden(part: Part, level: int) -> Part:
    """Return the part with no more than such a hint says."""
    first = part.first and replace(part.first, actual=None, expected=None, difference=None, allowed=None)
    return replace(part, first=first if level >= 2 else None, why=part.why if level >= 3 else None, line=None, on="")


def part_said(part: Part) -> str:
    """Name the part, with the number that is wrong, if one is."""
    return f"{part.name}, {part.tensor}" if part.first is not None else f"the {part.name}" if " " in part.name else part.name


def place_said(check: PartsCheck) -> str | None:
    """Say where in its file the line to look at first is."""
    return None if check.line is None else line_said(check, check.line, check.worst.file if check.worst else "")


def why(check: PartsCheck, hint: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the lines that explain the verdict; with a hint, only what the hint says."""
    part = check.worst
    if check.verdict != "different" or part is None:
        return
    if hint:
        yield from (f"  hint: {text}" for name, text in hint.items() if name != "stage" or len(hint) == 1)
        return
    found = part.first
    if found is not None and found.actual is not None:
        other = "PyTorch's" if check.reference == "PyTorch" else "by differences"
        yield f"  yours {found.actual!r}, {other} {found.expected!r}"
        yield f"  off by {found.difference:.2g}, where {allows(check)} {found.allowed:.2g}"
    if found is not None and found.reason:
        yield f"  {found.reason}"
    if part.on:
        yield f"  on {part.on}"
    if check.line is not None:
        yield f"  see {check.place} {place_said(check)}: {check.source or ''}"


def summary(check: PartsCheck, command: str, hint: Mapping[str, str] | None = None) -> Iterator[Line]:
    """Yield where the check differs, why, and what to do; with a hint, only what the hint says."""
    part, place = check.worst, place_said(check)
    if part is None:
        yield Line("where", f"{place} of {check.name}" if place else check.name)
        yield Line("why", check.failure or "nothing was compared")
        yield Line("do", f"repeat: {command}")
        return
    yield Line("where", (part_said(part) if part.first else part.name) + _within(check, part))
    yield Line("why", (hint.get("sentence", FOR_YOU) if hint else check.reason) or _UNKNOWN)
    yield Line("do", (f"look at {place} of {check.place}, then " if place and not hint else "") + f"repeat: {command}")


def _within(check: PartsCheck, part: Part) -> str:
    """Say which lines the part has."""
    if part.lines is None:
        return ""
    first, last = part.lines
    place = line_said(check, first, part.file)
    within = cell_of(check.texts.get(part.file, check.text), Path(part.file or check.name), first)[1]
    return f", {place.removesuffix(f'line {within}')}lines {within}–{last - first + within}"
