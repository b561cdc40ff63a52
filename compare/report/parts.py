"""The check of a file part by part: on a terminal, as JSON, and in one line."""

from collections.abc import Iterator

from rich.text import Text

from ..parts.result import Mark, Part, PartsCheck
from ..support.environment import environment
from .console import make_console, print_summary, print_verdict
from .json import as_text, difference_object, fields
from .words import Line

_MARKS: dict[Mark, str] = {"agrees": "✓", "wrong": "✗", "unclear": "~", "could not run": "!", "not compared": "-"}
_STYLES: dict[Mark, str] = {"agrees": "green", "wrong": "bold red", "unclear": "yellow", "could not run": "red", "not compared": "dim"}
_UNKNOWN = "unknown: no one factor explains every number"


def headline(check: PartsCheck) -> str:
    """Say the verdict, and what it rests on."""
    first = check.first
    if check.verdict == "equivalent":
        agreed = sum(part.mark == "agrees" for part in check.parts)
        left_out = f"; the update of {', '.join(check.left_out)} is not compared" if check.left_out else ""
        left_out += f"; but {'; '.join(check.caveats)}" if check.caveats else ""
        parts = "part" if agreed == 1 else "parts"
        return f"equivalent: {check.compared} numbers of {agreed} {parts}, each within what rounding allows{left_out}"
    if check.verdict == "different" and first is not None:
        return f"different: first at {_place(first)}"
    reason = check.reason or (f"{first.name}: {first.reason}" if first is not None else "nothing was compared")
    return f"{check.verdict}: {reason}"


def print_parts(check: PartsCheck, command: str) -> None:
    """Print the check; `command` repeats it."""
    console = make_console()
    console.say(f"{check.name} ({_found(check)})", hang=2)
    console.say(f"Found: {check.found}, as --adapter {check.shape}", hang=7)
    console.print(f"Inputs drawn from seed {check.seed}")
    for note in check.notes:
        console.say(f"Note: {note}", hang=6)
    if check.printed:
        console.print(Text("It printed:", style="dim"))
        for line in check.printed.rstrip("\n").split("\n"):
            console.say(f"  | {line}", hang=4)
    console.print()
    width = max((len(part.name) for part in check.parts), default=0)
    for part in check.parts:
        console.say(Text(f"{_MARKS[part.mark]} {part.name:{width}}  {_said(part)}", style=_STYLES[part.mark]), hang=width + 4)
    console.print()
    print_verdict(console, headline(check), None)
    for sentence in _details(check):
        console.say(sentence)
    if check.verdict != "equivalent":
        print_summary(console, _summary(check, command))


def parts_json(check: PartsCheck) -> str:
    """Return the check as JSON text, with the keys of other checks where they mean the same."""
    first = check.first
    result = {
        **fields(check, "verdict"),
        "explanation": headline(check),
        **fields(check, "reason"),
        "file": check.name,
        "adapter": check.shape,
        **fields(check, "found", "seed", "compared", "left_out", "caveats"),
        "line": check.at if first is None else _line(first),
        "first_divergence": None if first is None else difference_object(first.first),
        "parts": [
            {"part": part.name, **fields(part, "mark", "beside", "compared", "lines", "line", "on", "why", "reason", "file")}
            | {"difference": difference_object(part.first)}
            for part in check.parts
        ],
        **fields(check, "notes", "printed"),
        "environment": environment("cpu"),
    }
    return as_text(result)


def _found(check: PartsCheck) -> str:
    count = len(check.parts)
    return f"{count} {'part' if count == 1 else 'parts'}, each beside PyTorch"


def _said(part: Part) -> str:
    match part.mark:
        case "agrees":
            return f"agrees with {part.beside}" if part.beside else "agrees"
        case "wrong":
            if part.first is None:
                return f"wrong: {part.why}"
            return f"wrong here: {part.tensor}" + (f", beside {part.beside}" if part.beside else "")
        case "unclear":
            return f"differs; {part.reason}"
        case _:
            return f"{part.mark}: {part.reason}"


def _place(part: Part) -> str:
    return f"{part.name}, {part.tensor}" if part.first is not None else f"the {part.name}"


def _line(part: Part) -> int | None:
    return part.line or (part.lines[0] if part.lines else None)


def _details(check: PartsCheck) -> Iterator[str]:
    part = check.first
    if check.verdict != "different" or part is None:
        return
    found = part.first
    if found is not None and found.actual is not None:
        yield f"  yours {found.actual!r}, PyTorch's {found.expected!r}"
        yield f"  off by {found.difference:.2g}, where rounding allows {found.allowed:.2g}"
    if found is not None and found.reason:
        yield f"  {found.reason}"
    if part.on:
        yield f"  on {part.on}"
    if (line := _line(part)) is not None:
        yield f"  see {part.file or check.name} line {line}: {check.text_of(line, part.file)}"


def _summary(check: PartsCheck, command: str) -> Iterator[Line]:
    part = check.first
    if part is None:
        yield Line("where", f"line {check.at} of {check.name}" if check.at else check.name)
        yield Line("why", check.reason or "nothing was compared")
        yield Line("do", f"repeat: {command}")
        return
    within = f", lines {part.lines[0]}–{part.lines[1]}" if part.lines else ""
    yield Line("where", (_place(part) if part.first else part.name) + within)
    yield Line("why", part.why or part.reason or (part.first.reason if part.first else None) or _UNKNOWN)
    line = _line(part)
    yield Line("do", (f"look at line {line} of {part.file or check.name}, then " if line else "") + f"repeat: {command}")
