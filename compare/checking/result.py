"""What comes of checking an attempt: the verdict, and all that it rests on."""

from dataclasses import dataclass, field
from typing import Literal

from ..diagnosis.explain import Found
from ..diagnosis.stages import Stage
from ..lockstep.result import Comparison
from ..problem.problem import Problem
from ..rounding.difference import Difference

Verdict = Literal["equivalent", "different", "unstable formula", "not a proof", "could not run"]


@dataclass(frozen=True)
class Check:
    """What came of checking an attempt.

    `stages` are in the order of computation, each with its mark; `diagnosis` the mistakes that explain a difference, one entry for each
    that was made. `conventions` and `notes` are sentences. `first` is the first number that is wrong, `reason` what else there is to say of
    the verdict. `comparison` is the training in lockstep that followed where the probes agreed. `compared` counts numbers, `seed` draws
    the same probes again, and it was compared with the `reference`. `probes` are the steps of the probes, number beside number, where they
    were to be kept.
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

    def text_of(self, line: int) -> str:
        """That line of the file, without its indentation."""
        lines = self.text.split("\n")
        return lines[line - 1].strip() if line <= len(lines) else ""

    def to_html(self) -> str:
        """The report as one page that opens offline, with pictures if it was made with `keep`.

        Raises MissingExtraError where the extra `report` is not installed.
        """
        from ..report.html import check_page

        return check_page(self, f"check(…, seed={self.seed})")

    def _repr_html_(self) -> str:
        """The report, in a notebook."""
        from ..report.html import in_notebook
        from ..report.words import headline

        return in_notebook(self.to_html, headline(self))
