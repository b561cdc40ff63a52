"""Where a mistake can be made: conditions on a problem and one of its layers, counted from 1."""

from ...problem.problem import Problem
from ..formulas import is_elementwise
from ..mistake import Applies


def both(*conditions: Applies) -> Applies:
    """Return the condition that all of these hold."""
    return lambda problem, layer: all(condition(problem, layer) for condition in conditions)


def unless(condition: Applies) -> Applies:
    """Return the condition that this one does not hold."""
    return lambda problem, layer: not condition(problem, layer)


def by(*optimizers: str) -> Applies:
    """Return the condition that the optimiser is one of these."""
    return lambda problem, layer: problem.optimizer in optimizers


def uses(option: str) -> Applies:
    """Return the condition that the optimiser's option is set, and not 0."""
    return lambda problem, layer: bool(problem.optimizer_options.get(option))


def has_velocity(problem: Problem, layer: int) -> bool:
    """Return whether the update is gradient descent with momentum."""
    return problem.optimizer == "sgd" and bool(problem.optimizer_options["momentum"])


def has(*activations: str) -> Applies:
    """Return the condition that the layer's activation is one of these."""
    return lambda problem, layer: problem.layers[layer - 1].function in activations


def loss_is(*losses: str) -> Applies:
    """Return the condition that the loss is one of these."""
    return lambda problem, layer: problem.loss in losses


is_of_logits = loss_is("cross_entropy", "bce_with_logits")


def has_bias(problem: Problem, layer: int) -> bool:
    """Return whether layers have biases."""
    return problem.bias


def is_mean(problem: Problem, layer: int) -> bool:
    """Return whether the loss is a mean over the records."""
    return problem.reduction != "sum"


def is_square(problem: Problem, layer: int) -> bool:
    """Return whether the layer has as many units as inputs."""
    return problem.layers[layer - 1].units_in == problem.layers[layer - 1].units


def mixes_units(problem: Problem, layer: int) -> bool:
    """Return whether the layer's activation is a softmax or log-softmax, which is not elementwise."""
    return not is_elementwise(problem.layers[layer - 1].function)


def bends(problem: Problem, layer: int) -> bool:
    """Return whether the layer's activation is elementwise and not the identity."""
    return not mixes_units(problem, layer) and problem.layers[layer - 1].function != "identity"


def bends_but_not(*activations: str) -> Applies:
    """Return the condition that the layer's activation is elementwise, not the identity, and none of these."""
    return both(bends, unless(has(*activations)))


is_smooth = bends_but_not("relu", "leaky_relu")
