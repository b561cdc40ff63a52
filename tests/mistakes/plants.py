"""The planted mistakes that a network can have, each as edits of the trainer's text."""

from collections.abc import Iterator

from tests.mistakes import plants_errors, plants_gradients, plants_met, plants_updates
from tests.mistakes.networks import Network
from tests.mistakes.plant import Plant

__all__ = ["Plant", "plants"]

_GROUPS = (
    plants_errors.at_slopes,
    plants_errors.at_output,
    plants_gradients.on_the_way_back,
    plants_gradients.in_weights,
    plants_gradients.over_records,
    plants_gradients.in_biases,
    plants_updates.in_update,
    plants_updates.in_batches,
    plants_updates.in_optimizer,
    *plants_met.GROUPS,
)


def plants(network: Network) -> Iterator[Plant]:
    """All planted mistakes that apply to that network, in the order of their groups."""
    for group in _GROUPS:
        yield from group(network)
