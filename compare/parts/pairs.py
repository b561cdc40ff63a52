"""The pairs of a forward and a backward function among the names of a file."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAMED = re.compile(r"(?P<name>\w+?)_?(?P<way>forward|backward)(?P<end>(_\w+)?)$|(?P<way2>forward|backward)_(?P<name2>\w+)$")


@dataclass(frozen=True)
class Pair:
    """A layer's name, its forward function, and the backward functions that go with it."""

    name: str
    forward: str
    backwards: tuple[str, ...]


def pairs_in(names: Iterable[str]) -> list[Pair]:
    """Return the pairs; a backward function goes with the forward of the same ending, else with that of none, else with any."""
    forwards, backwards = dict[tuple[str, str], str](), list[tuple[str, str, str]]()
    for name in names:
        if (found := _NAMED.fullmatch(name)) is None:
            continue
        layer, way, end = found["name"] or found["name2"], found["way"] or found["way2"], found["end"] or ""
        if way == "forward":
            forwards[layer, end] = name
        else:
            backwards.append((layer, end, name))
    mine: dict[str, list[str]] = {name: [] for name in forwards.values()}
    for layer, end, name in backwards:
        others = (forward for (own, _), forward in forwards.items() if own == layer)
        forward = forwards.get((layer, end)) or forwards.get((layer, "")) or next(others, None)
        if forward is not None:
            mine[forward].append(name)
    return [Pair(layer.lower(), name, tuple(mine[name])) for (layer, _), name in forwards.items() if mine[name]]
