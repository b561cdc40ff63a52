"""The captured state of functions, which lasts from call to call: in their module, closures, defaults, attributes and class."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from .imports import is_installed

Place = tuple[Any, str]      # a dict and a key, or an object and an attribute
_ABSENT = type("_Absent", (), {"__copy__": lambda self: self, "__deepcopy__": lambda self, memo: self})()
_OF_CODE = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, partial)
_ATTRIBUTES = ("__defaults__", "__kwdefaults__", "__dict__")


def captured_by(functions: Iterable[Any]) -> list[Place]:
    """Return every place without code that these functions, and the user's own that they may call, can reach by name."""
    places: dict[tuple[int, str], Place] = {}
    waiting = list(functions)
    asked, seen = {id(function) for function in waiting}, dict[int, Any]()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, FunctionType):
            found = list(_of_function(value)) if id(value) in asked or not is_installed(value.__code__.co_filename) else []
        elif isinstance(value, type):
            found = [(value, name) for name in vars(value) if not name.startswith("_abc")] if _is_users(value) else []
        else:
            parts = _parts(value)
            asked |= {id(part) for part in parts if id(value) in asked}
            waiting += parts
            continue
        for place in found:
            held = get(*place)
            waiting.append(held)
            if _is_data(held) and not (isinstance(value, type) and place[1].startswith("__")):
                places[id(place[0]), place[1]] = place
    return list(places.values())


def file_of(function: Any) -> str | None:
    """Return the file of the function itself, below its wrappers; None if it was not written in Python."""
    while inner := next(filter(None, (getattr(function, name, None) for name in ("__wrapped__", "__func__", "func"))), None):
        function = inner
    code = getattr(function, "__code__", None) or getattr(vars(type(function)).get("__call__"), "__code__", None)
    return code.co_filename if isinstance(code, CodeType) else None


def get(holder: Any, name: str) -> Any:
    """Return the place's value, or a sentinel."""
    if isinstance(holder, (dict, type)):
        return (holder if isinstance(holder, dict) else vars(holder)).get(name, _ABSENT)
    try:
        return getattr(holder, name)
    except (AttributeError, ValueError):      # an empty cell is a ValueError
        return _ABSENT


def put(holder: Any, name: str, value: Any) -> None:
    """Set the place's value, or delete it for the sentinel."""
    if isinstance(holder, dict):
        if value is _ABSENT:
            holder.pop(name, None)
        else:
            holder[name] = value
    elif get(holder, name) is not value:
        with suppress(AttributeError, TypeError):      # raised by a class whose attributes cannot be set
            if value is _ABSENT:
                delattr(holder, name)
            else:
                setattr(holder, name, value)


def _of_function(function: FunctionType) -> Iterator[Place]:
    """Yield the places that the function's code names: globals, the user's modules, closure cells and its own attributes."""
    names = _names(function.__code__)
    own = function.__globals__
    cells = [(cell, "cell_contents") for cell in function.__closure__ or ()]
    held = [*(own.get(name) for name in names), *(get(*cell) for cell in cells)]
    modules = [each for each in held if isinstance(each, ModuleType) and not is_installed(getattr(each, "__file__", None) or "built-in")]
    for space in (own, *map(vars, modules)):
        yield from ((space, name) for name in names if not name.startswith("__"))
    yield from cells
    yield from ((function, name) for name in _ATTRIBUTES if getattr(function, name))


def _names(code: CodeType) -> set[str]:
    """Return the names in the code, without its local variables, and those in the functions within it."""
    return set(code.co_names).union(*(_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)))


def _parts(value: Any) -> list[Any]:
    """Return the parts of the value that may be the user's code."""
    if isinstance(value, MethodType):
        return [value.__func__, type(value.__self__)]
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget]
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    return [type(value)]


def _is_data(value: Any) -> bool:
    """Return whether the value may be changed: not code, a class's descriptor or a sentinel."""
    return not isinstance(value, _OF_CODE) and not hasattr(type(value), "__get__") and type(value) is not object


def _is_users(kind: type) -> bool:
    """Return whether the class is the user's, and no Enum, which has no state."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or "built-in"
    return not issubclass(kind, Enum) and (kind.__module__ == "__main__" or not is_installed(file))
