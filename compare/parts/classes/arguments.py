"""What the arguments of a class may be, by their names."""

import re
from collections.abc import Sequence
from typing import Any

from ..binding import plain

SIZES = (6, 5)      # of inputs and of outputs
_UNKNOWN = SIZES      # for an argument of no known name
_WEIGHT, _INTO, _WITHIN = (re.compile(each) for each in ("w(eights?)?", "w(x|xh|hx|ax|ih|ix|in|i)|u", "w(h|hh|aa|rec)"))
_IN = re.compile("(n|num)?(in|inputs?|prev|previous)(neurons|units|nodes)")
_UNITS = re.compile("(n|d)?[hy]|na")      # of the state, or of the output
_GATES = (1, 4)      # of a recurrent cell, in the columns or rows of its weights
_ONE_OF: tuple[tuple[tuple[str, ...], tuple[Any, ...]], ...] = (
    (("prime", "deriv"), (lambda x: 3 * x * x,)),
    (("activation", "func", "fn"), (lambda x: x * x * x,)),
    (("shape", "xdim", "inputdim", "indim"), ((2, 6, 7), (6, 7, 2), (3, 2, 6, 7), 6)),
    (("kernel", "filtersize", "ksize", "poolsize", "hfilter", "wfilter"), (3, 2)),
    (("filter", "depth", "channels"), (4,)),
    (("prob", "rate", "ratio", "keep", "dropout"), (0.5,)),
    (("stride",), (1, 2)),
    (("pad",), (0, 1)),
    (("name",), ("layer",)),
    (("out", "neurons", "units", "hidden", "nodes"), (5,)),
    (("in", "embd", "dim", "features", "size", "d"), (6, 5)),
)


def choices(name: str, random: Any, sizes: tuple[int, int] = SIZES) -> Sequence[Any]:
    """Return what an argument of that name may be, with these sizes of inputs and outputs for the usual ones."""
    text, (width, units) = plain(name), sizes
    if text in ("f", "df", "fprime"):
        return (lambda x: 3 * x * x if text != "f" else x * x * x,)
    if _WEIGHT.fullmatch(text) or _INTO.fullmatch(text):
        gates = (1,) if _WEIGHT.fullmatch(text) else _GATES
        return [random.standard_normal(shape) for k in gates for shape in ((width, k * units), (k * units, width))]
    if _WITHIN.fullmatch(text):
        return [random.standard_normal(shape) for k in _GATES for shape in ((units, k * units), (k * units, units))[: 1 + (k > 1)]]
    if text in ("b", "bias", "biases"):
        return [random.standard_normal(shape) for k in _GATES for shape in ((k * units,), (k * units, 1))]
    own = SIZES if _IN.fullmatch(text) else (5,) if _UNITS.fullmatch(text) else None
    found = own or next((values for words, values in _ONE_OF if any(word in text for word in words)), _UNKNOWN)
    return [*dict.fromkeys(dict(zip(SIZES, sizes, strict=True)).get(each, each) for each in found)]
