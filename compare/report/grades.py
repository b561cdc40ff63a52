"""A run over many attempts: the few lines of it on a terminal, and a page with a table that links each attempt's own page."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .html import PAGE, template
from .terminal import make_console

MOST_NAMED = 10      # of what was skipped
MARKS = {"equivalent": "✓", "different": "✗"}      # "!" for what is neither right nor wrong


def counted(lines: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """How many there are of each verdict."""
    return sorted(Counter(str(line["verdict"]) for line in lines).items())


def print_grades(
    lines: Sequence[Mapping[str, Any]], confined: str, files: Iterable[Path], skipped: Mapping[str, str] = MappingProxyType({})
) -> None:
    """What the attempts were confined by, with the protections after a colon; how many have each verdict; and where the results are.

    `skipped` is what else is in the folder, by name, and why it is no attempt.
    """
    console = make_console()
    by, _, held = confined.partition(": ")
    if not confined:
        console.say("Not confined: the attempts could do anything")
    elif held:
        console.say(f"Confined by {by}; {len(held.split(', '))} protections were tried and hold:")
        console.say(f"  {held}")
    else:
        console.say(f"Confined by {by}")
    if skipped:
        named = [f"{name} ({why})" for name, why in skipped.items()]
        more = [f"and {len(named) - MOST_NAMED} more"] if len(named) > MOST_NAMED else []
        console.say(f"Skipped: {', '.join(named[:MOST_NAMED] + more)}")
    for verdict, number in counted(lines):
        console.say(f"{number:6} {verdict}")
    console.say(f"{len(lines)} attempts:")
    for file in files:
        console.print(f"  {file}")


def grades_page(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The page in parts; raises MissingExtraError where the extra `report` is not installed."""
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    parts: Iterator[str] = template("grades.html").generate(lines=lines, counts=counted(lines), marks=MARKS, style=style)
    return parts
