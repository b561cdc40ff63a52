"""The interface of everything that can be checked: a user's file, Python functions, or a program at the end of a pipe."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
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


@runtime_checkable
class Recognised(Candidate, Protocol):
    """A candidate that was found in a file: `found` says in sentences as what, none where it has the contract's functions itself."""

    found: tuple[str, ...]

    @property
    def options(self) -> Mapping[str, str] | None:
        """The options with which it was loaded."""

    @property
    def texts(self) -> str:
        """The text of the file, and of those of the user that it has imported."""

    def with_options(self, options: Mapping[str, str]) -> Self:
        """Return the same file with these options beside its own; raises UnusableFileError."""

    def activations(self) -> list[str]:
        """Return the names of activations that its network may be made with."""

    def own_losses(self, *args: Any) -> dict[str, list[float]]:
        """Return by name the numbers that the file computes as losses of those records; raises AttemptError."""

    def lines_run(self) -> AbstractContextManager[set[int]]:
        """Return a context that collects the lines of the file that are run within it."""
