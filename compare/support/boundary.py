"""The boundary of the package: an error that is raised on purpose reaches its user without the package's own frames.

So a traceback ends at the user's own call, and the message, not the place in this package, says what was wrong with it.
"""

import sys
from collections.abc import Callable
from functools import wraps
from traceback import walk_tb
from types import FunctionType, TracebackType
from typing import Any, ParamSpec, TypeVar

from .errors import CompareError, ProblemError
from .packages import PARENT, TOP_LEVEL

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)
_OWN = {*TOP_LEVEL, *(() if PARENT else ("data",))}


def is_on_purpose(error: BaseException) -> bool:
    """Return whether this package raised the error to say what is wrong with what it was given."""
    data_error = vars(sys.modules.get(f"{PARENT}data", sys)).get("DataError", CompareError)
    return isinstance(error, (CompareError, data_error))


def public(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function, whose errors that are raised on purpose come without the package's frames."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        try:
            try:
                return function(*args, **kwargs)
            except (TypeError, AttributeError) as error:
                _refuse_another_kind(error, function, args, kwargs)
                raise
        except Exception as error:
            if is_on_purpose(error) or (isinstance(error, TypeError) and _names_an_argument(error, kwargs)):
                _strip(error)
            raise      # which adds no frame of its own to a traceback that was taken away

    return call


def public_methods(kind: C) -> C:
    """Make the methods of a class `public`: its constructor, and those whose names begin with no underscore."""
    for name, value in list(vars(kind).items()):
        if name != "__init__" and name.startswith("_"):
            continue
        if isinstance(value, FunctionType):
            setattr(kind, name, public(value))
        elif isinstance(value, (classmethod, staticmethod)):
            setattr(kind, name, type(value)(public(value.__func__)))
    return kind


def _refuse_another_kind(error: Exception, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> None:
    """Raise ProblemError if the package, not the user's code, failed on an argument of another kind than its annotation says."""
    *_, (last, _) = walk_tb(error.__traceback__)
    if not is_on_purpose(error) and last.f_globals.get("__name__", "").partition(".")[0] in _OWN:
        from .annotations import of_another_kind  # loads NumPy

        if wrong := of_another_kind(function, args, kwargs):
            raise ProblemError(f"{wrong[0]}; expected {wrong[1]}") from None


def _names_an_argument(error: TypeError, kwargs: dict[str, Any]) -> bool:
    """Return whether the error is of the call itself, or of an argument by name that it handed on to where there is no such."""
    assert error.__traceback__ is not None
    return error.__traceback__.tb_next is None or any(f"unexpected keyword argument {name!r}" in str(error) for name in kwargs)


def _strip(error: BaseException) -> None:
    """Take away the error's traceback, and the package's frames from those of the errors that led to it."""
    error.__traceback__ = None
    if error.__cause__ is None:
        error.__suppress_context__ = True
    seen: set[int] = set()
    cause = error.__cause__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        cause.__traceback__ = _foreign(cause.__traceback__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _foreign(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the package's own frames."""
    frames: list[Any] = []
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _OWN:
            frames.append(traceback)
        traceback = traceback.tb_next
    kept: TracebackType | None = None
    for each in reversed(frames):
        kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept
