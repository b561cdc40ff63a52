"""How long mistakes are looked for: as long as it takes, unless someone has set an end to it, who does not choose what is checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from time import thread_time


class OutOfPatienceError(Exception):
    """The search has taken longer than it may."""


@dataclass
class Patience:
    """The search may go on until this thread has had so much CPU time; and whether it had to be ended."""

    until: float = inf
    has_ended: bool = False


_patience: ContextVar[Patience] = ContextVar("patience")


@contextmanager
def limited_to(seconds: float) -> Iterator[Patience]:
    """Within it, no search begins or goes on after so many seconds of CPU time, which others on the machine do not use up."""
    token = _patience.set(Patience(thread_time() + seconds))
    try:
        yield _patience.get()
    finally:
        _patience.reset(token)


def check_patience() -> None:
    """Raise OutOfPatienceError where the search has taken longer than it may."""
    patience = _patience.get(None)
    if patience is not None and thread_time() > patience.until:
        patience.has_ended = True
        raise OutOfPatienceError
