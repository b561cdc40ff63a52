"""Where a mistake can be made: conditions on a problem and one of its layers, counted from 1."""

from ...problem.problem import Problem
from ..formulas import is_elementwise
from ..mistake import Applies


def both(*conditions: Applies) -> Applies:
    """Where all of them hold."""
    return lambda problem, layer: all(condition(problem, layer) for condition in conditions)


def by(*optimizers: str) -> Applies:
    """Where the optimiser is one of those."""
    return lambda problem, layer: problem.optimizer in optimizers


def uses(option: str) -> Applies:
    """Where that option of the optimiser is set."""
    return lambda problem, layer: bool(problem.optimizer_options.get(option))


def has(*activations: str) -> Applies:
    """Where the layer's activation is one of those."""
    return lambda problem, layer: problem.layers[layer - 1].function in activations


def has_bias(problem: Problem, layer: int) -> bool:
    """Where layers have biases."""
    return problem.bias


def is_mean(problem: Problem, layer: int) -> bool:
    """Where the loss is a mean."""
    return problem.reduction == "mean"


def is_square(problem: Problem, layer: int) -> bool:
    """Where the layer has as many units as inputs."""
    return problem.layers[layer - 1].units_in == problem.layers[layer - 1].units


def is_of_logits(problem: Problem, layer: int) -> bool:
    """Where the loss is one of logits."""
    return problem.loss in ("cross_entropy", "bce_with_logits")


def bends(problem: Problem, layer: int) -> bool:
    """Where the layer's activation is elementwise, and not the identity."""
    function = problem.layers[layer - 1].function
    return is_elementwise(function) and function != "identity"


def bends_but_not(*activations: str) -> Applies:
    """Where it bends, and is none of those."""
    return lambda problem, layer: bends(problem, layer) and problem.layers[layer - 1].function not in activations


def is_smooth(problem: Problem, layer: int) -> bool:
    """Where it bends, and not in one point."""
    return bends_but_not("relu", "leaky_relu")(problem, layer)
