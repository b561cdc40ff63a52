"""The losses along which a step may go: of pairs of an output and its target, or numbers that the file itself names so."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...support.arrays import Array
from .watch import Pair

SQUARES, LOGS, ABSOLUTE = "squares", "logs", "absolute"
Loss = Callable[[Array, Array], float]

def _cross_entropy(output: Array, target: Array) -> float:
    return float(-np.sum(target * np.log(output)))

def _binary(output: Array, target: Array) -> float:
    return float(-np.sum(target * np.log(output) + (1 - target) * np.log(1 - output)))

LOSSES: Mapping[str, tuple[str, Loss]] = {
    "½ Σ (output − target)²": (SQUARES, lambda output, target: float(0.5 * np.sum((output - target) ** 2))),
    "binary cross-entropy": (LOGS, _binary),
    "cross-entropy": (LOGS, _cross_entropy),
    "Σ |output − target|": (ABSOLUTE, lambda output, target: float(np.sum(np.abs(output - target)))),
}

def losses_for(outputs: Sequence[Array], targets: Sequence[Array]) -> list[str]:
    """Return the names of the losses that these outputs can have with these targets."""
    every = np.concatenate([each.ravel() for each in outputs])
    wanted = np.concatenate([each.ravel() for each in targets])
    names = ["½ Σ (output − target)²"]
    if ((every > 0) & (every < 1)).all() and ((wanted >= 0) & (wanted <= 1)).all():
        if all(any(np.allclose(each.sum(axis=axis), 1) for axis in range(each.ndim)) for each in outputs if each.size > 1):
            names.append("cross-entropy")
        names.append("binary cross-entropy")
    return [*names, "Σ |output − target|"]

def value(name: str, pairs: Sequence[Pair], is_second: bool) -> float:
    """Return the loss of that name, summed over the pairs; `is_second` says that the second of each is the output."""
    function = LOSSES[name][1]
    return sum(function(*((each.other, each.one) if is_second else (each.one, each.other))) for each in pairs)

def kind_of(name: str) -> str:
    """Return of which kind the loss of that name is."""
    return LOSSES[name][0]

