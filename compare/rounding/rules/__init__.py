"""One rule for each piece of a network: the most by which two honest implementations of it can differ."""

from .activations import ACTIVATIONS, ActivationRule
from .elementwise import Pullback
from .losses import LOSSES, LossRule
from .optimizers import OPTIMIZERS, OptimizerRule

__all__ = ["ACTIVATIONS", "ActivationRule", "LOSSES", "LossRule", "OPTIMIZERS", "OptimizerRule", "Pullback"]
