"""The lesson's network in plain vectorised NumPy, all records at once, as one would first write it. Do not tune it: it is a yardstick."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.work import Competitor
from compare.problem.problem import Problem

Array = NDArray[np.floating[Any]]


def plain_numpy(problem: Problem) -> Competitor:
    """Return the loop on the problem's records."""
    x, y = problem.batch(1)
    weights: dict[str, Array] = {}
    return Competitor(
        run=lambda steps: train(x, y, weights["0.weight"], weights["2.weight"], lr=problem.lr, epochs=steps),
        reset=lambda: weights.update({name: array.copy() for name, array in problem.initial_parameters.items()}),
        weights=lambda: weights,
    )


def train(x: Array, y: Array, w1: Array, w2: Array, *, lr: float, epochs: int) -> list[float]:
    """Train w1 (hidden, in) and w2 (1, hidden) in place on x (n, in) and y (n, 1), and return each epoch's loss."""
    losses = []
    for _ in range(epochs):
        h = 1 / (1 + np.exp(-(x @ w1.T)))
        output = 1 / (1 + np.exp(-(h @ w2.T)))
        error = output - y
        losses.append(0.5 * float(np.mean(error**2)))
        delta2 = error / error.size * output * (1 - output)
        delta1 = (delta2 @ w2) * h * (1 - h)
        w2 -= lr * (delta2.T @ h)
        w1 -= lr * (delta1.T @ x)
    return losses
