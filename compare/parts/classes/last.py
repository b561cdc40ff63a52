"""A last layer, whose backward method takes the targets: it goes along a loss of its output that the file need not name."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from ...support.arrays import Array

_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "½ Σ (output − target)²": lambda out, target: ((out - target) ** 2).sum() / 2,
    "cross-entropy": lambda out, target: -(target * out.log()).sum(),
    "binary cross-entropy": lambda out, target: -(target * out.log() + (1 - target) * (1 - out).log()).sum(),
}


def targets_of(out: Array, seed: int) -> Iterator[tuple[str, Array, Array]]:
    """Yield losses of an output in words, with targets and the gradient at the output: in sum or mean, and twice that."""
    random, n = np.random.default_rng((seed, 7)), len(np.atleast_1d(out))
    is_share = bool(((out > 0) & (out < 1)).all())
    is_softmax = is_share and out.ndim == 2 and out.shape[1] > 1 and np.allclose(out.sum(axis=1), 1)
    names = ["cross-entropy"] * is_softmax + ["binary cross-entropy"] * is_share + ["½ Σ (output − target)²"]
    for name in names:
        of_two = np.asarray(random.integers(0, 2, out.shape), float)
        target = np.eye(out.shape[1])[random.integers(0, out.shape[1], n)] if is_softmax else of_two
        leaf = torch.from_numpy(out.copy()).requires_grad_()
        slope = torch.autograd.grad(_LOSSES[name](leaf, torch.from_numpy(target)), leaf)[0].numpy()
        for said, factor in {"": 1.0, "1/n of ": 1 / n, "1/nk of ": 1 / out.size}.items():
            yield f"{said}{name}", target, np.asarray(factor * slope)
            yield f"{said}twice {name}", target, np.asarray(2 * factor * slope)
