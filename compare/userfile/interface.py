"""What can be examined: a user's file, functions at hand, or a program at the end of a pipe."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable


@runtime_checkable
class Candidate(Protocol):
    """Something that offers functions of the contract, by itself or through an adapter.

    `problem` and `conventions` are what it declares; `notes` what was noticed of it.
    """

    name: str
    notes: list[str]

    @property
    def path(self) -> Path | None:
        """Where its source lies, if it lies in a file."""

    @property
    def problem(self) -> Mapping[str, Any]:
        """What it declares of the problem."""

    @property
    def conventions(self) -> Mapping[str, Any]:
        """What it declares of its arrays' layout."""

    @property
    def functions(self) -> Sequence[str]:
        """Those that it offers."""

    @property
    def printed(self) -> str:
        """What it has printed so far."""

    @property
    def text(self) -> str:
        """Its source, or nothing."""

    def takes(self, function: str) -> int:
        """How many arguments the function takes; 0 where that is not known."""

    def call(self, function: str, *args: Any) -> Any:
        """The answer; raises AttemptError."""

    def traced_call(self, function: str, *args: Any) -> tuple[Any, list[Any]]:
        """The answer, and what the lines of its source assigned on the way."""

    def fresh(self) -> Self:
        """The same, with whatever it keeps started over."""

    def close(self) -> None:
        """Let go of what it holds; it is examined no more."""
