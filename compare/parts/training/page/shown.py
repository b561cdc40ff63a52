"""What a page shows of its parameters: what each becomes, or its gradient, by names and by what changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ....support.arrays import Array
from .names import Kind, is_parameter, shown_by


@dataclass
class History:
    """After which statements an array is another: the first is that which makes it. `in_loops` are those of them that are loops.

    `once` is the last of the others up to which none of its numbers is changed twice, and `again` that which changes one twice.
    """

    at: list[int] = field(default_factory=list)
    in_loops: set[int] = field(default_factory=set)
    once: int | None = None
    again: int | None = None
    _changed: Array | None = None

    def note(self, number: int, old: Array | None, new: Array, *, is_loop: bool) -> None:
        """Note that a statement has changed the array, or made it."""
        self.at.append(number)
        self.in_loops |= {number} if is_loop else set()
        if old is None or self.again is not None:
            return
        where = old != new if old.shape == new.shape else np.ones(old.shape, bool)
        if self._changed is not None and (self._changed.shape != where.shape or (self._changed & where).any()):
            self.again = number
        else:
            self.once, self._changed = number, where if self._changed is None else self._changed | where

    def is_made_later(self) -> None:
        """Take the first change as a part of making the array."""
        _, *self.at = self.at
        _, self.once, self.again, *_ = (*self.at, None, None)


@dataclass(frozen=True)
class Shown:
    """The path of what a parameter becomes, if it `is_new`, or of its gradient; after which statement it is there.

    Where it `is_turned` the parameter is taken to go the other way, as along its gradient. `is_free` says that it may as well do so, and
    `in_loop` that a loop changes it, in which there may be more than one step.
    """

    path: str
    is_new: bool
    at: int
    is_turned: bool = False
    is_free: bool = False
    in_loop: bool = False


def shown_in(histories: Mapping[str, History]) -> dict[str, Shown]:
    """Return what is shown of each number."""
    named: dict[str, dict[Kind, list[str]]] = {path: shown_by(path, histories) for path in histories}
    changed = {path: each.once for path, each in histories.items() if each.once is not None and (named[path] or is_parameter(path))}
    ends = min((histories[path].at[1] for path in changed), default=None)      # the gradients are those before it
    found: dict[str, Shown] = {}
    for path, by_kind in named.items():
        if path in changed:
            found[path] = Shown(path, True, changed[path], in_loop=changed[path] in histories[path].in_loops)
            continue
        for kind in ("new", "gradient", "step"):
            if every := by_kind.get(kind):
                where = max(every, key=lambda each: histories[each].at[0])
                before = [at for at in histories[where].at if ends is None or at <= ends] or histories[where].at[:1]
                found[path] = Shown(where, kind == "new", before[-1], is_free=kind == "step")
                break
    return found


def is_more_than_once(shown: Mapping[str, Shown], histories: Mapping[str, History]) -> bool:
    """Return whether a parameter is changed once more before the last is changed."""
    last = max(each.at for each in shown.values())
    return any((again := histories[path].again) is not None and again <= last for path, each in shown.items() if each.path == path)


def gone_to(start: Array, end: Array, shown: Shown) -> Array:
    """Return what a parameter becomes, given where it starts and what is shown of it."""
    way = end - start if shown.is_new else -end
    return start - way if shown.is_turned else start + way
