"""Files of functions on a dict `parameters` with W1, b1, W2, …, and records in columns, as in a well-known course.

Either forward_propagation(X, parameters), backward_propagation(parameters, cache, X, Y) and update_parameters(parameters, grads); or
L_model_forward(X, parameters), L_model_backward(AL, Y, caches) and update_parameters, for any number of layers. The output is a sigmoid's,
and the loss the cross-entropy, also where no compute_cost says it.
"""

from pathlib import Path
from typing import Any

from . import recognised
from .recognised import (  # noqa: F401
    MODULES,
    activations,
    conventions,
    forward,
    found,
    gradients,
    loss,
    notes,
    offers,
    own_losses,
    trace,
    train_step,
)


def load(path: Path, options: Any = None) -> Any:
    """Return the network in the file's functions; raises UnusableFileError where none is found."""
    return recognised.load(path, options, (recognised.FUNCTIONS,))


def problem(network: Any) -> dict[str, Any]:
    """Return what is known of the problem."""
    return {**recognised.problem(network), "loss": "bce"}
