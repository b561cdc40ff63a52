"""All that is wrong with a file at once: faults are gathered, and raised together in one error."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from os import PathLike
from traceback import walk_tb
from typing import NoReturn, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
MOST = 20      # faults that a message lists


class DataError(ValueError):
    """A data file cannot be used; the message says which file, where in it, what was expected and what to do."""

    def __init__(self, path: str | PathLike[str], what: str, advice: str = "") -> None:
        super().__init__(f"{os.fsdecode(path)!r}: {what}" + (f"; {advice}" if advice else ""))
        self.what, self.advice = what, advice


class LabelsError(DataError):
    """The target's `labels` do not suit its kind."""

    def __init__(self, path: str | PathLike[str], what: str, advice: str, labels: tuple[str, ...]) -> None:
        super().__init__(path, what, advice)
        self.labels = labels


class Faults:
    """What is wrong with one file, in the order of its lines."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = path
        self.count = 0
        self._first: list[tuple[int, str, str]] = []      # line, what is wrong, and what to do

    def add(self, what: str, advice: str = "", line: int = 0) -> None:
        """Note what is wrong, beginning with where, and what was expected or is to be done."""
        self.count += 1
        self._first.append((line, what, advice))
        if len(self._first) > 2 * MOST:
            self._first = self._sorted()

    def _sorted(self) -> list[tuple[int, str, str]]:
        return sorted(self._first, key=lambda fault: fault[0])[:MOST]

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Note a DataError in place of raising it."""
        try:
            yield
        except DataError as error:
            self.add(error.what, error.advice)

    def check(self) -> None:
        """Raise `DataError` if there was a fault: of one what is wrong, of several a list of the first, and what to do about each kind."""
        if self.count == 1:
            fail(self.path, *self._first[0][1:])
        if self.count:
            first = self._sorted()
            more = f", the first {MOST} of them" if self.count > MOST else ""
            lines = [f"{self.count} faults{more}:", *(f"  {what}" for _, what, _ in first)]
            lines += [f"  {advice}" for advice in dict.fromkeys(advice for _, _, advice in first) if advice]
            fail(self.path, "\n".join(lines))


def public(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function, which says what it refuses without the frames of this package: a traceback ends at the user's own call."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (ValueError, TypeError) as error:
            if isinstance(error, DataError) or _is_of_arguments(error):
                error.__traceback__ = None
            raise      # which adds no frame of its own

    return call


def _is_of_arguments(error: ValueError | TypeError) -> bool:
    """Return whether this package raised the ValueError, or the function has not the arguments that it was called with."""
    assert error.__traceback__ is not None
    *_, (last, _) = walk_tb(error.__traceback__)
    is_own = last.f_globals.get("__name__", "").startswith(__name__.rpartition("faults")[0])
    return error.__traceback__.tb_next is None if isinstance(error, TypeError) else is_own


def fail(path: str | PathLike[str], what: str, advice: str = "") -> NoReturn:
    """Raise a `DataError` about the file."""
    raise DataError(path, what, advice) from None
