"""Activations with a slope of one's own below 0, as layers."""

from functools import partial

from .activations import Activation
from .layers import Activate
from .relu import LEAK, elu, elu_derivative, leaky_relu, leaky_relu_derivative


class LeakyReLU(Activate):
    """a = z for z > 0, else s z, with s the `negative_slope`."""

    def __init__(self, negative_slope: float = LEAK) -> None:
        slope = float(negative_slope)
        super().__init__(Activation("leaky_relu", partial(leaky_relu, slope=slope), partial(leaky_relu_derivative, slope=slope)))


class ELU(Activate):
    """a = z for z > 0, else α (eᶻ − 1)."""

    def __init__(self, alpha: float = 1.0) -> None:
        alpha = float(alpha)
        super().__init__(Activation("elu", partial(elu, alpha=alpha), partial(elu_derivative, alpha=alpha)))
