"""A forward pass without the rounding of its output, as where it is for people to read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def unrounded(module: Any) -> Iterator[list[str]]:
    """Let functions that round return what they are given, where it has digits after the point; yield the names of those called."""
    called: list[str] = []

    def instead(name: str, function: Any) -> Any:
        def passes(value: Any, *arguments: Any, **named: Any) -> Any:
            if np.asarray(value).dtype.kind != "f":
                return function(value, *arguments, **named)
            called.append(name)
            return value

        return passes

    space = vars(module)
    before = [(vars(np), name, getattr(np, name)) for name in ("round", "around")]
    before += [(space, name, space[name]) for name in ("round", "around") if callable(space.get(name))]
    before += [] if "round" in space else [(space, "round", round)]
    for place, name, function in before:
        place[name] = instead(name, function)
    try:
        yield called
    finally:
        for place, name, function in before:
            place[name] = function
