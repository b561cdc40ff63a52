"""What looks over a whole file while it runs: which regions change numbers, and inside of which others they are."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...support.arrays import Array
from .numbers import numbers_of
from .watch import Hooks, Region, Seen, same

_MOST_BEGUN = 4000      # regions that are entered, and more until a round of each loop around has ended
_SECONDS = 6.0      # of looking
_LOOKED = 8      # instances of a region that are looked at, in the first part of that time
Changes = dict[str, Array]      # by path which entries are others


@dataclass
class Met:
    """A region, as it was met: what each of its first instances changes, how deep inside of others it is, and inside of which.

    `fleeting` are the paths that the second does not begin with as the first has ended: they are made anew, and not trained.
    """

    depth: int
    changed: list[Changes] = field(default_factory=list)
    inside: set[Region] = field(default_factory=set)
    fleeting: set[str] = field(default_factory=set)
    ended: dict[str, Array] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)      # the paths that there are when it begins for the first time

    def paths(self) -> set[str]:
        """The paths that it changes, and goes on from."""
        return set().union(*self.changed) - self.fleeting

    def lasting(self) -> list[Changes]:
        """What each instance changes of what there is from the first on."""
        kept = [{path: where for path, where in changes.items() if path in self.begun} for changes in self.changed]
        return kept if any(kept) else self.changed


class Survey(Hooks):
    """Looks at all regions, each a few times."""

    def __init__(self, module: dict[str, Any]) -> None:
        self.module, self.regions = module, dict[Region, Met]()
        self._stack: list[tuple[Region, dict[str, Array] | None]] = []
        self._begun, self._until = 0, time.process_time() + _SECONDS

    def begins(self, line: int, is_call: bool, local: Any) -> None:
        """Note the numbers at the beginning of a region."""
        self._begun += 1
        left = self._until - time.process_time()
        if left < 0 or (self._begun > _MOST_BEGUN and self._has_seen_loops()):
            raise Seen
        met = self.regions.setdefault((line, is_call), Met(len(self._stack)))
        met.depth = max(met.depth, len(self._stack))
        met.inside |= {region for region, _ in self._stack} - {(line, is_call)}
        is_looked_at = len(met.changed) < (_LOOKED if left > _SECONDS / 2 else 2)
        state = self._state(local) if is_looked_at else None
        if state is not None and not met.changed:
            met.begun = met.begun or {*state}
        if state is not None and len(met.changed) == 1:
            met.fleeting = {path for path, old in met.ended.items() if path not in state or not same(old, state[path])}
        self._stack.append(((line, is_call), state))

    def _has_seen_loops(self) -> bool:
        """Return whether a round of each loop that it is in has ended."""
        return all(region[1] or self.regions[region].changed for region, _ in self._stack)

    def ends(self, line: int, is_call: bool, local: Any) -> None:
        """Note which numbers the region has changed."""
        while self._stack:
            region, before = self._stack.pop()
            if region == (line, is_call):
                break
        else:
            return
        if before is None:
            return
        after = self._state(local)
        kept = {path: old for path, old in before.items() if path in after and old.shape == after[path].shape}
        others = {path: (old != after[path]) & ~(np.isnan(old) & np.isnan(after[path])) for path, old in kept.items()}
        self.regions[region].changed.append({path: where for path, where in others.items() if where.any()})
        self.regions[region].ended = after

    def _state(self, local: Any) -> dict[str, Array]:
        return {path: each.get() for path, each in numbers_of(local, self.module, {}).items()}
