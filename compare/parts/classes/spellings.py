"""The names that classes of layers have for their methods and arguments: what goes back, and what stands for a target or a rate."""

import re
from collections.abc import Sequence

from ..binding import plain

FORWARDS = ("forward", "forwardpass", "forwardpropagation", "forwardprop", "fprop", "feedforward", "call")
BACKWARDS = (
    "backward", "backwardpass", "backwardpropagation", "backwardprop", "backprop", "backpropagation", "backpropagate", "bprop", "back",
)      # fmt: skip
OF_PARTS = ("sequence", "seq", "layer", "cell", "step", "time_step", "timestep")      # as in forward_sequence
TARGETS = ("y", "ytrue", "yt", "t", "target", "targets", "label", "labels", "truth", "ytrain", "yb", "expected")
_LOSSES = ("loss", "entropy", "error", "mse", "cost", "nll", "criterion", "likelihood")
_INPUTS = ("x", "input", "inputs", "inp", "xinput", "data")
CACHES = ("cache", "caches", "ctx", "memory", "saved")
_RATES = ("lr", "rate", "eta", "alpha", "step")
_GRADIENT = re.compile(r"[dg]\w?|d_\w*|d(l|out|val|inp)\w*|.*(grad|delta|err|loss|out|above|next|prev|fehl).*", re.IGNORECASE)
_FROM_ABOVE = re.compile(r".*(grad|diff|upstream|above).*|d_?(l_?d?_?)?\w{0,2}|d_?(out|loss|val)\w*|g\w?", re.IGNORECASE)


def number_of(name: str, inputs: Sequence[str], *, has_cache: bool) -> int | None:
    """Return the number of the input that an argument is by its name, -1 for a cache, None for neither."""
    if has_cache and plain(name) in CACHES:
        return -1
    is_input = len(inputs) == 1 and plain(name) in _INPUTS and plain(inputs[0]) in _INPUTS
    return 0 if is_input else next((number for number, own in enumerate(inputs) if plain(name) == plain(own)), None)


def is_loss(name: str) -> bool:
    """Return whether a name is that of a loss."""
    return any(word in plain(name) for word in _LOSSES)


def is_target(name: str) -> bool:
    """Return whether a name stands for targets."""
    return plain(name) in TARGETS or any(word in plain(name) for word in ("target", "label", "ytrue", "truth"))


def may_be_targets(name: str) -> bool:
    """Return whether a name is not that of a gradient, and may so stand for targets in another language."""
    return _GRADIENT.fullmatch(name) is None


def is_from_above(name: str) -> bool:
    """Return whether a name says that it is a gradient from above."""
    return _FROM_ABOVE.fullmatch(name) is not None


def is_rate(name: str) -> bool:
    """Return whether a name stands for a learning rate."""
    return any(word in plain(name) for word in _RATES)
