"""Files with a class Network(sizes) that keeps lists of weights (out, in) and biases (out, 1), as in a well-known online book.

It has feedforward(a), backprop(x, y) for one record in a column, and update_mini_batch(mini_batch, eta); in its later form, which has a
cost, with lmbda and n too. All activations are sigmoids. The quadratic cost ½ Σ (a − y)² is summed over the outputs and averaged over the
records, which is half_mse for a single output; so the problem has one output.
"""

import inspect
from typing import Any

import numpy as np

from .definitions import class_with, ends, going_on, load  # noqa: F401

SIZES = (4, 3, 2, 1)
CONVENTIONS = {"params": "list", "weights": "out_in", "records": "rows", "bias": "(k, 1)"}


def problem(attempt: Any) -> Any:
    """Return a problem with cross-entropy if that is the network's cost, as by default in the later form, else with half_mse."""
    cost = getattr(class_with(attempt, "backprop")(list(SIZES)), "cost", None)
    is_cross_entropy = "cross" in getattr(cost, "__name__", type(cost).__name__).lower()
    return {"sizes": SIZES, "activations": "sigmoid", "bias": True, "loss": "bce" if is_cross_entropy else "half_mse"}


def notes(attempt: Any) -> Any:
    """Say what is not compared."""
    method = getattr(class_with(attempt, "backprop"), "update_mini_batch", None)
    decays = method is not None and len(inspect.signature(method).parameters) > 3
    return ["lmbda is set to 0: weight decay is not compared"] if decays else []


def forward(attempt: Any, params: Any, x: Any) -> Any:
    """The output for each record."""
    network = network_with(attempt, params)
    return np.array([np.ravel(network.feedforward(record)) for record in columns(x)])


def loss(attempt: Any, output: Any, y: Any) -> Any:
    """Return the mean of the cost's fn over the records, if the network has such a cost."""
    cost: Any = getattr(class_with(attempt, "backprop")(list(SIZES)), "cost", None)
    if not hasattr(cost, "fn"):
        return NotImplemented
    return np.mean([cost.fn(a, target) for a, target in zip(columns(output), columns(y), strict=True)])


def gradients(attempt: Any, params: Any, x: Any, y: Any) -> Any:
    """Return the mean of backprop's results over the records."""
    network = network_with(attempt, params)
    records = [network.backprop(record, target) for record, target in zip(columns(x), columns(y), strict=True)]
    return interleaved(*([np.mean(layer, axis=0) for layer in zip(*each, strict=True)] for each in zip(*records, strict=True)))


def train_step(attempt: Any, params: Any, x: Any, y: Any, lr: Any) -> Any:
    """Return the weights and biases after a mini-batch of all records, without weight decay."""
    network = going_on(attempt, params, lambda: network_with(attempt, params))
    if not hasattr(network, "update_mini_batch"):
        return NotImplemented
    further = len(inspect.signature(network.update_mini_batch).parameters) - 2
    network.update_mini_batch(list(zip(columns(x), columns(y), strict=True)), lr, *(0.0, len(x))[:further])
    ends(attempt, network, interleaved(network.biases, network.weights))
    return [np.array(array) for array in interleaved(network.biases, network.weights)]


def network_with(attempt: Any, params: Any) -> Any:
    """A network with these weights and biases."""
    weights, biases = params[0::2], params[1::2]
    network = class_with(attempt, "backprop")([weights[0].shape[1], *(len(bias) for bias in biases)])
    network.weights, network.biases = [array.copy() for array in weights], [array.copy() for array in biases]
    return network


def columns(rows: Any) -> Any:
    """Each record (units,) as a column (units, 1)."""
    return list(rows[:, :, None])


def interleaved(biases: Any, weights: Any) -> Any:
    """[W1, b1, W2, b2, …]."""
    return [array for pair in zip(weights, biases, strict=True) for array in pair]
