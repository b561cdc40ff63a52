"""A candidate without a function that is not to be asked, or without entries of its trace that cannot be compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .interface import Candidate


class Without:
    """The candidate, but for its `function`; with `entries`, but for these of what the function answers."""

    def __init__(self, candidate: Candidate, function: str, entries: Sequence[str] = ()) -> None:
        self._candidate, self._function, self._entries = candidate, function, frozenset(entries)
        self.name, self.notes = candidate.name, candidate.notes

    @property
    def path(self) -> Path | None:
        """Where its source lies."""
        return self._candidate.path

    @property
    def problem(self) -> Mapping[str, Any]:
        """What it declares of the problem."""
        return self._candidate.problem

    @property
    def conventions(self) -> Mapping[str, Any]:
        """What it declares of its arrays' layout."""
        return self._candidate.conventions

    @property
    def functions(self) -> Sequence[str]:
        """Those that are left."""
        return tuple(name for name in self._candidate.functions if self._entries or name != self._function)

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self._candidate.printed

    @property
    def text(self) -> str:
        """Its source."""
        return self._candidate.text

    def takes(self, function: str) -> int:
        """How many arguments the function takes; 0 where that is not known."""
        return self._candidate.takes(function)

    def call(self, function: str, *args: Any) -> Any:
        """The answer, without what is left out of it; raises AttemptError."""
        return self._left(function, self._candidate.call(function, *args))

    def traced_call(self, function: str, *args: Any) -> tuple[Any, list[Any]]:
        """The answer, without what is left out of it, and what the lines of the source assigned on the way."""
        answer, assignments = self._candidate.traced_call(function, *args)
        return self._left(function, answer), assignments

    def fresh(self) -> "Without":
        """The same, with whatever it keeps started over."""
        return Without(self._candidate.fresh(), self._function, tuple(self._entries))

    def close(self) -> None:
        """Let go of what it holds."""
        self._candidate.close()

    def _left(self, function: str, answer: Any) -> Any:
        if function != self._function or not isinstance(answer, Mapping):
            return answer
        return {name: value for name, value in answer.items() if name not in self._entries}
