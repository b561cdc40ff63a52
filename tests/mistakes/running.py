"""Running a source text as an attempt: three steps of training from given parameters."""

from typing import Any

import numpy as np

from compare import Problem
from tests.mistakes.networks import Network
from tests.mistakes.plant import Plant

RATES = (0.3, 0.3, 0.2)
Arrays = dict[str, Any]


def attempt(text: str) -> Arrays:
    """The names that the text defines, executed afresh."""
    names: Arrays = {"__name__": "attempt"}
    exec(compile(text, "attempt.py", "exec"), names)
    return names


def problem(network: Network, seed: int = 21, records: tuple[int, ...] = (7, 5, 6)) -> Problem:
    """The network on drawn batches; cross entropy's targets are probabilities."""
    fields = network.problem()
    options = {name: fields.pop(name) for name in network.options}
    drawn = Problem.draw(fields.pop("sizes"), records=records, seed=seed)
    batches = [(x, y / y.sum(axis=1, keepdims=True) if network.loss == "cross_entropy" else y) for x, y in drawn.batches]
    return Problem(sizes=network.sizes, seed=seed, batches=tuple(batches), optimizer_options=options, **fields)


def probe(network: Network, plant: Plant, seed: int = 21) -> tuple[Arrays, list[Any]]:
    """Parameters and batches that show the mistake if anything does."""
    drawn = problem(network, seed, (6, 6, 6) if plant.probe == "equal" else (7, 5, 6))
    params = {name: array.copy() for name, array in drawn.initial_parameters.items()}
    if plant.probe == "zeros" and plant.layer is not None:
        params[network.weight(plant.layer)][0] = 0.0
        if network.bias:
            params[network.bias_name(plant.layer)][0] = 0.0
    return params, list(drawn.batches)


def trained(text: str, params: Arrays, batches: list[Any], rates: tuple[float, ...] = RATES) -> Arrays:
    """The parameters after a step on each batch."""
    step = attempt(text)["train_step"]
    params = {name: array.copy() for name, array in params.items()}
    for (x, y), lr in zip(batches, rates, strict=True):
        result = step(params, x.copy(), y.copy(), lr)
        params = params if result is None else {name: np.array(array) for name, array in result.items()}
    return params


def gap(first: Arrays, second: Arrays) -> float:
    """The largest difference of two sets of parameters, relative to the larger of the two, or to 1e-3."""

    def of(a: Any, b: Any) -> float:
        return float(np.max(np.abs(a - b) / np.maximum(1e-3, np.maximum(np.abs(a), np.abs(b)))))

    return max(of(first[name], second[name]) for name in first)
