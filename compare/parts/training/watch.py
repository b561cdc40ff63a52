"""What watches a file while it trains: it measures one region of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.arrays import Array
from ...userfile.shapes.languages import translated
from .numbers import Numbers, numbers_of

_LOSS = re.compile(r"loss|cost|err|mse|entrop|损失|потер|ошиб", re.IGNORECASE)
_MOST_PAIRED = 100_000      # numbers

Region = tuple[int, bool]      # the line, and whether it is a call


class Seen(BaseException):
    """Ends the file's run: all that was to be seen of it has been."""


@dataclass(frozen=True)
class Pair:
    """Two operands of a place that may be an output beside its target; `place` is its line and column."""

    place: tuple[int, int | str]
    one: Array
    other: Array


class Hooks:
    """What the code calls, without anything that is seen."""

    array = staticmethod(np.asarray)

    def begins(self, line: int, is_call: bool, local: Any) -> None:
        """See that a round of a loop or a call begins."""

    def ends(self, line: int, is_call: bool, local: Any) -> None:
        """See that it ends."""

    def has(self, name: str) -> bool:
        """Whether a variable is to be given another value."""
        return False

    def take(self, name: str) -> Any:
        """Return a variable's value."""

    def minus(self, line: int, column: int, one: Any, other: Any) -> Any:
        """Subtract."""
        return one - other

    def over(self, line: int, column: int, one: Any, other: Any) -> Any:
        """Divide."""
        return one / other

    def entry(self, line: int, whole: Any, index: Any) -> None:
        """See where 1 is subtracted."""

    def named(self, name: str, value: Any) -> Any:
        """See what is given the name of a loss."""
        return value

    def squared(self, value: Any) -> Any:
        """See what is squared."""
        return value

    def logged(self, value: Any) -> Any:
        """See of what a logarithm is taken."""
        return value


class Measure(Hooks):
    """Sets numbers at the beginning of one instance of a region; keeps the pairs in it before the kept paths change, and what is left."""

    def __init__(
        self, module: dict[str, Any], region: Region, instance: int, paths: Mapping[str, Array], kept: set[str]
    ) -> None:
        self.module, self.region, self.instance, self.paths, self.kept = module, region, instance, paths, kept
        self.pairs: list[Pair] = []
        self.start: dict[str, Array] = {}
        self.end: dict[str, Array] = {}
        self.whole: set[str] = set()
        self.losses: dict[str, float] = {}
        self.early: dict[str, float] = {}      # losses by name, from before the first change
        self.ends_with: list[Pair] = []      # the losses as pairs with 0
        self.squares: list[Array] = []
        self.logs: list[Array] = []
        self._given: dict[str, Any] = {}
        self._depth, self._now = 0, dict[str, Numbers]()

    def begins(self, line: int, is_call: bool, local: Any) -> None:
        """Set the numbers, if it is the region."""
        if self._depth:
            if (line, is_call) == self.region and self._has_changed():      # a recursion, whose next call is the next step
                self._depth = 1
                self.ends(line, is_call, local)
            self._depth += (line, is_call) == self.region
            if is_call:
                self._arguments(line, local)
        elif (line, is_call) == self.region:
            self.instance -= 1
            if self.instance < 0:
                self._begin(local)
                if is_call:
                    self._arguments(line, local)

    def _begin(self, local: Any) -> None:
        found = numbers_of(local, self.module, self._given)
        self.start = {path: each.get() for path, each in found.items()}
        self.whole = {path for path, each in found.items() if each.are_whole}
        put = {}
        for path, moved in self.paths.items():
            if path in found and moved.shape == self.start[path].shape:
                found[path].put(self.start[path] + moved)
                put[path] = self.start[path] + moved
        for path, each in found.items():      # again, as some are parts of others
            self.start[path] = put[path] if path in self._given else each.get()
        self._depth, self._now = 1, {path: found[path] for path in self.kept & found.keys() if path not in self._given}

    def ends(self, line: int, is_call: bool, local: Any) -> None:
        """Keep what is left, and end the run."""
        if not self._depth or (line, is_call) != self.region:
            return
        self._depth -= 1
        if not self._depth:
            found = numbers_of(local, self.module, {})
            self.end = {path: each.get() for path, each in found.items()}
            self.losses = {path: float(each[0]) for path, each in self.end.items() if each.size == 1 and is_loss(path)}
            losses = {**self.early, **self.losses}
            self.ends_with = [Pair((0, name), np.array(number), np.zeros(())) for name, number in losses.items()]
            raise Seen

    def has(self, name: str) -> bool:
        """Whether a variable is to be given another value."""
        return name in self._given

    def take(self, name: str) -> Any:
        """Return a variable's value."""
        return self._given.pop(name)

    def minus(self, line: int, column: int, one: Any, other: Any) -> Any:
        """Subtract, and keep both."""
        if self._depth:
            self._pair((line, column), one, other)
        return one - other

    def over(self, line: int, column: int, one: Any, other: Any) -> Any:
        """Divide, and keep both."""
        if self._depth:
            self._pair((line, column), one, other)
        return one / other

    def entry(self, line: int, whole: Any, index: Any) -> None:
        """Keep what 1 is subtracted from, beside what is 1 at these entries and 0 elsewhere."""
        if self._depth and isinstance(whole, np.ndarray) and whole.dtype.kind == "f":
            ones = np.zeros_like(whole)
            ones[index] = 1
            self._pair((line, -1), whole, ones)

    def named(self, name: str, value: Any) -> Any:
        """Keep a number with the name of a loss, if nothing that is trained has changed yet."""
        if self._depth and isinstance(value, (float, np.floating, np.ndarray)) and np.size(value) == 1 and not self._has_changed():
            self.early[name] = float(np.asarray(value).ravel()[0])
        return value

    def squared(self, value: Any) -> Any:
        """Keep what is squared."""
        return self._kept(value, self.squares)

    def logged(self, value: Any) -> Any:
        """Keep of what a logarithm is taken."""
        return self._kept(value, self.logs)

    def _kept(self, value: Any, among: list[Array]) -> Any:
        if self._depth and isinstance(value, (np.ndarray, float, np.floating)) and np.size(value) <= _MOST_PAIRED:
            among.append(np.array(value, float).ravel())
        return value

    def _arguments(self, line: int, local: Any) -> None:
        values = [value for value in local.values() if isinstance(value, (np.ndarray, list, float, np.floating))]
        for at, one in enumerate(values[:6]):
            for number, other in enumerate(values[at + 1 : 6], start=at + 1):
                self._pair((line, -2 - 10 * at - number), one, other)

    def _pair(self, place: tuple[int, int | str], one: Any, other: Any) -> None:
        if self._has_changed():
            return
        try:
            a, b = (np.array(each, float).ravel() if np.size(each) <= _MOST_PAIRED else None for each in (one, other))
        except (TypeError, ValueError):
            return
        if a is not None and b is not None and a.size == b.size and a.size:
            shape = np.shape(one) if np.ndim(one) >= np.ndim(other) else np.shape(other)
            self.pairs.append(Pair(place, a.reshape(shape), b.reshape(shape)))

    def _has_changed(self) -> bool:
        return any(not same(each.get(), self.start[path]) for path, each in self._now.items())


def is_loss(path: str) -> bool:
    """Return whether a path is by its name that of a loss."""
    return _LOSS.search(translated(path)) is not None


def same(one: Array, other: Array) -> bool:
    """Return whether two arrays have the same shape and numbers."""
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=True))
