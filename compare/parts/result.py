"""The result of checking a file part by part: a mark for each function, and the verdict, which is the worst of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..lockstep.difference import Difference

Mark = Literal["agrees", "wrong", "unclear", "could not run", "not compared"]
PartsVerdict = Literal["equivalent", "different", "could not run", "not a proof"]


@dataclass(frozen=True)
class Part:
    """One function, class or tensor of a file: its mark, and what that rests on.

    `beside` says what it was compared with, `on` the inputs of the first difference. `line` is the one to look at first, `lines` the first
    and last of its definition. `why` is what explains every wrong number, where something does; `reason` why nothing could be compared.
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
    file: str = ""      # beside the checked one, where it is another

    @property
    def tensor(self) -> str:
        """The tensor of the first difference, with its index."""
        if self.first is None:
            return ""
        return self.first.tensor + (f"[{', '.join(map(str, self.first.index))}]" if self.first.index else "")


@dataclass(frozen=True)
class PartsCheck:
    """The result of checking each part of a file: `shape` is the adapter's name, `found` the sentence that says what was recognised."""

    name: str
    shape: str
    found: str
    seed: int
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    printed: str = ""
    reason: str | None = None      # why the file could not be run at all
    at: int | None = None      # the line of that
    text: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)      # of the files beside it, by name
    left_out: tuple[str, ...] = ()      # parameters whose gradients are compared, and not their update
    caveats: tuple[str, ...] = ()      # what else of the file is not compared

    @property
    def compared(self) -> int:
        """How many numbers were compared."""
        return sum(part.compared for part in self.parts)

    @property
    def first(self) -> Part | None:
        """The part that decides the verdict, None if all agree."""
        order: Sequence[Mark] = ("wrong", "could not run", "unclear", "not compared")
        return next((part for mark in order for part in self.parts if part.mark == mark), None)

    @property
    def verdict(self) -> PartsVerdict:
        """The verdict on the file, which is the worst of its parts."""
        if self.reason is not None:
            return "could not run"
        match self.first:
            case None:
                return "equivalent" if self.compared else "not a proof"
            case Part(mark="wrong" | "unclear"):
                return "different"
            case Part(mark="could not run"):
                return "could not run"
            case _:
                return "not a proof"

    def text_of(self, line: int, file: str = "") -> str:
        """Return that line of the file, or of one beside it, from 1, without its indentation."""
        lines = self.texts.get(file, self.text).split("\n")
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""
