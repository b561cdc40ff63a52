"""What arguments may be, by a function's annotations: read once something has gone wrong, to say which of them is of another kind."""

import builtins
from collections.abc import Callable, Mapping
from inspect import signature
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .kinds import kind_of


class _Names(dict[str, Any]):
    """Names of a module; one that is imported for type checkers alone may be anything."""

    def __missing__(self, name: str) -> Any:
        return Any


def of_another_kind(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what the first argument is that is not of the classes that its annotation says, and these, or None."""
    try:
        hints = get_type_hints(function, localns=_Names(vars(builtins) | function.__globals__))
        given = signature(function).bind(*args, **kwargs).arguments
    except (TypeError, AttributeError):      # arguments that the function has not, or an annotation within a module not imported
        return None
    for name, value in given.items():
        classes = _classes(hints.get(name, Any))
        if classes and not isinstance(value, classes):
            names = ("None" if each is type(None) else each.__name__ for each in classes)
            return f"{name} is {kind_of(value)}", " or ".join(names)
    return None


def _classes(annotation: Any) -> tuple[type, ...]:
    """Return the classes of an annotation, or none where it says more, or less, than classes do."""
    if get_origin(annotation) in (Union, UnionType):
        each = [_classes(part) for part in get_args(annotation)]
        return tuple(kind for kinds in each for kind in kinds) if all(each) else ()
    kind = get_origin(annotation) or annotation
    is_checkable = isinstance(kind, type) and (not getattr(kind, "_is_protocol", False) or getattr(kind, "_is_runtime_protocol", False))
    return (kind,) if is_checkable and kind not in (Any, float, complex) else ()
