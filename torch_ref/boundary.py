"""The boundary of the package: what it refuses ends at its user's own call, without this package's frames."""

from collections.abc import Callable
from dis import opmap
from functools import wraps
from types import FunctionType, TracebackType
from typing import Any

_PACKAGE = __name__.rpartition(".")[0]


def make_public(names: dict[str, Any]) -> None:
    """Make the functions of a module's names, and the methods of its classes, say what they refuse without this package's frames."""
    for name, value in list(names.items()):
        if isinstance(value, type):
            for owner in value.__mro__:
                _make_methods_public(owner)
        elif isinstance(value, FunctionType) and not name.startswith("_") and _is_own(value.__module__):
            names[name] = public(value)


def _make_methods_public(owner: type) -> None:
    for name, value in list(vars(owner).items()):
        if not _is_own(owner.__module__) or (name.startswith("_") and name not in ("__init__", "__call__")):
            continue
        if isinstance(value, FunctionType) and _is_own(value.__module__):
            setattr(owner, name, public(value))
        elif isinstance(value, (classmethod, staticmethod)):
            setattr(owner, name, type(value)(public(value.__func__)))


def public(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, whose errors that are raised on purpose come without this package's frames."""
    if "is_public" in vars(function):
        return function

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if "is_on_purpose" in vars(error) or _is_on_purpose(error.__traceback__):
                vars(error)["is_on_purpose"] = True      # to what called this from within the package
                error.__traceback__ = _foreign(error.__traceback__)
            raise      # which adds no frame of its own to a traceback that was taken away

    vars(call)["is_public"] = True
    return call


def _is_own(module: str) -> bool:
    return f"{module}.".startswith(f"{_PACKAGE}.")


def _is_on_purpose(traceback: TracebackType | None) -> bool:
    """Return whether the error is of a `raise` in this package, or of a call with arguments that the function has not."""
    last = traceback
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or not _is_own(last.tb_frame.f_globals.get("__name__", "")):
        return False
    return last is traceback or last.tb_frame.f_code.co_code[last.tb_lasti] == opmap["RAISE_VARARGS"]


def _foreign(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback without this package's own frames."""
    if traceback is None:
        return None
    rest = _foreign(traceback.tb_next)
    if _is_own(traceback.tb_frame.f_globals.get("__name__", "")):
        return rest
    return TracebackType(rest, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)
