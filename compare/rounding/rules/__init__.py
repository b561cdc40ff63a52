"""The rounding envelope's rules, one for each piece: the most by which two honest implementations of it can differ."""

from compare.rounding.rules.activations import ACTIVATIONS, ActivationRule
from compare.rounding.rules.elementwise import Pullback
from compare.rounding.rules.losses import LOSSES, LossRule
from compare.rounding.rules.optimizers import OPTIMIZERS, OptimizerRule

__all__ = ["ACTIVATIONS", "ActivationRule", "LOSSES", "LossRule", "OPTIMIZERS", "OptimizerRule", "Pullback"]
