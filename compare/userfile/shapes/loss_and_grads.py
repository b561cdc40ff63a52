"""Files with a class TwoLayerNet whose loss(X, y) returns the loss and a dict of gradients, as in a well-known course on vision.

It has `params`, a dict with W1 (in, out), b1, W2, b2; loss(X) without y returns the scores. The hidden layer is relu's, the loss the
softmax cross-entropy of class indices; the regularisation is set to 0. A FullyConnectedNet(hidden_dims) is checked with two hidden layers.
Such a class makes no step of its own, so its scores, its loss and its gradients are compared.
"""

import inspect
from typing import Any

import numpy as np

from .definitions import by_name, class_with, load  # noqa: F401

CONVENTIONS = {"params": "W1b1", "weights": "in_out", "records": "rows"}


def problem(attempt: Any) -> Any:
    """Return a problem with one hidden layer, or two if the class takes a list of them, and three classes."""
    has_list = "hidden_dims" in inspect.signature(class_with(attempt, "loss")).parameters
    sizes = (4, 6, 5, 3) if has_list else (4, 6, 3)
    activations = (*("relu" for _ in sizes[2:]), "identity")
    return {"sizes": sizes, "activations": activations, "bias": True, "loss": "cross_entropy", "targets": "classes"}


def notes(attempt: Any) -> Any:
    """Say what is not compared."""
    made = class_with(attempt, "loss")
    has_reg = any("reg" in inspect.signature(each).parameters for each in (made, made.loss))
    return ["reg is set to 0: regularisation is not compared"] if has_reg else []


def forward(attempt: Any, params: Any, x: Any) -> Any:
    """The scores (n, k)."""
    return answer(network_with(attempt, params), x, None)


def trace(attempt: Any, params: Any, x: Any, y: Any) -> Any:
    """Return the loss, which the class returns with the gradients."""
    return {"loss": answer(network_with(attempt, params), x, y)[0]}


def gradients(attempt: Any, params: Any, x: Any, y: Any) -> Any:
    """The gradients, by the parameters' names."""
    return answer(network_with(attempt, params), x, y)[1]


def answer(network: Any, x: Any, y: Any) -> Any:
    """Return the result of loss(X, y), without regularisation."""
    has_reg = "reg" in inspect.signature(network.loss).parameters
    return network.loss(x, y, **({"reg": 0.0} if has_reg else {}))


def network_with(attempt: Any, params: Any) -> Any:
    """Return a network with these parameters, each in the network's own shape."""
    made = class_with(attempt, "loss")
    sizes = [params["W1"].shape[0], *(params[name].shape[1] for name in params if name.startswith("W"))]
    names = {"reg": 0.0, "dtype": np.float64}
    names |= dict.fromkeys(("input_size", "input_dim", "D"), sizes[0]) | dict.fromkeys(("output_size", "num_classes", "C"), sizes[-1])
    names |= dict.fromkeys(("hidden_size", "hidden_dim", "H"), sizes[1]) | {"hidden_dims": sizes[1:-1]}
    network = by_name(made, names)
    network.params.update({name: array.reshape(np.shape(network.params[name])) for name, array in params.items()})
    return network
