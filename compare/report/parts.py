"""The check of a file part by part: on a terminal, as JSON, and in one line."""

from collections.abc import Mapping

from rich.text import Text

from ..parts.result import Mark, Part, PartsCheck
from ..support.environment import environment
from .console import make_console, print_summary, print_verdict
from .json import as_text, difference_object, fields
from .parts_words import about, allows, part_said, place_said, summary, why

MARKS: dict[Mark, str] = {"agrees": "✓", "wrong": "✗", "unclear": "~", "could not run": "!", "not compared": "-"}
_STYLES: dict[Mark, str] = {"agrees": "green", "wrong": "bold red", "unclear": "yellow", "could not run": "red", "not compared": "dim"}


def headline(check: PartsCheck) -> str:
    """Say the verdict, and what it rests on."""
    first = check.worst
    if check.verdict == "equivalent":
        agreed = sum(part.mark == "agrees" for part in check.parts)
        left_out = f"; the update of {', '.join(check.left_out)} is not compared" if check.left_out else ""
        left_out += f"; but {'; '.join(check.caveats)}" if check.caveats else ""
        parts = "part" if agreed == 1 else "parts"
        return f"equivalent: {check.compared} numbers of {agreed} {parts}, each within what {allows(check)}{left_out}"
    if check.verdict == "different" and first is not None:
        return f"different: first at {part_said(first)}"
    reason = check.failure or (f"{first.name}: {first.reason}" if first is not None else "nothing was compared")
    return f"{check.verdict}: {reason}"


def print_parts(check: PartsCheck, command: str, hint: Mapping[str, str] | None = None, report: str | None = None) -> None:
    """Print the check; with a hint, only what the hint says. `command` repeats it."""
    console = make_console()
    console.say(about(check), hang=2)
    for sentence in check.conventions:
        console.say(f"Found: {sentence}", hang=7)
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
        console.say(Text(f"{MARKS[part.mark]} {part.name:{width}}  {said(part)}", style=_STYLES[part.mark]), hang=width + 4)
    console.print()
    print_verdict(console, headline(check), report)
    for sentence in why(check, hint):
        console.say(sentence)
    if check.verdict != "equivalent":
        print_summary(console, summary(check, command, hint))


def parts_json(check: PartsCheck, hint: Mapping[str, str] | None = None) -> str:
    """Return the check as JSON text, with the keys of other checks where they mean the same; with a hint, only what the hint says."""
    result = {
        **({"hint": dict(hint)} if hint else {}),
        **fields(check, "verdict"),
        "explanation": headline(check),
        **fields(check, "reason"),
        "file": check.name,
        "adapter": check.shape,
        "found": check.recognised,
        **fields(check, "seed", "compared", "left_out", "caveats"),
        "line": None if hint else check.line,
        "place": None if hint else place_said(check),
        "first_divergence": difference_object(check.first),
        "parts": [
            {"part": part.name, **fields(part, "mark", "beside", "compared", "lines", "line", "on", "why", "reason", "file")}
            | {"difference": difference_object(part.first)}
            for part in check.parts
        ],
        **fields(check, "notes", "printed"),
        "environment": environment("cpu"),
    }
    return as_text(result)


def said(part: Part) -> str:
    """Say in a line what came out for the part."""
    match part.mark:
        case "agrees":
            return (f"agrees with {part.beside}" if part.beside else "agrees") + (f"; it {part.caveat}" if part.caveat else "")
        case "wrong":
            if part.first is None:
                return f"wrong: {part.why}" if part.why else "wrong"
            return f"wrong here: {part.tensor}" + (f", beside {part.beside}" if part.beside else "")
        case "unclear":
            return f"differs; {part.reason}"
        case _:
            return f"{part.mark}: {part.reason}"
