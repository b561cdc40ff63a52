"""Files of functions on a dict `parameters` with W1, b1, W2, …, and records in columns, as in a well-known course.

Either forward_propagation(X, parameters), backward_propagation(parameters, cache, X, Y) and update_parameters(parameters, grads), for one
hidden layer of tanh; or L_model_forward(X, parameters), L_model_backward(AL, Y, caches) and update_parameters, for any number of layers of
relu. The output is a sigmoid's, and compute_cost the cross-entropy. Arguments are passed by name, so that their order does not matter.

course_modules.py replaces the course's helper modules, if the file imports them.
"""

from collections import defaultdict
from typing import Any

import numpy as np

from .course_modules import MODULES  # noqa: F401
from .definitions import by_name, load  # noqa: F401

CONVENTIONS = {"params": "W1b1", "weights": "out_in", "records": "columns", "bias": "(k, 1)"}


def problem(attempt: Any) -> Any:
    """Return a problem with two relu layers for the form with any number of layers, else with one hidden layer of tanh."""
    common = {"loss": "bce", "bias": True}
    if hasattr(attempt, "L_model_forward"):
        return {"sizes": (4, 3, 2, 1), "activations": ("relu", "relu", "sigmoid"), **common}
    return {"sizes": (2, 4, 1), "activations": ("tanh", "sigmoid"), **common}


def forward(attempt: Any, params: Any, x: Any) -> Any:
    """The output (1, n)."""
    return propagated(attempt, params, x)[0]


def loss(attempt: Any, output: Any, y: Any) -> Any:
    """Return the cost; parameters of 0 are passed if it takes parameters, since it should not use them."""
    if not hasattr(attempt, "compute_cost"):
        return NotImplemented
    none: Any = defaultdict(lambda: np.zeros((1, 1)))
    return by_name(attempt.compute_cost, {"A2": output, "AL": output, "A": output, "Y": y, "parameters": none})


def gradients(attempt: Any, params: Any, x: Any, y: Any) -> Any:
    """dW1, db1, … of the backward pass."""
    output, cache = propagated(attempt, params, x)
    backward = getattr(attempt, "L_model_backward", None) or attempt.backward_propagation
    names = {"parameters": params, "params": params, "cache": cache, "caches": cache, "X": x, "Y": y, "AL": output, "A2": output}
    return by_name(backward, names)


def train_step(attempt: Any, params: Any, x: Any, y: Any, lr: Any) -> Any:
    """The parameters after an update with the gradients."""
    if not hasattr(attempt, "update_parameters"):
        return NotImplemented
    grads = gradients(attempt, params, x, y)
    names = {"parameters": params, "params": params, "grads": grads, "gradients": grads, "learning_rate": lr, "lr": lr, "alpha": lr}
    return by_name(attempt.update_parameters, names)


def propagated(attempt: Any, params: Any, x: Any) -> Any:
    """Return the output and the cache for the backward pass."""
    forward = getattr(attempt, "L_model_forward", None) or attempt.forward_propagation
    return by_name(forward, {"X": x, "parameters": params, "params": params})
