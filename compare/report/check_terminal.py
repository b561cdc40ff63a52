"""A check on the terminal: what was compared, the stages in order with a mark each, and the lines that matter last."""

from collections.abc import Mapping

from rich.text import Text

from ..checking.result import Check
from .checked import MARKS, headline, probes, sides, why
from .last_lines import last_of_check
from .terminal import make_console, print_last

_STYLES = {"agrees": "green", "wrong": "bold red", "inherits": "yellow"}


def print_check(check: Check, command: str, given: Mapping[str, str] | None = None, report: str | None = None) -> None:
    """The whole check; of one with a hint, what is `given` away."""
    console = make_console()
    for side in sides(check):
        console.say(side, hang=2)
    if probes(check):
        console.print(Text(f"Probes {probes(check)}"))
    for sentence in (*check.conventions, *check.scales):
        console.say(f"Found: {sentence}", hang=7)
    for note in check.notes:
        console.say(f"Note: {note}", hang=6)
    if check.printed:
        console.print(Text("It printed:", style="dim"))
        for line in check.printed.rstrip("\n").split("\n"):
            console.say(f"  | {line}", hang=4)
    if check.stages:
        console.print()
    width = max((len(stage.name) for stage in check.stages), default=0)
    for stage in check.stages:
        said = {"agrees": "agrees", "wrong": "wrong here", "inherits": "follows from what is wrong before it"}[stage.mark]
        where = ""
        if stage.mark == "wrong" and stage.difference is not None:
            index = f" {list(stage.difference.index)}" if stage.difference.index else ""
            where = f": step {stage.difference.step}{index}"
        console.say(Text(f"{MARKS[stage.mark]} {stage.name:{width}}  {said}{where}", style=_STYLES[stage.mark]), hang=width + 4)
    console.print()
    if report:
        console.print(Text(f"Report: {report}"))
    verdict, _, rest = headline(check).partition(":")
    style = "bold green" if check.verdict == "equivalent" else "bold red"
    console.say(Text(verdict.upper(), style=style) + Text(f":{rest}"), hang=2)
    for line in why(check, given):
        console.say(line)
    if check.verdict != "equivalent":
        print_last(console, last_of_check(check, command, given))
