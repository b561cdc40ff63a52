"""The result of checking an attempt: the verdict, and all that it rests on."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from ..diagnosis.explain import Found
from ..diagnosis.stages import Stage
from ..lockstep.difference import Difference
from ..lockstep.result import Comparison
from ..problem.problem import Problem
from ..support.boundary import public_methods

Verdict = Literal["equivalent", "different", "unstable formula", "not a proof", "could not run"]


@public_methods
@dataclass(frozen=True)
class Check:
    """The result of checking an attempt against the `reference`.

    `stages` are in the order of computation, each with its mark; `diagnosis` has one entry for each mistake that explains a difference.
    `conventions` and `notes` are sentences. `first` is the first wrong number, `reason` what else explains the verdict. `comparison` is the
    training in lockstep that followed where the probes agreed. `compared` counts numbers, and `seed` draws the same probes again. `probes`
    has the numbers of both sides on the probes, if the check was made with `keep`.
    `caveat` is what else the verdict's line says: what an equivalent step is not, or where the file raises an error. There are `parts` in
    a PartsCheck alone.
    """

    verdict: Verdict
    name: str
    problem: Problem
    seed: int
    steps: int = 0
    compared: int = 0
    stages: tuple[Stage, ...] = ()
    diagnosis: tuple[Found, ...] = ()
    conventions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    first: Difference | None = None
    reason: str | None = None
    line: int | None = None
    source: str | None = None
    printed: str = ""
    comparison: Comparison | None = None
    probes: Comparison | None = None
    functions: tuple[str, ...] = ()
    reference: str = "PyTorch"
    scales: tuple[str, ...] = ()
    text: str = field(default="", repr=False)
    caveat: str | None = None
    parts: ClassVar[tuple[()]] = ()

    def text_of(self, line: int) -> str:
        """Return that line of the file, from 1, without its indentation."""
        lines = self.text.split("\n")
        return lines[line - 1].strip() if line <= len(lines) else ""

    def __repr__(self) -> str:
        """Return the name and the verdict."""
        from ..report.words import headline

        return f"Check({self.name}: {headline(self)})"

    def to_html(self) -> str:
        """Return the report as an offline page, with pictures if made with `keep`; raises MissingExtraError without the extra `report`."""
        from ..report.html import check_page

        return check_page(self, f"check(…, seed={self.seed})")

    def _repr_html_(self) -> str:
        """Return the report for a notebook."""
        from ..report.html import in_notebook
        from ..report.words import headline

        return in_notebook(self.to_html, headline(self))


def with_caveat(check: Check, said: str) -> Check:
    """Return the check with one more caveat."""
    return replace(check, caveat="; ".join(filter(None, (check.caveat, said))))
