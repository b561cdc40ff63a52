"""The results of grading a folder: lines on a terminal, and a page whose table links each attempt's own page."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .console import make_console
from .html import PAGE, made_by, template

MOST_NAMED = 10      # skipped files, attempts of a verdict, and mistakes on a terminal
MARKS = {"equivalent": "✓", "different": "✗"}      # "!" for what is neither right nor wrong
ORDER = ("different", "unstable formula", "not a proof", "could not run", "equivalent")      # what needs a look comes first
UNEXPLAINED = "unexplained"
Line = Mapping[str, Any]


def sorted_places(lines: Iterable[Line]) -> list[int]:
    """Return the places of the lines, by verdict in the order above, and else as they are."""
    ranks = bytes(ORDER.index(line["verdict"]) for line in lines)
    return sorted(range(len(ranks)), key=ranks.__getitem__)


def counted(lines: Iterable[Line]) -> list[tuple[str, int]]:
    """Count the lines of each verdict, in the order above."""
    counts = Counter(str(line["verdict"]) for line in lines)
    return [(verdict, counts[verdict]) for verdict in ORDER if counts[verdict]]


def named(line: Line) -> list[str]:
    """Return the ids of the line's mistakes, each with "or" and those that make the same numbers."""
    return [" or ".join([one, *others]) for one, others in zip(line["mistakes"], line["alternatives"], strict=True)]


def tallied(lines: Iterable[Line]) -> list[tuple[str, int]]:
    """Count the attempts that have each mistake, the most frequent first; where results only hint, each hint or else each stage."""
    counts: Counter[str] = Counter()
    for line in lines:
        if line["verdict"] in ("different", "unstable formula"):
            counts.update(list(dict.fromkeys(named(line))) or [line["hint"] or line["stage"] or UNEXPLAINED])
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def print_grades(
    lines: Sequence[Line], confined: str, files: Iterable[Path], skipped: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Print what confined the attempts, which and how many have each verdict and each mistake, and the result files.

    `confined` is the confinement, with the protections after a colon, or empty; `skipped` says why a file of the folder is no attempt.
    """
    console = make_console()
    by, _, protections = confined.partition(": ")
    tried = f"; {len(protections.split(', '))} protections were tried and hold:" if protections else ""
    console.say(f"Confined by {by}{tried}" if confined else "Not confined: the attempts could do anything")
    if protections:
        console.say(f"  {protections}")
    if skipped:
        console.say(f"Skipped: {_some([f'{name} ({why})' for name, why in skipped.items()], len(skipped))}")
    first: dict[str, list[str]] = {verdict: [] for verdict in ORDER}
    for line in lines:
        if len(first[line["verdict"]]) < MOST_NAMED:
            first[line["verdict"]].append(line["attempt"])
    for verdict, number in counted(lines):
        console.say(f"{number:6} {verdict}: {_some(first[verdict], number)}")
    if mistakes := tallied(lines):
        console.say("Mistakes, by the attempts that have them:")
        for mistake, number in mistakes[:MOST_NAMED]:
            console.say(f"{number:6} {mistake}")
        if len(mistakes) > MOST_NAMED:
            console.say(f"       and {len(mistakes) - MOST_NAMED} others, on the page")
    console.say(f"{len(lines)} attempts:")
    for file in files:
        console.print(f"  {file}")


def _some(names: Sequence[str], number: int) -> str:
    """List the first names, and say how many more there are."""
    more = [f"and {number - MOST_NAMED} more"] if number > MOST_NAMED else []
    return ", ".join([*names[:MOST_NAMED], *more])


def grades_page(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the page in parts; raise MissingExtraError where the extra `report` is not installed."""
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    about = {"number": len(lines), "counts": counted(lines), "mistakes": tallied(lines), "marks": MARKS, "style": style, **made_by()}
    parts: Iterator[str] = template("grades.html").generate(lines=(lines[i] for i in sorted_places(lines)), named=named, **about)
    return parts
