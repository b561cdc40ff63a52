"""The catalogue: every mistake that can be named; of those that cannot be told apart, the first here is named first."""

from ..mistake import Mistake
from .adam import ADAM
from .biases import BIASES
from .casts import CASTS
from .error_terms import ERROR_TERMS
from .forward import FORWARD
from .gradients import GRADIENTS
from .losses import LOSSES
from .normalization import NORMALIZATION
from .numbers import FAMILIES, WITH_NUMBERS
from .optimizers import OPTIMIZERS
from .other_steps import OTHER_STEPS
from .slopes import SLOPES
from .updates import UPDATES

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
"""The catalogue and the mistakes with a number of their own, each with its usual number."""


def kind_of(mistake: Mistake) -> str:
    """Return what the mistake is about, for a hint."""
    kinds = [kind for kind, mistakes in _BY_KIND.items() if mistake in mistakes]
    kinds += [kind for kind, families in WITH_NUMBERS.items() if mistake.id in {each.id for each in families}]
    return kinds[0] if kinds else "a factor"
