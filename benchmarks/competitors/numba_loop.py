"""The lesson's loop over records, compiled by numba: float64, strict IEEE arithmetic, nothing allocated within the loop."""

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.work import Competitor
from compare.problem.problem import Problem

Array = NDArray[np.floating[Any]]


def numba_loop(problem: Problem) -> Competitor:
    """Return the loop on the problem's records, compiled and run once."""
    x, y = problem.batch(1)
    targets = y[:, 0].copy()
    weights: dict[str, Array] = {}

    def reset() -> None:
        weights["0.weight"] = problem.initial_parameters["0.weight"].copy()
        weights["2.weight"] = problem.initial_parameters["2.weight"][0].copy()

    def run(steps: int) -> object:
        return train(x, targets, weights["0.weight"], weights["2.weight"], problem.lr, steps)

    reset()
    run(1)
    return Competitor(run, reset, lambda: {"0.weight": weights["0.weight"], "2.weight": weights["2.weight"][None]})


@numba.njit(fastmath=False)  # type: ignore[untyped-decorator]
def train(x: Array, y: Array, w1: Array, w2: Array, lr: float, epochs: int) -> Array:
    """Train w1 (hidden, in) and w2 (hidden,) in place on x (n, in) and y (n,), and return each epoch's loss."""
    n, n_in = x.shape
    n_hidden = w2.size
    hidden = np.empty(n_hidden)
    step1, step2 = np.empty_like(w1), np.empty_like(w2)
    losses = np.zeros(epochs)
    for epoch in range(epochs):
        step1[:] = 0
        step2[:] = 0
        for record in range(n):
            z2 = 0.0
            for j in range(n_hidden):
                z1 = 0.0
                for i in range(n_in):
                    z1 += w1[j, i] * x[record, i]
                hidden[j] = 1 / (1 + math.exp(-z1))
                z2 += w2[j] * hidden[j]
            output = 1 / (1 + math.exp(-z2))
            error = y[record] - output
            losses[epoch] += error * error / (2 * n)
            term2 = error * output * (1 - output)
            for j in range(n_hidden):
                term1 = term2 * w2[j] * hidden[j] * (1 - hidden[j])
                step2[j] += term2 * hidden[j]
                for i in range(n_in):
                    step1[j, i] += term1 * x[record, i]
        for j in range(n_hidden):
            w2[j] += lr * step2[j] / n
            for i in range(n_in):
                w1[j, i] += lr * step1[j, i] / n
    return losses
