"""The pairs of a forward and a backward function among the names of a file."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

_NAMED = re.compile(r"(?P<name>\w+?)_?(?P<way>forward|backward)(?P<end>(_\w+)?)$|(?P<way2>forward|backward)_(?P<name2>\w+)$")
_DERIVATIVE = re.compile(r"(\w+?)_?(?:prime|deriv|derivative|grad|gradient|dx)|(?:d|grad|gradient)_(\w+)")
_ALIKE, _LONG = 0.88, 5      # of the letters, as difflib counts them; letters of a name in which one may be missing


@dataclass(frozen=True)
class Pair:
    """A layer's name, its forward function, and the backward functions that go with it; the name may be spelled in two ways."""

    name: str
    forward: str
    backwards: tuple[str, ...]
    other_spelling: str = ""


def pairs_in(names: Iterable[str], *, has_bare: bool = False) -> list[Pair]:
    """Return the pairs; a backward function goes with the forward of the same ending, else with that of none, else with any.

    What is left of either goes with the one that is spelled nearly the same, or, with `has_bare`, with the function of the layer's name.
    """
    forwards, backwards = dict[tuple[str, str], str](), list[tuple[str, str, str]]()
    every = [*names]
    for name in every:
        if (found := _NAMED.fullmatch(name)) is None:
            continue
        layer, way, end = found["name"] or found["name2"], found["way"] or found["way2"], found["end"] or ""
        if way == "forward":
            forwards[layer, end] = name
        else:
            backwards.append((layer, end, name))
    if has_bare:
        bare = {layer for layer, _, _ in backwards if layer in every and not _NAMED.fullmatch(layer)}
        forwards |= {(layer, ""): layer for layer in sorted(bare - {own for own, _ in forwards})}
    mine: dict[str, list[str]] = {name: [] for name in forwards.values()}
    left = list[tuple[str, str]]()
    for layer, end, name in backwards:
        others = (forward for (own, _), forward in forwards.items() if own == layer)
        forward = forwards.get((layer, end)) or forwards.get((layer, "")) or next(others, None)
        if forward is not None:
            mine[forward].append(name)
        else:
            left.append((layer, name))
    spelled = dict[str, str]()
    for layer, name in left:
        alone = {own: forward for (own, _), forward in forwards.items() if not mine[forward]}
        if (near := _nearly(layer, alone)) is not None:
            mine[near].append(name)
            spelled[near] = layer.lower()
    return [Pair(layer.lower(), name, tuple(mine[name]), spelled.get(name, "")) for (layer, _), name in forwards.items() if mine[name]]


def derivatives_among(names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the names of derivatives, as tanh_prime or d_loss, each with that of its function."""
    for name in names:
        found = _DERIVATIVE.fullmatch(name)
        base = next((text for text in found.groups() if text), "") if found else ""
        if base in names:
            yield name, base


def layer_of_backward(name: str) -> str | None:
    """Return the layer's name in that of a backward function, in lower case; None for any other function."""
    found = _NAMED.fullmatch(name)
    return (found["name"] or found["name2"]).lower() if found and "backward" in (found["way"], found["way2"]) else None


def _nearly(layer: str, forwards: Mapping[str, str]) -> str | None:
    """Return the forward function of the layer that is spelled nearly as this one, with the same numbers in it; None for none."""
    plain = {_plain(own): forward for own, forward in forwards.items() if re.findall(r"\d", own) == re.findall(r"\d", layer)}
    if _plain(layer) in plain:
        return plain[_plain(layer)]
    found = get_close_matches(_plain(layer), [own for own in plain if len(own) >= _LONG], n=1, cutoff=_ALIKE) if len(layer) >= _LONG else []
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
