"""Parsers of option values: each converts an option's text, or raises ArgumentTypeError that says what was expected."""

from __future__ import annotations

from argparse import ArgumentTypeError
from functools import partial

from ..problem.pieces import ACTIVATIONS
from ..support.suggest import did_you_mean

MOST = 10**9      # epochs, units, steps or seconds: more than anyone has memory or time for
SCORED = ("forward", "loss", "backward", "gradients", "update")      # the stages that a score is made of


def _whole(text: str, what: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise ArgumentTypeError(f"{text!r} is not {what}; expected a whole number from {least} to {most}")
    return int(text)


count = partial(_whole, what="a count", least=1, most=MOST)
steps = partial(_whole, what="a number of steps", least=0, most=MOST)
seed = partial(_whole, what="a seed", least=0, most=2**32 - 1)      # as NumPy's generators take it


def sizes(text: str) -> tuple[int, ...]:
    """Convert numbers of units, separated by commas."""
    return tuple(count(part) for part in text.split(","))


def columns(text: str) -> tuple[str, ...]:
    """Convert names of columns, separated by commas; one with a comma in it stands in double quotes, as in a CSV file."""
    from csv import Error, reader

    try:
        found = tuple(name.strip() for row in reader([text], strict=True) for name in row)
    except Error as error:
        raise ArgumentTypeError(f"{text!r} is no list of columns, {error}; expected names with commas between") from None
    if not all(found) or not found:
        raise ArgumentTypeError(f"{text!r} has an empty name; expected names of columns with commas between")
    return found


def listed(text: str) -> tuple[str, ...]:
    """Convert names, separated by commas."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(found) or len(set(found)) < len(found):
        raise ArgumentTypeError(f"{text!r} is no list of names; expected each once, with commas between")
    return found


def names(text: str) -> dict[str, str]:
    """Convert pairs of names, theirs=ours, separated by commas."""
    pairs = [part.split("=") for part in text.split(",")]
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise ArgumentTypeError(f"{text!r} are no pairs of names; expected THEIRS=OURS, with commas between")
    return dict(pairs)


def hidden(text: str) -> tuple[int, ...]:
    """Convert the units of the hidden layers, or "none"."""
    return () if text == "none" else sizes(text)


def activation_names(text: str) -> tuple[str, ...]:
    """Convert names of activations, separated by commas."""
    names = tuple(text.split(","))
    for name in names:
        if name not in ACTIVATIONS:
            raise ArgumentTypeError(f"{name!r} is no activation; expected one of {', '.join(ACTIVATIONS)}{did_you_mean(name, ACTIVATIONS)}")
    return names


def pair(text: str) -> tuple[float | None, ...]:
    """Convert two numbers, separated by a comma."""
    numbers = tuple(_number(part) for part in text.split(","))
    if len(numbers) != 2 or None in numbers:
        raise ArgumentTypeError(f"{text!r} is not a pair; expected two numbers such as 0.9,0.999")
    return numbers


def number(text: str) -> float:
    """Convert a number, of which the problem says later whether it is within its limits."""
    if (found := _number(text)) is None:
        comma = text.replace(",", ".", 1)
        such = f"{comma}, with a point" if comma != text and _number(comma) is not None else "one such as 0.01"
        raise ArgumentTypeError(f"{text!r} is not a number; expected {such}")
    return found


def seconds(text: str) -> float:
    """Convert a time in seconds."""
    found = _number(text)
    if found is None or not 0 < found < MOST:
        raise ArgumentTypeError(f"{text!r} is not a time; expected seconds, more than 0")
    return found


def path(text: str) -> str:
    """Return the path; refuse an empty one, as of an unset shell variable, which would mean the current folder."""
    if not text:
        raise ArgumentTypeError("an empty path is no folder; expected its name, or . for the folder that you are in")
    return text


def shard(text: str) -> tuple[int, int]:
    """Convert "i/n", the i-th of n parts."""
    part, slash, parts = text.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise ArgumentTypeError(f"{text!r} is no shard; expected i/n, such as 1/4")
    return int(part), int(parts)


def weights(text: str) -> dict[str, float]:
    """Convert the weights of stages in the score, as "stage=weight" separated by commas."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        weight = _number(value)
        if name not in SCORED or weight is None or not 0 <= weight < MOST:
            raise ArgumentTypeError(f"{part!r} is no weight; expected such as backward=2")
        found[name] = weight
    if len(found) == len(SCORED) and not any(found.values()):
        raise ArgumentTypeError("every weight is 0, and nothing is left to be scored; expected one above 0")
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
