"""Files with a class Network(sizes) that keeps lists of weights (out, in) and biases (out, 1), as in a well-known online book.

It has feedforward(a), backprop(x, y) for one record in a column, and update_mini_batch(mini_batch, eta); in its later form, which has a
cost, with lmbda and n too.
"""

from pathlib import Path
from typing import Any

from . import recognised
from .recognised import *  # noqa: F403


def load(path: Path, options: Any = None) -> Any:
    """Return the network in the file's class; raises UnusableFileError where none is found."""
    return recognised.load(path, options, (recognised.CLASS,))
