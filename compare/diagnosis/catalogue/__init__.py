"""The catalogue: every mistake that can be named, in the order in which those are named that cannot be told apart."""

from compare.diagnosis.catalogue.adam import ADAM
from compare.diagnosis.catalogue.biases import BIASES
from compare.diagnosis.catalogue.casts import CASTS
from compare.diagnosis.catalogue.error_terms import ERROR_TERMS
from compare.diagnosis.catalogue.forward import FORWARD
from compare.diagnosis.catalogue.gradients import GRADIENTS
from compare.diagnosis.catalogue.losses import LOSSES
from compare.diagnosis.catalogue.normalization import NORMALIZATION
from compare.diagnosis.catalogue.numbers import FAMILIES, WITH_NUMBERS
from compare.diagnosis.catalogue.optimizers import OPTIMIZERS
from compare.diagnosis.catalogue.other_steps import OTHER_STEPS
from compare.diagnosis.catalogue.slopes import SLOPES
from compare.diagnosis.catalogue.updates import UPDATES
from compare.diagnosis.mistake import Mistake

__all__ = ["CATALOGUE", "LISTED", "kind_of"]

_BY_KIND: dict[str, tuple[Mistake, ...]] = {
    "the derivative of an activation": SLOPES,
    "the error, at the output or on its way back": ERROR_TERMS,
    "the gradient of a weight": GRADIENTS,
    "the update: what the gradients are multiplied by and added to": UPDATES,
    "the gradient of a bias": BIASES,
    "another step than it should be": OTHER_STEPS,
    "the loss, its value or the derivative of a term": LOSSES,
    "the forward pass": FORWARD,
    "normalisation or dropout": NORMALIZATION,
    "the optimiser": (*OPTIMIZERS, *ADAM),
    "the precision of a number": CASTS,
}

CATALOGUE: tuple[Mistake, ...] = tuple(mistake for mistakes in _BY_KIND.values() for mistake in mistakes)

LISTED: tuple[Mistake, ...] = (*CATALOGUE, *(family.at(family.usual) for family in FAMILIES if not family.beside))
"""The same and, each with a number that is usual, those that have a number of their own."""


def kind_of(mistake: Mistake) -> str:
    """What the mistake is about, for a hint."""
    kind = next((kind for kind, mistakes in _BY_KIND.items() if mistake in mistakes), None)
    return kind or next((kind for kind, families in WITH_NUMBERS.items() if mistake.id in {each.id for each in families}), "a factor")
