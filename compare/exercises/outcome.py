"""How far a learner's file has come: each stage's mark, the first wrong number, and what is still to be written."""

import json
from dataclasses import dataclass, fields
from typing import Literal, Self

Verdict = Literal["solved", "different", "not written yet", "could not run"]
Mark = Literal["agrees", "wrong", "differs", "inherits", "failed", "skipped", "open"]      # beside a module nothing is known to follow
SEED = 1      # of the probes: the first wrong number stays where it is until it is right
WRITE = "write "      # begins what a function that was left out raises
_NOT_WRITTEN = "NotImplementedError: "


@dataclass(frozen=True)
class Outcome:
    """The result of checking a learner's file.

    `stages` are pairs of name and mark, in the order of computation. `where` is the first wrong number, with its value in the file and in
    the reference. `said` is what is to be written, or what is wrong with the file, and `line` where. `hints` go from the least to the most.
    `network` is what a file of the contract was compared with.
    """

    exercise: str
    file: str
    verdict: Verdict
    stages: tuple[tuple[str, Mark], ...] = ()
    where: str | None = None
    yours: float | None = None
    expected: float | None = None
    said: str | None = None
    line: int | None = None
    source: str | None = None
    hints: tuple[str, ...] = ()
    printed: str = ""
    network: str = ""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the outcome that `check --json` has printed."""
        found = json.loads(text)
        stages = tuple((each["stage"], each["mark"]) for each in found["stages"])
        named = {each.name: found[each.name] for each in fields(cls)}
        numbers = {name: None if found[name] is None else float(found[name]) for name in ("yours", "expected")}      # of "NaN", too
        return cls(**{**named, "stages": stages, "hints": tuple(found["hints"]), **numbers})


def not_written(reason: str | None, name: str) -> str | None:
    """Return what is to be written, if the reason of a check is that a function of the file of that name is not; else None."""
    if reason is None or _NOT_WRITTEN not in reason:
        return None
    return reason.partition(_NOT_WRITTEN)[2].partition(f", at {name} line")[0].removeprefix(WRITE)
