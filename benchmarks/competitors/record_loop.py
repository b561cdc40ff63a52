"""The lesson's training loop as the lesson writes it: over the records, one by one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.work import Competitor
from compare.problem.problem import Problem

Array = NDArray[np.floating[Any]]


def record_loop(problem: Problem) -> Competitor:
    """Return the loop on the problem's records, with arrays in the lesson's layout."""
    x, y = problem.batch(1)
    targets = y[:, 0].copy()
    arrays: dict[str, Array] = {}

    def reset() -> None:
        arrays["input_hidden"] = problem.initial_parameters["0.weight"].T.copy()      # (in, hidden)
        arrays["hidden_output"] = problem.initial_parameters["2.weight"][0].copy()    # (hidden,)

    return Competitor(
        run=lambda steps: train(x, targets, arrays["input_hidden"], arrays["hidden_output"], epochs=steps, learnrate=problem.lr),
        reset=reset,
        weights=lambda: {"0.weight": arrays["input_hidden"].T, "2.weight": arrays["hidden_output"][None]},
    )


def sigmoid(x: Any) -> Any:
    """σ(x) = 1 / (1 + e⁻ˣ), in the lesson's form."""
    return 1 / (1 + np.exp(-x))


def train(
    features: Array, targets: Array, weights_input_hidden: Array, weights_hidden_output: Array, *, epochs: int, learnrate: float
) -> None:
    """Train the lesson's arrays in place: features (n, in), targets (n,), weights (in, hidden) and (hidden,).

    Names and operations are the lesson's; its report of the loss, ten times in the whole training, is left out.
    """
    n_records = len(features)
    for _ in range(epochs):
        del_w_input_hidden = np.zeros(weights_input_hidden.shape)
        del_w_hidden_output = np.zeros(weights_hidden_output.shape)
        for x, y in zip(features, targets, strict=True):
            hidden_input = np.dot(x, weights_input_hidden)
            hidden_output = sigmoid(hidden_input)
            output = sigmoid(np.dot(hidden_output, weights_hidden_output))

            error = y - output
            output_error_term = error * output * (1 - output)
            hidden_error = np.dot(output_error_term, weights_hidden_output)
            hidden_error_term = hidden_error * hidden_output * (1 - hidden_output)
            del_w_hidden_output += output_error_term * hidden_output
            del_w_input_hidden += hidden_error_term * x[:, None]
        weights_input_hidden += learnrate * del_w_input_hidden / n_records
        weights_hidden_output += learnrate * del_w_hidden_output / n_records
