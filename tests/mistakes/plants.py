"""The planted mistakes that a network can have, each as edits of the trainer's text."""

from collections.abc import Iterator

from tests.mistakes import plants_errors, plants_forward, plants_gradients, plants_met, plants_readings, plants_updates
from tests.mistakes.networks import Network
from tests.mistakes.plant import Plant
from tests.mistakes.trainer import STYLES, Style, source

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
    *plants_forward.GROUPS,
    *plants_readings.GROUPS,
)


def plants(network: Network, style: Style = STYLES[0]) -> Iterator[Plant]:
    """The planted mistakes that apply to that network, in the order of their groups, and make the same numbers in that style."""
    text = source(network, style)
    for group in _GROUPS:
        for plant in group(network):
            is_other = (plant.has_sign and style.is_reversed) or (plant.has_scale and style.mean_in == "gradient")
            if not is_other and (style == STYLES[0] or plant.fits(text)):
                yield plant
