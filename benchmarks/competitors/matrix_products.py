"""The matrix products of a training step, and nothing else: a lower bound on the time of any implementation that uses them."""

import numpy as np

from benchmarks.work import Competitor
from compare.problem.problem import Problem


def matrix_products(problem: Problem) -> Competitor:
    """Return them for each layer, into arrays made beforehand: z = a Wᵀ, ∂L/∂W = δᵀ a and, but for the first, ∂L/∂a = δ W."""
    x, _ = problem.batch(1)
    random = np.random.default_rng(problem.seed)
    weights = [array.copy() for array in problem.initial_parameters.values() if array.ndim == 2]      # (out, in)
    activations = [x, *(random.random((len(x), len(weight))).astype(problem.dtype) for weight in weights)]
    outputs = [np.empty_like(a) for a in activations[1:]]
    errors = [np.empty_like(a) for a in activations]
    grads = [np.empty_like(weight) for weight in weights]

    def run(steps: int) -> None:
        for _ in range(steps):
            for i, weight in enumerate(weights):
                np.dot(activations[i], weight.T, out=outputs[i])
            for i in reversed(range(len(weights))):
                np.dot(activations[i + 1].T, activations[i], out=grads[i])
                if i > 0:
                    np.dot(activations[i + 1], weights[i], out=errors[i])

    return Competitor(run)
