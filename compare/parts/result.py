"""The result of checking a file part by part: a mark for each function, and the verdict, which is the worst of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ..lockstep.difference import Difference
from ..support.boundary import public_methods

Mark = Literal["agrees", "wrong", "unclear", "could not run", "not compared"]
PartsVerdict = Literal["equivalent", "different", "could not run", "not a proof"]


@dataclass(frozen=True)
class Part:
    """One function, class or tensor of a file: its mark, and what that rests on.

    `beside` says what it was compared with, `on` the inputs of the first difference. `line` is the one to look at first, `lines` the first
    and last of its definition. `why` is what explains every wrong number, where something does; `reason` why nothing could be compared;
    `caveat` is what the verdict's line says of what agrees.
    """

    name: str
    mark: Mark
    beside: str = ""
    compared: int = 0
    first: Difference | None = None
    on: str = ""
    lines: tuple[int, int] | None = None
    line: int | None = None
    why: str | None = None
    reason: str | None = None
    caveat: str = ""
    file: str = ""      # beside the checked one, where it is another

    @property
    def tensor(self) -> str:
        """The tensor of the first difference, with its index."""
        if self.first is None:
            return ""
        return self.first.tensor + (f"[{', '.join(map(str, self.first.index))}]" if self.first.index else "")

    @property
    def place(self) -> int | None:
        """The line to look at first: of what is wrong, or else where it is defined."""
        return self.line or (self.lines[0] if self.lines else None)


@public_methods
@dataclass(frozen=True)
class PartsCheck:
    """The result of checking each part of a file, with the fields of a `Check`, of which those of a network are empty.

    `shape` is the adapter's name, `recognised` the sentence that says as what the file was recognised. `failure` says why the file could
    not be run at all, and `at` in which line. `texts` are those of files beside it, by name, and `left_out` the parameters whose gradients
    are compared, and not their update; `caveats` say what else is not compared, and `unused` has the functions and classes among that.
    `first` is the first wrong number, `line` the one to look at, in the file `place`.
    """

    name: str
    shape: str
    recognised: str
    seed: int
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    printed: str = ""
    failure: str | None = None
    at: int | None = None
    text: str = field(default="", repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    left_out: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    reference: str = "PyTorch"
    problem: ClassVar[None] = None
    steps: ClassVar[int] = 0
    stages: ClassVar[tuple[()]] = ()
    diagnosis: ClassVar[tuple[()]] = ()
    comparison: ClassVar[None] = None
    probes: ClassVar[None] = None
    scales: ClassVar[tuple[()]] = ()

    @property
    def caveat(self) -> str | None:
        """What else the verdict's line says: of what no part speaks."""
        updates = [f"the update of {', '.join(self.left_out)} is not compared"] if self.left_out else []
        return "; ".join([*updates, *self.caveats]) or None

    @property
    def compared(self) -> int:
        """How many numbers were compared."""
        return sum(part.compared for part in self.parts)

    @property
    def worst(self) -> Part | None:
        """The part that decides the verdict, None if all agree."""
        order: Sequence[Mark] = ("wrong", "could not run", "unclear", "not compared")
        return next((part for mark in order for part in self.parts if part.mark == mark), None)

    @property
    def verdict(self) -> PartsVerdict:
        """The verdict on the file, which is the worst of its parts."""
        if self.failure is not None:
            return "could not run"
        match self.worst:
            case None:
                return "equivalent" if self.compared else "not a proof"
            case Part(mark="wrong" | "unclear"):
                return "different"
            case Part(mark="could not run"):
                return "could not run"
            case _:
                return "not a proof"

    @property
    def first(self) -> Difference | None:
        """The first wrong number, None where no number is wrong."""
        return None if self.worst is None else self.worst.first

    @property
    def reason(self) -> str | None:
        """What explains the verdict, None where nothing does, or where none is needed."""
        part = self.worst
        return self.failure if part is None else part.why or part.reason or (part.first.reason if part.first else None)

    @property
    def line(self) -> int | None:
        """The line to look at first."""
        return self.at if self.worst is None else self.worst.place

    @property
    def place(self) -> str:
        """The name of the file in which that line is."""
        return (self.worst.file if self.worst else "") or self.name

    @property
    def source(self) -> str | None:
        """The text of that line."""
        return None if self.line is None else self.text_of(self.line, self.worst.file if self.worst else "") or None

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the parts."""
        return tuple(part.name for part in self.parts)

    @property
    def conventions(self) -> tuple[str, ...]:
        """What was recognised, with the option that says it."""
        return (f"{self.recognised}, as --adapter {self.shape}",)

    def text_of(self, line: int, file: str = "") -> str:
        """Return that line of the file, or of one beside it, from 1, without its indentation."""
        lines = self.texts.get(file, self.text).split("\n")
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""

    def __repr__(self) -> str:
        """Return the name and the verdict."""
        from ..report.parts import headline

        return f"PartsCheck({self.name}: {headline(self)})"

    def to_html(self) -> str:
        """Return the report as an offline page; raises MissingExtraError without the extra `report`."""
        from ..report.parts_page import parts_page

        return parts_page(self, f"check(…, seed={self.seed})")

    def _repr_html_(self) -> str:
        """Return the report for a notebook."""
        from ..report.html import in_notebook
        from ..report.parts import headline

        return in_notebook(self.to_html, headline(self))
