"""A candidate without one of its functions, or without entries of its trace that cannot be compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .interface import Candidate


class Without:
    """The candidate without this function; or, with `entries`, without these entries of what the function answers."""

    def __init__(self, candidate: Candidate, function: str, entries: Sequence[str] = ()) -> None:
        self._candidate, self._function, self._entries = candidate, function, frozenset(entries)
        self.name, self.notes, self.text = candidate.name, candidate.notes, candidate.text
        self.path: Path | None = candidate.path
        self.problem: Mapping[str, Any] = candidate.problem
        self.conventions: Mapping[str, Any] = candidate.conventions

    @property
    def functions(self) -> Sequence[str]:
        """The functions that are left."""
        return tuple(name for name in self._candidate.functions if self._entries or name != self._function)

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self._candidate.printed

    def takes(self, function: str) -> int:
        """Return how many arguments the function takes; 0 where that is not known."""
        return self._candidate.takes(function)

    def call(self, function: str, *args: Any) -> Any:
        """Return the answer without the entries; raises AttemptError."""
        return self._left(function, self._candidate.call(function, *args))

    def traced_call(self, function: str, *args: Any) -> tuple[Any, list[Any]]:
        """Return the answer without the entries, and what the lines of the source assigned meanwhile; raises AttemptError."""
        answer, assignments = self._candidate.traced_call(function, *args)
        return self._left(function, answer), assignments

    def fresh(self) -> "Without":
        """Return the same without any captured state."""
        return Without(self._candidate.fresh(), self._function, tuple(self._entries))

    def close(self) -> None:
        """Release the candidate's resources."""
        self._candidate.close()

    def _left(self, function: str, answer: Any) -> Any:
        if function != self._function or not isinstance(answer, Mapping):
            return answer
        return {name: value for name, value in answer.items() if name not in self._entries}
