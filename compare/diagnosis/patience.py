"""The time limit of the search for mistakes: none, unless a caller sets one."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from time import thread_time


class OutOfPatienceError(Exception):
    """The search for mistakes has used up its time."""


@dataclass
class Patience:
    """The CPU time of this thread, in seconds, at which the search ends, and whether it has ended so."""

    until: float = inf
    has_ended: bool = False


_patience: ContextVar[Patience] = ContextVar("patience")


@contextmanager
def limited_to(seconds: float) -> Iterator[Patience]:
    """Limit the searches in the with-block to so many seconds of this thread's CPU time, which other processes do not use up."""
    token = _patience.set(Patience(thread_time() + seconds))
    try:
        yield _patience.get()
    finally:
        _patience.reset(token)


def check_patience() -> None:
    """Raise OutOfPatienceError if the search has used up its time."""
    patience = _patience.get(None)
    if patience is not None and thread_time() > patience.until:
        patience.has_ended = True
        raise OutOfPatienceError
