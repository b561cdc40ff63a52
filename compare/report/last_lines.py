"""The three lines that matter of what differs: where, why, and what to do."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..checking.result import Check
from ..lockstep.result import Comparison


class Last(NamedTuple):
    """One of the lines: what it says, and of what."""

    of: str
    text: str


def last_of_comparison(comparison: Comparison, command: str | None) -> Iterator[Last]:
    """The lines of a training that differs."""
    found = comparison.first_divergence
    if found is None:
        return
    where = f"step {found.step}, {found.phase}" + ("" if found.tensor == found.phase else f" {found.tensor}")
    yield Last("where", where + (f", index {list(found.index)}" if found.index else ""))
    if found.reason or found.difference is None:
        yield Last("why", found.reason or "the numbers cannot be compared")
    else:
        times = f", {found.share:.3g} times" if found.allowed else ", more than"
        yield Last("why", f"off by {found.difference:.3g}{times} what rounding allows; all before it agrees")
    yield Last("do", "look at what makes this tensor" + (f"; repeat: {command}" if command else ""))


def last_of_check(check: Check, command: str, given: Mapping[str, str] | None = None) -> Iterator[Last]:
    """The lines of a check that is not equal; of one with a hint, what is `given` away."""
    first = check.first
    stage = next((stage.name for stage in check.stages if stage.mark == "wrong"), None)
    line = check.line or next((found.line for found in check.diagnosis if found.line), None)
    if first is not None:
        yield Last("where", f"step {first.step}, {first.tensor}" + (f", index {list(first.index)}" if first.index else ""))
    else:
        yield Last("where", f"line {check.line} of {check.name}" if check.line else stage or check.name)
    causes = [found.causes[0].sentence for found in check.diagnosis]
    if given:
        yield Last("why", given.get("sentence") or given.get("kind") or "that is for you to find out")
    elif causes:
        yield Last("why", "; and ".join(causes))
    else:
        yield Last("why", check.reason or "unknown: no mistake of the catalogue makes just these numbers")
    see = f"look at line {line} of {check.name}, then " if line and not given else ""
    yield Last("do", f"{see}repeat: {command}")
