"""The words for a value of a wrong kind: "an int", "an array of dtype complex128"."""

from types import SimpleNamespace
from typing import Any

import numpy as np


class Opaque:
    """A value of another process that no frame can carry; `said` describes it, and no other attribute could be mistaken for a result."""

    __slots__ = ("said",)

    def __init__(self, said: str) -> None:
        self.said = said

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(self.said)

    def __repr__(self) -> str:
        return f"<{self.said}>"


def kind_of(value: Any) -> str:
    """Say what the value is, with an article."""
    if isinstance(value, Opaque):
        return value.said
    if type(value) is np.ndarray:
        return f"an array of dtype {value.dtype}"
    name = "object" if isinstance(value, SimpleNamespace) else type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
