"""The biases of a class's network: whether the output depends on them, where they lie in a weight, and whether they are trained."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..network import Network
from .trial import Trial

_FIXED = re.compile(
    r"bias(es)?\W+((is|are|stays?|remains?|kept|not|never|left)\W+){1,3}(fixed|constant|frozen|unchanged|updated|trained|learn(ed|t))",
    re.IGNORECASE,
)


def depends_on_biases(trial: Trial) -> bool:
    """Return whether the output depends on every bias that was found by its shape alone."""
    about = trial.about
    if about.run is None:
        return False
    one = about.run(trial.fresh(), trial.x)
    for at, shape in enumerate(about.shapes()):
        if len(shape) == 1:
            root = trial.fresh()
            arrays = [array + (number == at) for number, array in enumerate(about.parameters(root))]
            if np.allclose(one, about.run(about.written(root, arrays), trial.x)):
                return False
    return True


def place_bias(trial: Trial) -> None:
    """Take the last column for the bias where the output of a record of zeros does not depend on the first."""
    about = trial.about
    if about.run is None or about.layers[0].within is None:
        return
    root = trial.fresh()
    moved = [array + (number == 1) for number, array in enumerate(about.parameters(root))]
    if np.allclose(about.run(trial.fresh(), 0 * trial.x), about.run(about.written(root, moved), 0 * trial.x)):
        other = "last" if about.layers[0].within == "first" else "first"
        about.layers = [replace(layer, within=other) for layer in about.layers]


def leave_out_fixed_biases(about: Network) -> None:
    """Set biases that the file says are not trained, and that no step changes, to 0, and compare the others' training."""
    before, after, _, _ = about.tried()
    pairs = [(one, two) for one, two in zip(before, after, strict=True) if one.ndim == 1]
    if not pairs or not all(np.array_equal(*each) for each in pairs) or about.layers[0].within is not None:
        return
    if not _FIXED.search(Path(about.module.__file__).read_text(encoding="utf-8", errors="replace")):
        return
    about.fixed = list(about.layers)
    about.layers = [replace(layer, bias=None) for layer in about.layers]
    about.notes.append("its biases are not trained, as it says: they are 0 here, and the weights alone are compared")
