"""The results of grading a folder: lines on a terminal, and a page whose table links each attempt's own page."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .console import make_console
from .html import PAGE, template

MOST_NAMED = 10      # skipped files
MARKS = {"equivalent": "✓", "different": "✗"}      # "!" for what is neither right nor wrong


def counted(lines: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Count the lines of each verdict."""
    return sorted(Counter(str(line["verdict"]) for line in lines).items())


def print_grades(
    lines: Sequence[Mapping[str, Any]], confined: str, files: Iterable[Path], skipped: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Print what confined the attempts, how many have each verdict, and the result files.

    `confined` is the confinement, with the protections after a colon, or empty; `skipped` says why a file of the folder is no attempt.
    """
    console = make_console()
    by, _, protections = confined.partition(": ")
    tried = f"; {len(protections.split(', '))} protections were tried and hold:" if protections else ""
    console.say(f"Confined by {by}{tried}" if confined else "Not confined: the attempts could do anything")
    if protections:
        console.say(f"  {protections}")
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
    """Yield the page in parts; raise MissingExtraError where the extra `report` is not installed."""
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    parts: Iterator[str] = template("grades.html").generate(lines=lines, counts=counted(lines), marks=MARKS, style=style)
    return parts
