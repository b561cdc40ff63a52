"""The rounding envelope's rules, one for each piece: the most by which two honest implementations of it can differ."""

from compare.rules.activations import ACTIVATIONS, ActivationRule
from compare.rules.elementwise import Pullback
from compare.rules.losses import LOSSES, LossRule
from compare.rules.optimizers import OPTIMIZERS, OptimizerRule

__all__ = ["ACTIVATIONS", "ActivationRule", "LOSSES", "LossRule", "OPTIMIZERS", "OptimizerRule", "Pullback"]
