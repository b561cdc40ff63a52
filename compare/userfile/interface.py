"""The interface of everything that can be checked: a user's file, Python functions, or a program at the end of a pipe."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable


@runtime_checkable
class Candidate(Protocol):
    """An attempt that offers functions of the contract, by itself or through an adapter; `notes` are remarks about it, sentences."""

    name: str
    notes: list[str]

    @property
    def path(self) -> Path | None:
        """The file with its source, if there is one."""

    @property
    def problem(self) -> Mapping[str, Any]:
        """The keys of the problem that it declares."""

    @property
    def conventions(self) -> Mapping[str, Any]:
        """The conventions of its arrays that it declares."""

    @property
    def functions(self) -> Sequence[str]:
        """The functions that it offers."""

    @property
    def printed(self) -> str:
        """What it has printed so far."""

    @property
    def text(self) -> str:
        """Its source, or an empty string."""

    def takes(self, function: str) -> int:
        """Return how many arguments the function takes; 0 where that is not known."""

    def call(self, function: str, *args: Any) -> Any:
        """Return the function's answer; raises AttemptError."""

    def traced_call(self, function: str, *args: Any) -> tuple[Any, list[Any]]:
        """Return the function's answer, and what the lines of its source assigned meanwhile; raises AttemptError."""

    def fresh(self) -> Self:
        """Return the same attempt without any captured state."""

    def close(self) -> None:
        """Release its resources; it is called no more."""
