"""The arrays that an attempt was passed and has answered in a probe: which of them share memory, or are changed by a later call."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..support.arrays import Array


@dataclass
class Handed:
    """The arguments and answers of an attempt in a probe; a batch that comes again is passed as the same arrays, as in a training loop."""

    records: list[tuple[Array, Array]] = field(default_factory=list)      # the probe's, and in the attempt's own layout
    params: Any = None      # the parameters of an attempt that works in place
    earlier: list[tuple[str, int, list[Array], list[Array]]] = field(default_factory=list)      # function, step, arrays and their copies

    def the_same(self, rows: Array, made: Callable[[Array], Array]) -> Array:
        """Return the array that these rows were passed as before, or make one."""
        known = next((passed for each, passed in self.records if each is rows), None)
        if known is None:
            known = made(rows)
            self.records.append((rows, known))
        return known

    def aliases(self, function: str, step: int, answer: Any, passed: Mapping[str, Array]) -> Iterator[str]:
        """Yield a note for arrays of answers that a later call changed, or that share memory with each other or with an argument."""
        for name, earlier, arrays, copies in self.earlier:
            if any(not np.array_equal(array, copy, equal_nan=True) for array, copy in zip(arrays, copies, strict=True)):
                yield f"aliased: what {name} answered at step {earlier} is changed by a later call; return a copy"
        self.earlier[:] = [entry for entry in self.earlier if entry[0] != function]
        arrays = [array for array in arrays_of(answer) if array.size]
        self.earlier.append((function, step, arrays, [array.copy() for array in arrays]))
        if share_memory(arrays):
            yield f"aliased: two of the arrays that {function} answers share their memory"
        if any(np.shares_memory(array, x) for array in arrays for x in passed.values()) and function != "trace":
            yield f"aliased: what {function} answers shares memory with what it was given"


def share_memory(arrays: list[Array]) -> bool:
    """Return whether two of the arrays share memory; only the few pairs whose address ranges overlap are compared."""
    spans = sorted((*byte_bounds(array), number) for number, array in enumerate(arrays))
    for place, (_, end, one) in enumerate(spans):
        for start, _, other in spans[place + 1 :]:
            if start >= end:
                break
            if np.shares_memory(arrays[one], arrays[other]):
                return True
    return False


def arrays_of(answer: Any, depth: int = 3) -> list[Array]:
    """Return the arrays in an answer, in its mappings, sequences and attributes down to that depth."""
    if isinstance(answer, np.ndarray):
        return [answer]
    if depth == 0:
        return []
    if isinstance(answer, (list, tuple)):
        items = list(answer)
    else:
        items = list((answer if isinstance(answer, Mapping) else getattr(answer, "__dict__", {})).values())
    return [array for item in items for array in arrays_of(item, depth - 1)]


def differ(one: Any, other: Any) -> bool:
    """Return whether the arrays in the one are not those in the other."""
    pairs = arrays_of(one), arrays_of(other)
    return len(pairs[0]) != len(pairs[1]) or not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*pairs, strict=True))
